"""A running server with people in it, made ready from beside it: no form is filled in for that."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from itertools import count
from pathlib import Path
from typing import Any

from strongroom.accounts.service import Accounts, SignedIn, SignInBlocked, Where
from strongroom.cli.user import accounts_of
from strongroom.errors import Refused
from strongroom.permissions import Permission, Role
from tests.serving import Installation
from tests.unit.accounts import quickly
from tests.web.wire import AGENT

PASSWORD = "four lilac herons wade"
HERE = Where("127.0.0.1", AGENT)


class Household:
    """An installation where Ada administers, Otto reads the logs, and Mia has files.

    ``accounts`` is a second process's view of the same accounts, as the command line has it.
    """

    def __init__(self, data: Path, **settings: Any) -> None:
        self.server = Installation.with_accounts(data, **settings).start()
        self._open = ExitStack()
        beside: AbstractContextManager[Accounts] = accounts_of({"data": str(data)})
        self.accounts = quickly(self._open.enter_context(beside))
        self.ids: dict[str, str] = {}
        self._numbers = count()
        secret = self.accounts.setup_secret()
        assert secret is not None
        ada = self.accounts.set_up(secret, "Ada", PASSWORD, where=HERE)
        self.ids["Ada"] = str(ada.identity.user_id)
        self.add("Otto", Role.AUDITOR)
        self.add("Mia", Role.MEMBER)
        _, reader = self.accounts.create_token(self.ids["Ada"], "reader", [Permission.LOGS_READ])
        self.server.reader = {"Authorization": f"Bearer {reader}"}

    def close(self) -> None:
        """Stop the server."""
        self._open.close()
        self.server.stop()

    def add(self, name: str, role: Role = Role.MEMBER, *, password: bool = True) -> str:
        """Somebody more; their id."""
        user, secret = self.accounts.add(name, role)
        if password:
            self.accounts.choose_password(secret, PASSWORD, where=HERE)
        self.ids[name] = user.user_id
        return user.user_id

    def guest(self) -> str:
        """The id of somebody whom nobody else knows."""
        return self.add(f"Guest {next(self._numbers)}", password=False)

    def enter(self, name: str) -> SignedIn:
        """A new session of somebody."""
        return self.accounts.sign_in(name, PASSWORD, where=HERE)

    def token(self, name: str, *scopes: Permission, days: int | None = 30) -> tuple[str, str]:
        """Id and secret of a new token of somebody."""
        made, secret = self.accounts.create_token(self.ids[name], "a script", scopes, days)
        return made.token_id, secret

    @property
    def cookie(self) -> str:
        """The name of the session's cookie."""
        return f"strongroom-{self.server.port}"

    def headers(self, signed: SignedIn) -> dict[str, str]:
        """What the browser of this session sends, the word of our own pages included."""
        return {
            "Cookie": f"{self.cookie}={signed.secret}",
            "X-CSRF-Token": str(signed.identity.csrf_token),
        }


def until_blocked(attempt: Callable[[], object]) -> None:
    """Fail until no password is looked at any more."""
    for _ in range(20):
        try:
            attempt()
        except SignInBlocked:
            return
        except Refused:
            continue
    raise AssertionError("never blocked")

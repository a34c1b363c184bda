"""What the parts of :class:`~strongroom.accounts.service.Accounts` share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from flask import has_request_context, request
from sqlalchemy import Connection

from strongroom.accounts.events import AccountChangeFailed
from strongroom.accounts.model import Lifetimes
from strongroom.accounts.passwords import Passwords
from strongroom.accounts.validity import still_valid
from strongroom.audit.extension import AuditLog
from strongroom.errors import Refused
from strongroom.permissions import Identity, identity_of, revoked
from strongroom.store import Store

T = TypeVar("T")


def wall_clock() -> int:
    """Microseconds since 1970-01-01 UTC. May be put back: whoever compares it must think of that."""
    return time.time_ns() // 1000


class Part:
    """Storage, audit log and clock.

    :param lifetimes: of sessions
    :param clock: microseconds since 1970-01-01 UTC
    """

    def __init__(
        self,
        store: Store,
        audit: AuditLog,
        lifetimes: Lifetimes,
        *,
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        self._store = store
        self._audit = audit
        self._lifetimes = lifetimes
        self._now = clock
        self.passwords = Passwords()

    def still_valid(self, connection: Connection, identity: Identity) -> bool:
        """Whether this identity still holds, in the very transaction that acts on it."""
        return still_valid(connection, identity, self._now(), self._lifetimes)

    def _act(self, unit: Callable[[Connection], T]) -> T:
        """Run a unit of work for whoever sends the current request, if they still may.

        The command line sends no request, and may.

        :raises Refused: 403 ``permission_revoked``
        """
        sender = identity_of(request) if has_request_context() else None

        def checked(connection: Connection) -> T:
            if sender is not None and not self.still_valid(connection, sender):
                raise revoked()
            return unit(connection)

        return self._store.write(checked)

    @contextmanager
    def _recorded(self, user_id: str | None = None) -> Iterator[None]:
        """A refusal inside is recorded: an act leaves its event, whatever becomes of it."""
        try:
            yield
        except Refused as refusal:
            known = user_id if refusal.reason != "user_not_found" else None
            self._audit.log(
                AccountChangeFailed(
                    reason=refusal.reason, status=refusal.status, target_user_id=known
                )
            )
            raise

"""Accounts on a real database, with a clock that the test turns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from argon2 import PasswordHasher

from strongroom.accounts.service import Accounts, Lifetimes, SignedIn, User, Where
from strongroom.audit.extension import AuditLog
from strongroom.bootstrap import OWN_CATALOGUE, SCHEMAS
from strongroom.permissions import Role
from strongroom.store import Store
from strongroom.store.migrate import migrate
from tests.starting import CHEAP

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
PASSWORD = "nine lilac herons"
HERE = Where("192.0.2.1", "a browser")
ELSEWHERE = Where("198.51.100.7", "another browser")


def quickly(accounts: Accounts) -> Accounts:
    """The same accounts; the passwords they set cost little, also to whoever checks them."""
    accounts.passwords._hasher = PasswordHasher.from_parameters(CHEAP)
    return accounts


class Clock:
    """Stands still until it is turned."""

    def __init__(self) -> None:
        self.now = 1_800_000_000 * SECOND

    def __call__(self) -> int:
        return self.now


class House:
    """Accounts with an administrator Ada and a member Bob, and what was recorded."""

    def __init__(self, store: Store) -> None:
        migrate(store, *SCHEMAS)
        self.store, self.clock = store, Clock()
        self.audit = AuditLog(store=store, viewer=None, catalogue=OWN_CATALOGUE, signing=None)
        self.accounts = self.again(store)

    def again(self, store: Store) -> Accounts:
        """The same accounts, as another worker sees them."""
        audit = self.audit
        if store is not self.store:
            audit = AuditLog(store=store, viewer=None, catalogue=OWN_CATALOGUE, signing=None)
        lifetimes = Lifetimes(12 * 3600, 7 * 24 * 3600)
        return quickly(Accounts(store, audit, lifetimes, clock=self.clock))

    def ada(self) -> SignedIn:
        """The first administrator, signed in."""
        secret = self.accounts.setup_secret()
        assert secret is not None
        return self.accounts.set_up(secret, "Ada", PASSWORD, where=HERE)

    def bob(self, role: Role = Role.MEMBER) -> tuple[User, SignedIn]:
        """A second person, signed in."""
        user, secret = self.accounts.add("Bob", role)
        return user, self.accounts.choose_password(secret, PASSWORD, where=HERE)

    def who(self, signed: SignedIn | None = None, *, bearer: str | None = None) -> Any:
        """Who this secret belongs to now."""
        session = None if signed is None else signed.secret
        return self.accounts.identify(session=session, bearer=bearer)

    def events(self) -> list[str]:
        """What was recorded, oldest first."""
        return [record["event"] for record in self.audit.records("stream:audit")]


@pytest.fixture
def house(store: Store) -> Iterator[House]:
    made = House(store)
    yield made
    made.audit.close()

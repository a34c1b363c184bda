"""What accounts are made of, as pages, commands and the gate see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from strongroom.errors import Refused
from strongroom.permissions import Identity, Permission, Role

# Times are microseconds since 1970-01-01 UTC.


@dataclass(frozen=True, slots=True)
class User:
    """An account."""

    user_id: str
    name: str
    role: Role
    disabled: bool
    created_at: int
    last_sign_in_at: int | None
    has_password: bool


@dataclass(frozen=True, slots=True)
class Session:
    """One browser in which somebody is signed in."""

    session_id: str
    user_id: str
    created_at: int
    last_used_at: int
    expires_at: int
    user_agent: str | None
    ip_address: str | None


@dataclass(frozen=True, slots=True)
class Token:
    """What a script signs in with; it may no more than its owner."""

    token_id: str
    user_id: str
    name: str
    scopes: frozenset[Permission]
    created_at: int
    expires_at: int | None
    last_used_at: int | None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody has just come in.

    :param secret: value of the session cookie; nobody else ever learns it
    """

    identity: Identity
    secret: str


@dataclass(frozen=True, slots=True)
class Link:
    """A one-time link that is good still.

    :param user: whose password it sets; None for the first administrator's
    """

    kind: Literal["setup", "password"]
    user: User | None


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long sessions last, in seconds: unused, and altogether."""

    session_idle: int
    session_lifetime: int


@dataclass(frozen=True, slots=True)
class Where:
    """From where somebody signs in."""

    ip_address: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class Block:
    """Sign-ins that are not tried at present.

    :param kind: ``account`` from anywhere unfamiliar, ``address`` for any name, or both as ``pair``
    :param subject: the name or address that ``unblock`` takes
    :param address: of a pair, the address it concerns
    """

    kind: str
    subject: str
    address: str | None
    attempts: int
    until: int


@dataclass(frozen=True, slots=True)
class Overview:
    """One line of who can do what.

    :param permissions: none for who is disabled
    """

    user: User
    permissions: frozenset[Permission]
    sessions: int
    tokens: int


class SignInBlocked(Refused):
    """Too many attempts; no password is looked at for now.

    :param retry_after: seconds until the next attempt
    """

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__("sign_in_blocked", message, status=429)
        self.retry_after = retry_after

"""What a request needs and what its sender may: the words that routes declare and one gate reads.

A route says what it needs with :func:`needs`; ``web/gate.py`` compares that with the sender before
any handler runs, and refuses what nobody has declared. Features know only these words, not how
somebody became who they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Final, TypeVar

from flask import Request

from strongroom.errors import Refused

F = TypeVar("F", bound=Callable[..., object])

_NEED: Final = "__strongroom_needs__"

IDENTITY_KEY: Final = "strongroom.identity"
"""In the WSGI environ: the :class:`Identity` of the sender; absent or None where it is nobody."""


class Permission(StrEnum):
    """What somebody may do; also the scopes of API tokens."""

    FILES_READ = "files:read"
    FILES_WRITE = "files:write"
    LOGS_READ = "logs:read"
    ACCOUNTS_MANAGE = "accounts:manage"
    METRICS_READ = "metrics:read"


class Access(Enum):
    """What needs no permission."""

    ANYBODY = "anybody"
    """Signed in or not: signing in itself, health, assets."""
    SIGNED_IN = "signed in"
    """Whoever has signed in with a password in this browser: their own account. Not for tokens."""


Need = Permission | Access


class Role(StrEnum):
    """What an account is for."""

    MEMBER = "member"
    AUDITOR = "auditor"
    ADMIN = "admin"


PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {
        Role.MEMBER: frozenset({Permission.FILES_READ, Permission.FILES_WRITE}),
        Role.AUDITOR: frozenset({Permission.LOGS_READ}),
        Role.ADMIN: frozenset(Permission),
    }
)
"""What each role may."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sent a request, as of its beginning.

    :param user_id: opaque; None where there are no accounts (``no_auth``)
    :param name: as people see it
    :param permissions: of the role, and where a token was sent, no more than its scopes
    :param session_id: opaque, of a browser's session; None for a token
    :param token_id: opaque, of an API token; None for a session
    :param csrf_token: what forms of this session must send back; None where there is no session
    """

    user_id: str | None
    name: str
    role: Role
    permissions: frozenset[Permission]
    session_id: str | None = None
    token_id: str | None = None
    csrf_token: str | None = None

    def may(self, need: Need) -> bool:
        """Whether this is enough."""
        if need is Access.ANYBODY:
            return True
        if need is Access.SIGNED_IN:
            return self.session_id is not None
        return need in self.permissions


NOBODY_IN_PARTICULAR: Final = Identity(None, "", Role.ADMIN, frozenset(Permission))
"""Everyone, where there are no accounts."""


def needs(need: Need) -> Callable[[F], F]:
    """Declare what a view needs; below the decorator of its route."""

    def declare(view: F) -> F:
        setattr(view, _NEED, need)
        return view

    return declare


def declared(view: object) -> Need | None:
    """What the view needs; None where nobody has said so, which means: refuse."""
    found: Need | None = getattr(view, _NEED, None)
    return found


def identity_of(request: Request) -> Identity | None:
    """Who sent this request."""
    found: Identity | None = request.environ.get(IDENTITY_KEY)
    return found


def revoked() -> Refused:
    """The refusal of an act whose sender might do it when the request began, and may no more."""
    return Refused(
        "permission_revoked",
        "You may not do this any more: your session has ended or your account was changed "
        "meanwhile. Nothing was changed.",
        status=403,
    )

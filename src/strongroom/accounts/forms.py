"""What the forms of accounts have in common: their fields, and a problem beside the right one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask import Response, make_response, redirect, request

from strongroom.accounts.access import server
from strongroom.accounts.events import AccountChangeFailed
from strongroom.accounts.service import Where
from strongroom.errors import Refused
from strongroom.permissions import Permission, Role, identity_of

FOREVER: Final = "never"
LIFETIMES: Final[Mapping[str, str]] = {
    "7": "7 days",
    "30": "30 days",
    "90": "90 days",
    "365": "1 year",
    FOREVER: "never",
}
"""When a token ends, as the form offers it; days, or not at all."""

DEFAULT_LIFETIME: Final = "90"

_TOLD_BESIDE: Final = frozenset({400, 401, 409, 413, 422, 429})
"""Statuses of refusals that the person can mend in the form; any other has a page of its own."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a form was not accepted.

    :param field: the field it belongs to; empty when it concerns the whole form
    """

    field: str
    message: str
    status: int
    retry_after: int | None = None

    @classmethod
    def of(cls, refusal: Refused, fields: Mapping[str, str]) -> Problem:
        """Beside the field whose name begins the reason, as in ``password_too_short``.

        :param fields: the field for each beginning; a message about any other stands above the form
        :raises Refused: the same, where the form cannot be mended
        """
        if refusal.status not in _TOLD_BESIDE:
            raise refusal
        noun = refusal.reason.partition("_")[0]
        found = getattr(refusal, "retry_after", None)
        retry = None if found is None else int(found)
        return cls(fields.get(noun, ""), refusal.message, refusal.status, retry)


def refused(reason: str, message: str) -> Refused:
    """The refusal of a form that no page of ours would send; recorded like any other."""
    identity = identity_of(request)
    server().audit.log(
        AccountChangeFailed(
            reason=reason, status=400, target_user_id=identity.user_id if identity else None
        )
    )
    return Refused(reason, message)


def text(name: str) -> str:
    """A field of the form; an absent one is empty."""
    return request.form.get(name, "")


def new_password() -> str:
    """The password, typed twice alike.

    :raises Refused: when the two differ; a form without the second is a program's, and may
    """
    password = text("password")
    if request.form.get("again", password) != password:
        raise refused("again_differs", "The two passwords differ. Type the same one twice.")
    return password


def role() -> Role:
    """The role that was chosen."""
    try:
        return Role(text("role"))
    except ValueError:
        raise refused("role_not_valid", "Choose a role: member, auditor or admin.") from None


def scopes() -> frozenset[Permission]:
    """What a token shall be good for."""
    try:
        return frozenset(Permission(scope) for scope in request.form.getlist("scope"))
    except ValueError:
        raise refused("scope_not_valid", "There is no such scope. Choose from the list.") from None


def days() -> int | None:
    """For how long a token shall last; None for ever."""
    chosen = text("days")
    if chosen not in LIFETIMES:
        raise refused("days_not_valid", "Choose from the list when the token shall end.")
    return None if chosen == FOREVER else int(chosen)


def where() -> Where:
    """From where the current request comes."""
    return Where(request.remote_addr, request.headers.get("User-Agent"))


def see_other(address: str) -> Response:
    """Go there, and forget the form: reloading must not send it again."""
    return make_response(redirect(address, 303))

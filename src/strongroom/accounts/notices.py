"""What a request did to accounts, told to the person who made it, from the records it left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import request

from strongroom.accounts.access import server
from strongroom.audit.exchange import ENVIRON_KEY
from strongroom.permissions import identity_of

_TOLD: Final[Mapping[str, str]] = {
    "password_changed": "The password is changed. All other sessions of the account have ended.",
    "session_revoked": "Signed out there. That browser has to sign in again.",
    "token_revoked": "The token is revoked. Whatever used it is refused from now on.",
    "user_created": "The account is created.",
    "user_changed": "The account is changed.",
    "user_disabled": "The account is disabled. Its sessions have ended and its tokens are revoked.",
    "user_enabled": "The account is enabled again.",
    "sign_in_unblocked": "The block is lifted. Signing in is possible again.",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One sentence for the page, and the record that proves it."""

    text: str
    record_id: str


def own_notices() -> list[Notice]:
    """What the request that ``receipt`` names did, if it was this person's; else nothing.

    Each sentence once: ending five sessions is one act.
    """
    request_id = request.args.get("receipt", "")
    identity = identity_of(request)
    if not request_id or identity is None:
        return []
    told: dict[str, Notice] = {}
    for record in server().audit.search.of_request(request_id):
        if _by(record) == identity.user_id and record["event"] in _TOLD:
            told.setdefault(record["event"], Notice(_TOLD[record["event"]], record["id"]))
    return list(told.values())


def receipt_of_this() -> str:
    """The id under which the records of the current request stand."""
    request_id: str = request.environ[ENVIRON_KEY].request_id
    return request_id


def _by(record: Mapping[str, Any]) -> str | None:
    user_id: str | None = record.get("user_id")
    return user_id

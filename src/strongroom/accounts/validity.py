"""Whether somebody still is who they were when their request began, in the transaction that acts.

A request may take minutes to arrive, and its sender may be signed out or lose a role meanwhile.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from strongroom.accounts.model import Lifetimes
from strongroom.accounts.rows import is_live
from strongroom.accounts.tables import account, account_session, account_token
from strongroom.accounts.throttle import SKEW
from strongroom.permissions import PERMISSIONS, Identity, Permission, Role


def still_valid(connection: Connection, identity: Identity, now: int, lifetimes: Lifetimes) -> bool:
    """Whether this identity still holds.

    :param now: microseconds since 1970-01-01 UTC
    """
    if identity.user_id is None:
        return True
    found = None
    if identity.session_id is not None:
        found = connection.execute(
            session_rows().where(account_session.c.session_id == identity.session_id)
        ).one_or_none()
        if found is None or not is_live(found, now, lifetimes):
            return False
    elif identity.token_id is not None:
        found = connection.execute(
            token_rows().where(account_token.c.token_id == identity.token_id)
        ).one_or_none()
        if found is None or not is_good(found, now):
            return False
        if not identity.permissions <= scopes_of(found.scopes):
            return False
    if found is None or found.disabled:
        return False
    role = Role(found.role)
    return identity.role is role and identity.permissions <= PERMISSIONS[role]


def session_rows() -> Any:
    """Sessions with what is needed of their owners."""
    return select(
        account_session, account.c.name.label("account_name"), account.c.role, account.c.disabled
    ).join(account, account.c.user_id == account_session.c.user_id)


def token_rows() -> Any:
    """Tokens with what is needed of their owners."""
    return select(
        account_token, account.c.name.label("account_name"), account.c.role, account.c.disabled
    ).join(account, account.c.user_id == account_token.c.user_id)


def is_good(row: Row[Any], now: int) -> bool:
    """Whether a token counts now."""
    # One from the future was made before the clock was put back, and would last too long.
    return row.created_at <= now + SKEW and (row.expires_at is None or now < row.expires_at)


def scopes_of(stored: str) -> frozenset[Permission]:
    """The scopes of a token; one that this version does not know counts for nothing."""
    return frozenset(scope for scope in Permission if scope in stored.split(" "))

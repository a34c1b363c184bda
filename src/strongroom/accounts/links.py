"""One-time links: for the first administrator, and for a password. Inside the caller's transaction."""

from __future__ import annotations

from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, delete, insert, select

from strongroom.accounts.model import Link
from strongroom.accounts.rows import as_user, count_accounts
from strongroom.accounts.secret import digest, new_secret
from strongroom.accounts.tables import account, account_link
from strongroom.accounts.throttle import MINUTE, SKEW
from strongroom.errors import Refused

LASTS: Final = 24 * 60 * MINUTE
"""A link to choose a password. That for the first administrator lasts until the next start."""

Kind = Literal["setup", "password"]


def issue(connection: Connection, kind: Kind, user_id: str | None, now: int) -> str:
    """A new link's secret; earlier links of this kind and account are void."""
    connection.execute(
        delete(account_link).where(account_link.c.kind == kind, account_link.c.user_id == user_id)
    )
    secret = new_secret()
    connection.execute(
        insert(account_link).values(
            secret_hash=digest(secret),
            kind=kind,
            user_id=user_id,
            created_at=now,
            expires_at=None if kind == "setup" else now + LASTS,
        )
    )
    return secret


def find(connection: Connection, secret: str, now: int) -> Link | None:
    """What the link is for; None where it is wrong, used or too old, all the same."""
    row = connection.execute(
        select(account_link).where(account_link.c.secret_hash == digest(secret))
    ).one_or_none()
    if row is None or not _is_good(row, now):
        return None
    if row.kind == "setup":
        return None if count_accounts(connection) else Link("setup", None)
    user = as_user(
        connection.execute(select(account).where(account.c.user_id == row.user_id)).one()
    )
    return None if user.disabled else Link("password", user)


def use(connection: Connection, secret: str, kind: Kind, now: int) -> Link:
    """Use it up, in the unit that does what it is for.

    :raises Refused: 403 ``link_not_valid``
    """
    link = find(connection, secret, now)
    if link is None or link.kind != kind:
        raise not_valid()
    connection.execute(delete(account_link).where(account_link.c.secret_hash == digest(secret)))
    return link


def void(connection: Connection, user_id: str) -> None:
    """Whatever links an account has, they are good for nothing from now on."""
    connection.execute(delete(account_link).where(account_link.c.user_id == user_id))


def not_valid() -> Refused:
    """The refusal of a link; it does not say why, since that would tell which ones there were."""
    return Refused(
        "link_not_valid",
        "This link is not valid: it was used already, is too old, or is not whole. "
        "Ask an administrator for a new one.",
        status=403,
    )


def _is_good(row: Row[Any], now: int) -> bool:
    # One from the future was made before the clock was put back, and would last too long.
    return row.created_at <= now + SKEW and (row.expires_at is None or now < row.expires_at)

"""Accounts and their sessions as rows; every function works inside the caller's transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select

from strongroom.accounts.model import Lifetimes, User, Where
from strongroom.accounts.secret import csrf_token, digest
from strongroom.accounts.tables import account, account_link, account_session, account_token
from strongroom.accounts.throttle import SECOND, SKEW
from strongroom.audit.pipeline.clock import new_id
from strongroom.errors import Refused
from strongroom.permissions import PERMISSIONS, Identity, Role

MAX_USER_AGENT = 512


def find_user(connection: Connection, user_id: str) -> User:
    """The account.

    :raises Refused: 404 ``user_not_found``
    """
    row = connection.execute(select(account).where(account.c.user_id == user_id)).one_or_none()
    if row is None:
        raise user_missing()
    return as_user(row)


def as_user(row: Row[Any]) -> User:
    """From a row of ``account``."""
    return User(
        user_id=row.user_id,
        name=row.name,
        role=Role(row.role),
        disabled=row.disabled,
        created_at=row.created_at,
        last_sign_in_at=row.last_sign_in_at,
        has_password=row.password_hash is not None,
    )


def user_missing() -> Refused:
    """The refusal of an account that is not there."""
    return Refused("user_not_found", "There is no such account.", status=404)


def count_accounts(connection: Connection) -> int:
    """How many there are, disabled ones included."""
    return connection.execute(select(func.count()).select_from(account)).scalar_one()


def is_last_admin(connection: Connection, user: User) -> bool:
    """Whether nobody else could let anybody in."""
    if user.role is not Role.ADMIN or user.disabled:
        return False
    others = select(func.count()).where(
        account.c.role == Role.ADMIN,
        account.c.disabled.is_(False),
        account.c.password_hash.is_not(None),  # one who has been invited only may never come
        account.c.user_id != user.user_id,
    )
    return connection.execute(others).scalar_one() == 0


def live_sessions(now: int, lifetimes: Lifetimes) -> Select[Any]:
    """Sessions that are good now. A setting that was lowered counts for those begun before as well.

    One from the future began before the clock was put back: it would last too long, so it does not
    count.
    """
    return select(account_session).where(
        account_session.c.created_at <= now + SKEW,
        account_session.c.expires_at > now,
        account_session.c.created_at > now - lifetimes.session_lifetime * SECOND,
        account_session.c.last_used_at > now - lifetimes.session_idle * SECOND,
    )


def is_live(row: Row[Any], now: int, lifetimes: Lifetimes) -> bool:
    """The same of one row."""
    return row.created_at <= now + SKEW and not is_over(row, now, lifetimes)


def is_over(row: Row[Any], now: int, lifetimes: Lifetimes) -> bool:
    """Whether a session has ended for good."""
    return bool(
        row.expires_at <= now
        or row.created_at <= now - lifetimes.session_lifetime * SECOND
        or row.last_used_at <= now - lifetimes.session_idle * SECOND
    )


def end_session(connection: Connection, secret: str | None) -> tuple[str, str] | None:
    """End the session of this secret; its ``user_id`` and ``session_id``, None where there was none."""
    if secret is None:
        return None
    its = account_session.c.secret_hash == digest(secret)
    found = connection.execute(
        select(account_session.c.user_id, account_session.c.session_id).where(its)
    ).one_or_none()
    connection.execute(delete(account_session).where(its))
    return None if found is None else (found.user_id, found.session_id)


def begin_session(
    connection: Connection, user: User, secret: str, where: Where, *, now: int, lifetimes: Lifetimes
) -> Identity:
    """Somebody is in from now on; sessions that are over are cleared away."""
    connection.execute(
        delete(account_session).where(
            (account_session.c.expires_at <= now)
            | (account_session.c.last_used_at <= now - lifetimes.session_idle * SECOND)
        )
    )
    session_id = new_id()
    connection.execute(
        insert(account_session).values(
            session_id=session_id,
            secret_hash=digest(secret),
            user_id=user.user_id,
            created_at=now,
            last_used_at=now,
            expires_at=now + lifetimes.session_lifetime * SECOND,
            user_agent=None if where.user_agent is None else where.user_agent[:MAX_USER_AGENT],
            ip_address=None if where.ip_address is None else where.ip_address[:64],
        )
    )
    return in_session(user.user_id, user.name, user.role, session_id, secret)


def in_session(user_id: str, name: str, role: Role, session_id: str, secret: str) -> Identity:
    """Who somebody is in this session."""
    return Identity(
        user_id=user_id,
        name=name,
        role=role,
        permissions=PERMISSIONS[role],
        session_id=session_id,
        csrf_token=csrf_token(secret),
    )


def end_everything(connection: Connection, user_id: str) -> None:
    """End somebody's sessions, tokens and links."""
    for table in (account_session, account_token, account_link):
        connection.execute(delete(table).where(table.c.user_id == user_id))

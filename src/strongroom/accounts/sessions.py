"""Sessions: who a cookie is, at every request anew, so that a revocation counts everywhere at once."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from sqlalchemy import Connection, Row, Table, delete, select, update
from sqlalchemy.exc import SQLAlchemyError

from strongroom.accounts.events import LoggedOut, SessionRevoked
from strongroom.accounts.model import Session
from strongroom.accounts.part import Part
from strongroom.accounts.rows import find_user, in_session, is_live, is_over, live_sessions
from strongroom.accounts.secret import TOKEN_PREFIX, digest
from strongroom.accounts.tables import account_session, account_token
from strongroom.accounts.throttle import MINUTE
from strongroom.accounts.validity import is_good, scopes_of, session_rows, token_rows
from strongroom.errors import Refused, Unavailable
from strongroom.permissions import PERMISSIONS, Identity, Permission, Role

TOUCH_EVERY: Final = MINUTE


class Sessions(Part):
    """Who sends a request, and where people are signed in."""

    def identify(self, *, session: str | None, bearer: str | None) -> Identity | None:
        """Who has this secret; None where nobody has.

        One indexed read, nothing remembered. A bearer token that is not valid is not made up for
        by a cookie.

        :param session: value of the session cookie
        :param bearer: of the Authorization header
        """
        if bearer is not None:
            return self._with_token(bearer)
        return None if session is None else self._in_session(session)

    def sessions(self, user_id: str) -> list[Session]:
        """Where somebody is signed in, the last used first."""
        wanted = (
            live_sessions(self._now(), self._lifetimes)
            .where(account_session.c.user_id == user_id)
            .order_by(account_session.c.last_used_at.desc(), account_session.c.session_id.desc())
        )
        with self._store.read() as connection:
            return [_session(row) for row in connection.execute(wanted)]

    def sign_out(self, identity: Identity) -> None:
        """End the session of this identity; harmless when it has ended already."""

        def unit(connection: Connection) -> None:
            if _end(connection, identity.session_id) and identity.user_id and identity.session_id:
                self._audit.log(
                    LoggedOut(
                        target_user_id=identity.user_id, target_session_id=identity.session_id
                    )
                )

        self._store.write(unit)

    def end_session(self, by: Identity, session_id: str) -> None:
        """End a session: one's own, or for administrators anybody's.

        :raises Refused: 404 ``session_not_found``
        """

        def unit(connection: Connection) -> None:
            owner = connection.execute(
                select(account_session.c.user_id).where(account_session.c.session_id == session_id)
            ).scalar_one_or_none()
            mine = owner == by.user_id or by.may(Permission.ACCOUNTS_MANAGE)
            if owner is None or not mine:
                raise Refused("session_not_found", "That session has ended already.", status=404)
            _end(connection, session_id)
            self._audit.log(SessionRevoked(target_user_id=owner, target_session_id=session_id))

        with self._recorded(by.user_id):
            self._act(unit)

    def end_sessions(self, user_id: str, *, but: str | None) -> int:
        """End all sessions of somebody, except for one; how many.

        :raises Refused: 404 ``user_not_found``
        """

        def unit(connection: Connection) -> int:
            find_user(connection, user_id)
            found = connection.execute(
                select(account_session.c.session_id).where(account_session.c.user_id == user_id)
            ).scalars()
            ended = [session_id for session_id in found if session_id != but]
            for session_id in ended:
                _end(connection, session_id)
                self._audit.log(
                    SessionRevoked(target_user_id=user_id, target_session_id=session_id)
                )
            return len(ended)

        with self._recorded(user_id):
            return self._act(unit)

    def _in_session(self, secret: str) -> Identity | None:
        wanted = session_rows().where(account_session.c.secret_hash == digest(secret))
        with self._store.read() as connection:
            row = connection.execute(wanted).one_or_none()
        if row is None or row.disabled:
            return None
        now = self._now()
        if is_over(row, now, self._lifetimes):
            # Gone for good, lest a clock that is put back bring it to life again.
            self._try(delete(account_session).where(account_session.c.session_id == row.session_id))
            return None
        if not is_live(row, now, self._lifetimes):
            return None
        self._touch(account_session, row, now)
        return in_session(row.user_id, row.account_name, Role(row.role), row.session_id, secret)

    def _with_token(self, secret: str) -> Identity | None:
        if not secret.startswith(TOKEN_PREFIX):
            return None
        wanted = token_rows().where(account_token.c.secret_hash == digest(secret))
        with self._store.read() as connection:
            row = connection.execute(wanted).one_or_none()
        now = self._now()
        if row is None or row.disabled or not is_good(row, now):
            return None
        self._touch(account_token, row, now)
        role = Role(row.role)
        return Identity(
            user_id=row.user_id,
            name=row.account_name,
            role=role,
            permissions=PERMISSIONS[role] & scopes_of(row.scopes),
            token_id=row.token_id,
        )

    def _touch(self, table: Table, row: Row[Any], now: int) -> None:
        """Remember that it was used; a clock that was put back takes the time back as well."""
        if row.last_used_at is not None and abs(now - row.last_used_at) < TOUCH_EVERY:
            return
        self._try(
            update(table)
            .where(table.c.secret_hash == row.secret_hash)
            .where(table.c.last_used_at.is_not_distinct_from(row.last_used_at))
            .values(last_used_at=now)
        )

    def _try(self, change: Any) -> None:
        """Nobody is kept out because this could not be written."""
        with suppress(Unavailable, SQLAlchemyError):
            self._store.write(lambda connection: connection.execute(change))


def _end(connection: Connection, session_id: str | None) -> bool:
    ended = delete(account_session).where(account_session.c.session_id == session_id)
    return connection.execute(ended).rowcount > 0


def _session(row: Row[Any]) -> Session:
    return Session(
        session_id=row.session_id,
        user_id=row.user_id,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        user_agent=row.user_agent,
        ip_address=row.ip_address,
    )

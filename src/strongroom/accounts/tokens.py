"""API tokens: what scripts sign in with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select

from strongroom.accounts.events import TokenCreated, TokenRevoked
from strongroom.accounts.model import Token
from strongroom.accounts.names import check_name
from strongroom.accounts.part import Part
from strongroom.accounts.people import disabled
from strongroom.accounts.rows import find_user
from strongroom.accounts.secret import digest, new_token
from strongroom.accounts.tables import account_token
from strongroom.accounts.throttle import MINUTE
from strongroom.accounts.validity import scopes_of
from strongroom.audit.pipeline.clock import new_id
from strongroom.errors import Refused
from strongroom.permissions import PERMISSIONS, Permission

DAY: Final = 24 * 60 * MINUTE
DEFAULT_DAYS: Final = 90
LONGEST_DAYS: Final = 3_650
MOST: Final = 100
"""Tokens of one account."""


class Tokens(Part):
    """The tokens of each account."""

    def tokens(self, user_id: str) -> list[Token]:
        """Somebody's tokens, expired ones included, the newest first."""
        wanted = select(account_token).where(account_token.c.user_id == user_id)
        with self._store.read() as connection:
            rows = connection.execute(wanted.order_by(account_token.c.token_id.desc()))
            return [_token(row) for row in rows]

    def token(self, token_id: str) -> Token:
        """One token.

        :raises Refused: 404 ``token_not_found``
        """
        wanted = select(account_token).where(account_token.c.token_id == token_id)
        with self._store.read() as connection:
            row = connection.execute(wanted).one_or_none()
        if row is None:
            raise _missing()
        return _token(row)

    def create_token(
        self,
        user_id: str,
        name: str,
        scopes: Iterable[Permission],
        days: int | None = DEFAULT_DAYS,
    ) -> tuple[Token, str]:
        """A new token, and its secret, which nobody can show again.

        :param scopes: no more than the account's role may
        :param days: until it expires; None for never
        :raises Refused: 400 or 404, with the reason; 409 ``user_disabled`` or ``token_limit``
        """
        wanted, secret = frozenset(scopes), new_token()

        def unit(connection: Connection) -> Token:
            user = find_user(connection, user_id)
            if user.disabled:
                raise disabled()
            _check_scopes(wanted, PERMISSIONS[user.role])
            _check_room(connection, user_id)
            row = {
                "token_id": new_id(),
                "secret_hash": digest(secret),
                "user_id": user_id,
                "name": check_name(name),
                "scopes": " ".join(sorted(wanted)),
                "created_at": self._now(),
                "expires_at": _expiry(self._now(), days),
            }
            connection.execute(insert(account_token).values(row))
            self._audit.log(
                TokenCreated(
                    target_user_id=user_id,
                    target_token_id=str(row["token_id"]),
                    scopes=str(row["scopes"]),
                )
            )
            by_id = select(account_token).where(account_token.c.token_id == row["token_id"])
            return _token(connection.execute(by_id).one())

        with self._recorded(user_id):
            return self._act(unit), secret

    def revoke_token(self, user_id: str, token_id: str) -> None:
        """End somebody's token at once.

        :raises Refused: 404 ``token_not_found``
        """

        def unit(connection: Connection) -> None:
            its = (account_token.c.token_id == token_id, account_token.c.user_id == user_id)
            if connection.execute(delete(account_token).where(*its)).rowcount == 0:
                raise _missing()
            self._audit.log(TokenRevoked(target_user_id=user_id, target_token_id=token_id))

        with self._recorded():
            self._act(unit)


def _check_scopes(wanted: frozenset[Permission], may: frozenset[Permission]) -> None:
    if not wanted:
        raise Refused("scope_missing", "Choose at least one thing that the token may do.")
    if missing := sorted(wanted - may):
        raise Refused(
            "scope_not_allowed",
            f"The role does not have {', '.join(missing)}; a token may no more than its owner.",
        )


def _check_room(connection: Connection, user_id: str) -> None:
    held = select(func.count()).where(account_token.c.user_id == user_id)
    if connection.execute(held).scalar_one() >= MOST:
        raise Refused(
            "token_limit",
            f"There are {MOST} tokens already. Revoke one that is not needed.",
            status=409,
        )


def _expiry(now: int, days: int | None) -> int | None:
    if days is None:
        return None
    if not 1 <= days <= LONGEST_DAYS:
        raise Refused(
            "days_not_valid", f"A token can last 1 to {LONGEST_DAYS:,} days, or for ever."
        )
    return now + days * DAY


def _missing() -> Refused:
    return Refused(
        "token_not_found", "There is no such token. It may have been revoked.", status=404
    )


def _token(row: Row[Any]) -> Token:
    return Token(
        token_id=row.token_id,
        user_id=row.user_id,
        name=row.name,
        scopes=scopes_of(row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )

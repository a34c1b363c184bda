"""Coming in: with a password, with a one-time link; and a new password for who is in already."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from strongroom.accounts import links, throttle
from strongroom.accounts.events import (
    LoggedOut,
    LoginBlocked,
    LoginFailed,
    LoginSucceeded,
    LoginUnrecorded,
    PasswordChanged,
    SignInUnblocked,
)
from strongroom.accounts.model import Block, Link, SignedIn, SignInBlocked, User, Where
from strongroom.accounts.names import MAX_CHARACTERS, check_name, name_key
from strongroom.accounts.passwords import check_password
from strongroom.accounts.people import People
from strongroom.accounts.rows import as_user, begin_session, count_accounts, end_session
from strongroom.accounts.secret import new_secret
from strongroom.accounts.tables import account, account_session
from strongroom.accounts.throttle import SECOND, Attempt, Refusal
from strongroom.audit.events import Outcome
from strongroom.audit.pipeline.context import add_to_context
from strongroom.errors import Refused, ServerFault, Unavailable
from strongroom.permissions import Identity, Role

_OWN = "own"
"""In place of an address, where somebody who is in types their password again."""


class SignIn(People):
    """Coming in."""

    def link(self, secret: str) -> Link | None:
        """What a one-time link is for; None where it is wrong, used or too old, all the same."""
        with self._store.read() as connection:
            return links.find(connection, secret, self._now())

    def set_up(
        self, secret: str, name: str, password: str, *, where: Where, previous: str | None = None
    ) -> SignedIn:
        """Create the first administrator and let them in. The link is used up.

        :param previous: secret of the session that this browser had; it ends
        :raises Refused: 403 ``link_not_valid``, or 400 for name or password
        :raises ServerFault: 503 ``sign_in_busy``
        """
        with self._recorded():
            link = self.link(secret)
            if link is None or link.kind != "setup":
                raise links.not_valid()
            check_name(name)
            check_password(password, name)
            hashed = self.passwords.hash(password)

            def unit(connection: Connection) -> SignedIn:
                links.use(connection, secret, "setup", self._now())
                if count_accounts(connection):
                    raise links.not_valid()
                user = self._create(connection, name, Role.ADMIN, hashed)
                return self._enter(connection, user, where, previous)

            return self._store.write(unit)

    def choose_password(
        self, secret: str, password: str, *, where: Where, previous: str | None = None
    ) -> SignedIn:
        """Set the password of the link's account and let its owner in; other sessions end.

        Tokens stay: they are no passwords.

        :param previous: secret of the session that this browser had; it ends
        :raises Refused: 403 ``link_not_valid``, or 400 for the password
        :raises ServerFault: 503 ``sign_in_busy``
        """
        with self._recorded():
            link = self.link(secret)
            if link is None or link.user is None:
                raise links.not_valid()
            check_password(password, link.user.name)
            hashed = self.passwords.hash(password)

            def unit(connection: Connection) -> SignedIn:
                user = links.use(connection, secret, "password", self._now()).user
                if user is None:
                    raise links.not_valid()
                self._set_password(connection, user.user_id, hashed, but=None)
                throttle.lift(connection, account=throttle.account_of(user.user_id, ""))
                return self._enter(connection, user, where, previous)

            return self._store.write(unit)

    def change_password(self, identity: Identity, old: str, new: str) -> None:
        """Another password for who is in already; their other sessions end, and links are void.

        :raises Refused: 401 ``credentials_wrong``, 400 for the new password
        :raises SignInBlocked: after too many wrong ones
        :raises ServerFault: 503 ``sign_in_busy``
        """
        user_id = identity.user_id
        if user_id is None or identity.session_id is None:
            raise Refused("session_missing", "Sign in to change your password.", status=403)
        with self._recorded(user_id):
            check_password(new, identity.name)
            attempt = self._begin(throttle.account_of(user_id, ""), _OWN, own=True)
            row = self._row(account.c.user_id == user_id)
            before = None if row is None else row.password_hash
            if not self._verify(attempt, before, old):
                raise Refused("credentials_wrong", "That is not your present password.", status=401)
            hashed = self.passwords.hash(new)

            def unit(connection: Connection) -> None:
                current = connection.execute(
                    select(account.c.password_hash).where(account.c.user_id == user_id)
                ).scalar_one_or_none()
                if current != before:
                    raise Refused("credentials_wrong", "It was changed meanwhile.", status=401)
                throttle.succeeded(connection, attempt, self._now())
                self._set_password(connection, user_id, hashed, but=identity.session_id)

            self._act(unit)

    def sign_in(
        self, name: str, password: str, *, where: Where, previous: str | None = None
    ) -> SignedIn:
        """Name and password for a session.

        :param previous: secret of the session that this browser had; it ends
        :raises Refused: 401 ``credentials_wrong``, whatever of it was wrong
        :raises SignInBlocked: 429; no password was looked at
        :raises ServerFault: 503 ``sign_in_busy``
        :raises Unavailable: when it cannot be recorded, except for administrators
        """
        key = name_key(name[: 2 * MAX_CHARACTERS])
        row = self._row(account.c.name_key == key)
        user = None if row is None else as_user(row)
        user_id = None if user is None else user.user_id
        spelt = throttle.account_of(user_id, key)
        try:
            attempt = self._begin(spelt, throttle.network_of(where.ip_address))
        except SignInBlocked as blocked:
            self._audit.log(
                LoginBlocked(reason=blocked.reason, status=blocked.status, target_user_id=user_id)
            )
            raise
        stored = None if row is None else row.password_hash
        try:
            matches = self._verify(attempt, stored, password)
        except ServerFault as fault:
            self._failed(fault.reason, fault.status, user_id)
            raise
        if user is None or stored is None or not matches or user.disabled:
            raise self._wrong(user, stored)
        return self._let_in(user, stored, password, attempt, where=where, previous=previous)

    def blocks(self) -> list[Block]:
        """Sign-ins that are not tried at present, the longest first."""
        with self._store.read() as connection:
            found = throttle.blocked(connection, self._now())
            rows = connection.execute(select(account.c.user_id, account.c.name))
            names = {f"user:{row.user_id}": row.name for row in rows}
        return [
            Block(
                kind=count.kind,
                subject=count.address
                if count.kind == "address"
                else names.get(count.account, count.address or "a name that nobody has"),
                address=count.address if count.address not in ("", _OWN) else None,
                attempts=attempts,
                until=until,
            )
            for count, attempts, until in found
        ]

    def unblock(self, name_or_address: str) -> int:
        """Lift the blocks on a name or an address; how many counts were forgotten."""
        network = _network(name_or_address)
        row = None
        if network is None:
            key = name_key(name_or_address[: 2 * MAX_CHARACTERS])
            row = self._row(account.c.name_key == key)
            spelt = throttle.account_of(None if row is None else row.user_id, key)

        def unit(connection: Connection) -> int:
            if network is not None:
                lifted = throttle.lift(connection, address=network)
            else:
                lifted = throttle.lift(connection, account=spelt)
            self._audit.log(
                SignInUnblocked(count=lifted, target_user_id=None if row is None else row.user_id)
            )
            return lifted

        return self._act(unit)

    def _begin(self, spelt: str, address: str, *, own: bool = False) -> Attempt:
        """Count an attempt.

        :raises SignInBlocked: when it may not be made
        """
        now = self._now()
        begun = self._store.write(lambda c: throttle.begin(c, spelt, address, now, own=own))
        if isinstance(begun, Refusal):
            raise _blocked(begun, now)
        return begun

    def _verify(self, attempt: Attempt, stored: str | None, password: str) -> bool:
        try:
            return self.passwords.verify(stored, password)
        except ServerFault:
            self._store.write(lambda connection: throttle.dropped(connection, attempt))
            raise

    def _let_in(
        self,
        user: User,
        stored: str,
        password: str,
        attempt: Attempt,
        *,
        where: Where,
        previous: str | None,
    ) -> SignedIn:
        renewed = self.passwords.hash(password) if self.passwords.is_dated(stored) else stored

        def unit(connection: Connection, *, recorded: bool = True) -> SignedIn | None:
            row = connection.execute(select(account).where(account.c.user_id == user.user_id)).one()
            if row.disabled or row.password_hash != stored:
                return None  # meanwhile
            throttle.succeeded(connection, attempt, self._now())
            its = update(account).where(account.c.user_id == user.user_id)
            connection.execute(its.values(password_hash=renewed))
            return self._enter(connection, as_user(row), where, previous, recorded=recorded)

        signed = self._recorded_or_admin(user, unit)
        if signed is None:
            raise self._wrong(user, None)
        return signed

    def _recorded_or_admin(
        self, user: User, unit: Callable[..., SignedIn | None]
    ) -> SignedIn | None:
        """An administrator comes in even when that cannot be recorded: somebody has to mend it."""
        try:
            return self._store.write(unit)
        except Unavailable:
            if user.role is not Role.ADMIN:
                denied = LoginUnrecorded(outcome=Outcome.DENIED, target_user_id=user.user_id)
                self._audit.log(denied)
                raise
        signed = self._store.write(lambda connection: unit(connection, recorded=False))
        self._audit.log(LoginUnrecorded(outcome=Outcome.FAILED, target_user_id=user.user_id))
        return signed

    def _enter(
        self,
        connection: Connection,
        user: User,
        where: Where,
        previous: str | None,
        *,
        recorded: bool = True,
    ) -> SignedIn:
        """Begin a session, and end the one that this browser had, in a unit of work."""
        secret, now = new_secret(), self._now()
        left = end_session(connection, previous)
        if left is not None and recorded:
            user_id, session_id = left
            self._audit.log(LoggedOut(target_user_id=user_id, target_session_id=session_id))
        its = update(account).where(account.c.user_id == user.user_id)
        connection.execute(its.values(last_sign_in_at=now))
        identity = begin_session(
            connection, user, secret, where, now=now, lifetimes=self._lifetimes
        )
        add_to_context(user_id=user.user_id, session_id=identity.session_id)
        if recorded:
            self._audit.log(
                LoginSucceeded(
                    target_user_id=user.user_id, target_session_id=str(identity.session_id)
                )
            )
        return SignedIn(identity, secret)

    def _set_password(
        self, connection: Connection, user_id: str, hashed: str, *, but: str | None
    ) -> None:
        its = update(account).where(account.c.user_id == user_id)
        connection.execute(its.values(password_hash=hashed))
        connection.execute(
            delete(account_session).where(
                account_session.c.user_id == user_id,
                account_session.c.session_id != (but or ""),
            )
        )
        links.void(connection, user_id)
        self._audit.log(PasswordChanged(target_user_id=user_id))

    def _wrong(self, user: User | None, stored: str | None) -> Refused:
        """Record what was wrong; the client is told the same in every case."""
        if user is None:
            reason = "name_unknown"
        elif user.disabled:
            reason = "user_disabled"
        else:
            reason = "password_wrong" if stored else "password_not_set"
        self._failed(reason, 401, None if user is None else user.user_id)
        return Refused("credentials_wrong", "Name or password is wrong.", status=401)

    def _failed(self, reason: str, status: int, user_id: str | None) -> None:
        try:
            self._audit.log(LoginFailed(reason=reason, status=status, target_user_id=user_id))
        except Unavailable:
            self._audit.log(LoginUnrecorded(outcome=Outcome.DENIED, target_user_id=user_id))
            raise

    def _row(self, condition: Any) -> Row[Any] | None:
        with self._store.read() as connection:
            return connection.execute(select(account).where(condition)).one_or_none()


def _network(text: str) -> str | None:
    """The network an address counts for; None for a name."""
    try:
        return throttle.network_of(str(ip_address(text.strip())))
    except ValueError:
        pass
    try:
        return str(ip_network(text.strip()))
    except ValueError:
        return None


def _blocked(refusal: Refusal, now: int) -> SignInBlocked:
    seconds = max(1, -(-(refusal.until - now) // SECOND))
    until = datetime.fromtimestamp(-(-refusal.until // SECOND), UTC)
    what = {
        "pair": "Too many attempts with this name from this address have failed.",
        "address": "Too many attempts from this address have failed.",
        "account": "Too many attempts with this name have failed.",
    }[refusal.count.kind]
    return SignInBlocked(
        f"{what} The next one is possible at {until:%H:%M:%S} UTC. An administrator can lift this "
        "earlier, on the page People or with: strongroom user unblock NAME",
        seconds,
    )

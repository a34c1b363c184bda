"""Accounts: who there is, and what administrators do to them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from strongroom.accounts import links
from strongroom.accounts.events import (
    PasswordLinkCreated,
    SetupLinkCreated,
    UserChanged,
    UserCreated,
    UserDisabled,
    UserEnabled,
)
from strongroom.accounts.model import Overview, User
from strongroom.accounts.names import check_name, name_key
from strongroom.accounts.part import Part
from strongroom.accounts.rows import (
    as_user,
    count_accounts,
    end_everything,
    find_user,
    is_last_admin,
    live_sessions,
    user_missing,
)
from strongroom.accounts.tables import account, account_session, account_token
from strongroom.audit.pipeline.clock import new_id
from strongroom.errors import Refused
from strongroom.permissions import PERMISSIONS, Permission, Role


class People(Part):
    """Who there is."""

    def users(self) -> list[User]:
        """Everybody, by name."""
        with self._store.read() as connection:
            rows = connection.execute(select(account).order_by(account.c.name_key))
            return [as_user(row) for row in rows]

    def people_of_files(self) -> list[tuple[str, str]]:
        """Id and name of everybody whose role lets them see files, by name."""
        return [
            (user.user_id, user.name)
            for user in self.users()
            if Permission.FILES_READ in PERMISSIONS[user.role] and not user.disabled
        ]

    def user(self, user_id: str) -> User:
        """One account.

        :raises Refused: 404 ``user_not_found``
        """
        with self._store.read() as connection:
            return find_user(connection, user_id)

    def user_named(self, name: str) -> User:
        """The account of that name, however it is spelt.

        :raises Refused: 404 ``user_not_found``
        """
        wanted = select(account).where(account.c.name_key == name_key(name))
        with self._store.read() as connection:
            row = connection.execute(wanted).one_or_none()
        if row is None:
            raise user_missing()
        return as_user(row)

    def add(self, name: str, role: Role) -> tuple[User, str]:
        """Create an account; its owner chooses a password with the secret of a one-time link.

        :raises Refused: 409 ``name_taken``, or 400 for the name
        """

        def unit(connection: Connection) -> tuple[User, str]:
            user = self._create(connection, name, role)
            secret = links.issue(connection, "password", user.user_id, self._now())
            self._audit.log(PasswordLinkCreated(target_user_id=user.user_id))
            return user, secret

        with self._recorded():
            return self._act(unit)

    def change(self, user_id: str, *, name: str | None = None, role: Role | None = None) -> User:
        """Give an account another name or role; another role ends its sessions.

        Tokens stay: they may no more than the new role from the next request on.

        :raises Refused: 404 ``user_not_found``, 409 ``name_taken`` or ``last_admin``, or 400
        """

        def unit(connection: Connection) -> User:
            before = find_user(connection, user_id)
            renamed = name is not None and name != before.name
            if renamed and name is not None:
                self._rename(connection, before, name)
            changed = role is not None and role is not before.role
            if changed and role is not None:
                _check_not_last(connection, before)
                connection.execute(
                    update(account).where(account.c.user_id == user_id).values(role=role)
                )
                connection.execute(
                    delete(account_session).where(account_session.c.user_id == user_id)
                )
            self._audit.log(
                UserChanged(
                    target_user_id=user_id,
                    role=role if changed else None,
                    previous_role=before.role if changed else None,
                    extra={"renamed": renamed},
                )
            )
            return find_user(connection, user_id)

        with self._recorded(user_id):
            return self._act(unit)

    def disable(self, user_id: str) -> None:
        """Close an account: its sessions, tokens and links end with this.

        :raises Refused: 404 ``user_not_found``, 409 ``last_admin``
        """

        def unit(connection: Connection) -> None:
            _check_not_last(connection, find_user(connection, user_id))
            connection.execute(
                update(account).where(account.c.user_id == user_id).values(disabled=True)
            )
            end_everything(connection, user_id)
            self._audit.log(UserDisabled(target_user_id=user_id))

        with self._recorded(user_id):
            self._act(unit)

    def enable(self, user_id: str) -> None:
        """Open an account again, with the password it had.

        :raises Refused: 404 ``user_not_found``
        """

        def unit(connection: Connection) -> None:
            find_user(connection, user_id)
            connection.execute(
                update(account).where(account.c.user_id == user_id).values(disabled=False)
            )
            self._audit.log(UserEnabled(target_user_id=user_id))

        with self._recorded(user_id):
            self._act(unit)

    def reset(self, user_id: str) -> str:
        """The secret of a one-time link to choose a password; the old one works until it is used.

        :raises Refused: 404 ``user_not_found``, 409 ``user_disabled``
        """

        def unit(connection: Connection) -> str:
            if find_user(connection, user_id).disabled:
                raise disabled()
            secret = links.issue(connection, "password", user_id, self._now())
            self._audit.log(PasswordLinkCreated(target_user_id=user_id))
            return secret

        with self._recorded(user_id):
            return self._act(unit)

    def setup_secret(self) -> str | None:
        """The secret of a new link for the first administrator; None once there is an account.

        Every earlier one is void.
        """

        def unit(connection: Connection) -> str | None:
            if count_accounts(connection):
                return None
            secret = links.issue(connection, "setup", None, self._now())
            self._audit.log(SetupLinkCreated())
            return secret

        with self._store.read() as connection:
            if count_accounts(connection):
                return None
        return self._store.write(unit)

    def permissions_overview(self) -> Sequence[Overview]:
        """Who can do what, by name."""
        now = self._now()
        live = live_sessions(now, self._lifetimes).subquery()
        sessions = select(live.c.user_id, func.count()).group_by(live.c.user_id)
        tokens = (
            select(account_token.c.user_id, func.count())
            .where(account_token.c.expires_at.is_(None) | (account_token.c.expires_at > now))
            .group_by(account_token.c.user_id)
        )
        with self._store.read() as connection:
            users = [as_user(row) for row in connection.execute(select(account))]
            in_browsers = {row[0]: row[1] for row in connection.execute(sessions)}
            in_scripts = {row[0]: row[1] for row in connection.execute(tokens)}
        return [
            Overview(
                user,
                frozenset() if user.disabled else PERMISSIONS[user.role],
                in_browsers.get(user.user_id, 0),
                in_scripts.get(user.user_id, 0),
            )
            for user in sorted(users, key=lambda user: name_key(user.name))
        ]

    def _create(
        self, connection: Connection, name: str, role: Role, password_hash: str | None = None
    ) -> User:
        """A new account, in a unit of work."""
        kept, user_id = check_name(name), new_id()
        _check_free(connection, kept, user_id)
        connection.execute(
            insert(account).values(
                user_id=user_id,
                name=kept,
                name_key=name_key(kept),
                role=role,
                disabled=False,
                password_hash=password_hash,
                created_at=self._now(),
            )
        )
        self._audit.people.put(connection, user_id, kept)
        self._audit.log(UserCreated(target_user_id=user_id, role=role))
        return find_user(connection, user_id)

    def _rename(self, connection: Connection, user: User, name: str) -> None:
        kept = check_name(name)
        _check_free(connection, kept, user.user_id)
        connection.execute(
            update(account)
            .where(account.c.user_id == user.user_id)
            .values(name=kept, name_key=name_key(kept))
        )
        self._audit.people.put(connection, user.user_id, kept)


def disabled() -> Refused:
    """The refusal of a way in for an account that has none."""
    return Refused(
        "user_disabled", "This account is disabled. Enable it first, then try again.", status=409
    )


def _check_free(connection: Connection, name: str, user_id: str) -> None:
    other = select(account.c.name).where(
        account.c.name_key == name_key(name), account.c.user_id != user_id
    )
    found = connection.execute(other).scalar_one_or_none()
    if found is not None:
        same = "" if found == name else f", “{found}”, which reads the same"
        raise Refused(
            "name_taken", f"There is an account of that name{same}. Choose another.", status=409
        )


def _check_not_last(connection: Connection, user: User) -> None:
    if is_last_admin(connection, user):
        raise Refused(
            "last_admin",
            "This is the only administrator. Make somebody else administrator first; "
            "otherwise nobody could let anybody in.",
            status=409,
        )

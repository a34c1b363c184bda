"""Accounts, sessions and tokens: who may what, and that an end is an end at once."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.accounts.names import check_name, name_key
from strongroom.accounts.passwords import check_password
from strongroom.accounts.secret import csrf_token
from strongroom.accounts.service import Accounts, Lifetimes
from strongroom.errors import Refused
from strongroom.permissions import Permission, Role
from strongroom.store import Store
from tests.unit.accounts import HERE, HOUR, MINUTE, PASSWORD, House, house

__all__ = ["house"]

DAY = 24 * HOUR


def reason(act: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(Refused) as caught:
        act(*arguments, **named)
    return caught.value.reason


@pytest.mark.parametrize("name", ["Zoë Müller", "日本 太郎", "o'Brien-3", "Иван Smith"])
def test_people_have_names_of_their_own(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "name_empty"),
        (" ", "name_empty"),
        ("x" * 65, "name_too_long"),
        *((name, "name_not_allowed") for name in (
            " Ada", "Ada ", "A\u202eda", "A\u200bda", "A\x00da", "A\x1bda", "A\nda", "A\u2066da",
            "A\u00a0da", "A\u00adda", "\u3164", "A\ufe0fda", "\ud800", "P\u0430ul",
        )),
    ],
)  # fmt: skip
def test_names_that_pretend_are_refused(name: str, why: str) -> None:
    assert reason(check_name, name) == why


@pytest.mark.parametrize("other", ["ADA É", "ada e\u0301", "\uff21da É", "\U0001d400da é"])
def test_names_that_read_the_same_are_one(house: House, other: str) -> None:
    assert name_key(other) == name_key("Ada É")
    house.accounts.add("Ada É", Role.ADMIN)
    assert reason(house.accounts.add, other, Role.MEMBER) == "name_taken"
    assert house.accounts.user_named(other).name == "Ada É"


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", "password_too_short"),
        ("x" * 1_025, "password_too_long"),
        ("CHARLOTTE EVANS", "password_is_name"),
        ("PasswordPassword", "password_common"),
        ("aaaaaaaaaaaaaaaa", "password_common"),
        ("abcdabcdabcdabcd", "password_common"),
        ("qwertyuiopas", "password_common"),
        ("098765432109", "password_common"),
    ],
)
def test_what_is_guessed_first_is_no_password(password: str, why: str) -> None:
    assert reason(check_password, password, "Charlotte Evans") == why
    check_password(PASSWORD, "Charlotte Evans")


def test_the_last_administrator_stays(house: House) -> None:
    ada = str(house.ada().identity.user_id)
    assert reason(house.accounts.disable, ada) == "last_admin"
    assert reason(house.accounts.change, ada, role=Role.MEMBER) == "last_admin"
    bob, _ = house.bob(Role.ADMIN)
    house.accounts.disable(bob.user_id)
    assert reason(house.accounts.disable, ada) == "last_admin"
    house.accounts.enable(bob.user_id)
    house.accounts.disable(ada)
    assert [row.permissions for row in house.accounts.permissions_overview()] == [
        frozenset(),
        frozenset(Permission),
    ]


def test_disabling_ends_everything_at_once_in_every_worker(house: House) -> None:
    house.ada()
    user, signed = house.bob()
    _, secret = house.accounts.create_token(user.user_id, "backup", {Permission.FILES_READ})
    link = house.accounts.reset(user.user_id)
    store = Store(f"sqlite:///{house.store.path}")
    worker = house.again(store)
    assert worker.identify(session=signed.secret, bearer=None) == signed.identity
    assert worker.identify(session=None, bearer=secret) is not None
    house.accounts.disable(user.user_id)
    assert worker.identify(session=signed.secret, bearer=None) is None
    assert worker.identify(session=None, bearer=secret) is None
    assert worker.link(link) is None
    house.accounts.enable(user.user_id)
    assert worker.identify(session=signed.secret, bearer=None) is None
    assert worker.identify(session=None, bearer=secret) is None
    assert reason(house.accounts.reset, "nobody") == "user_not_found"
    store.close()


def test_another_role_ends_sessions_and_narrows_tokens(house: House) -> None:
    house.ada()
    user, signed = house.bob()
    _, secret = house.accounts.create_token(user.user_id, "backup", {Permission.FILES_READ})
    house.accounts.change(user.user_id, role=Role.AUDITOR)
    assert house.who(signed) is None
    assert house.who(bearer=secret).permissions == frozenset()
    (record,) = house.audit.records("event:user_changed")
    assert (record["previous_role"], record["role"]) == ("member", "auditor")


def test_a_token_may_no_more_than_its_owner_and_ends(house: House) -> None:
    house.ada()
    user, signed = house.bob()
    create = house.accounts.create_token
    assert reason(create, user.user_id, "t", {Permission.LOGS_READ}) == "scope_not_allowed"
    assert reason(create, user.user_id, "t", set()) == "scope_missing"
    assert reason(create, user.user_id, "t", {Permission.FILES_READ}, 0) == "days_not_valid"
    made, secret = create(user.user_id, "t", {Permission.FILES_READ}, 1)
    assert len(secret) == 47
    assert secret.startswith("srt_")
    found = house.who(bearer=secret)
    assert (found.permissions, found.csrf_token) == (frozenset({Permission.FILES_READ}), None)
    # A bad token is not made up for by a good cookie.
    assert house.accounts.identify(session=signed.secret, bearer="srt_" + "x" * 43) is None
    assert reason(house.accounts.revoke_token, "somebody", made.token_id) == "token_not_found"
    house.clock.now += DAY
    assert house.who(bearer=secret) is None
    house.clock.now -= 3 * DAY
    assert house.who(bearer=secret) is None
    house.clock.now += 2 * DAY
    assert house.who(bearer=secret) is not None
    house.accounts.revoke_token(user.user_id, made.token_id)
    assert house.who(bearer=secret) is None


def test_secrets_are_stored_nowhere(house: House) -> None:
    signed = house.ada()
    user, link = house.accounts.add("Bob", Role.MEMBER)
    _, token = house.accounts.create_token(user.user_id, "t", {Permission.FILES_READ})
    house.audit.records()
    stored = b"".join(
        path.read_bytes() for path in house.store.path.parent.iterdir() if path.is_file()
    )
    for secret in (signed.secret, link, token, PASSWORD, csrf_token(signed.secret)):
        assert secret.encode() not in stored


def test_a_session_ends_idle_and_after_a_week(house: House) -> None:
    signed = house.ada()
    house.clock.now += 12 * HOUR - MINUTE
    assert house.who(signed) is not None
    house.clock.now += 12 * HOUR
    assert house.who(signed) is None
    house.clock.now -= HOUR
    assert house.who(signed) is None  # gone for good
    signed = house.accounts.sign_in("Ada", PASSWORD, where=HERE, previous=None)
    for _ in range(7 * 24 // 8 - 1):
        house.clock.now += 8 * HOUR
        assert house.who(signed) is not None
    house.clock.now += 8 * HOUR
    assert house.who(signed) is None


def test_a_clock_put_back_does_not_make_a_session_last(house: House) -> None:
    signed = house.ada()
    house.clock.now -= 365 * DAY
    assert house.who(signed) is None
    assert house.accounts.sessions(str(signed.identity.user_id)) == []
    house.clock.now += 365 * DAY + 10 * HOUR
    assert house.who(signed) is not None  # used now
    house.clock.now -= 9 * HOUR
    assert house.who(signed) is not None  # and now, which counts from here on
    house.clock.now += 12 * HOUR
    assert house.who(signed) is None


def test_a_lower_setting_counts_for_sessions_begun_before(house: House) -> None:
    signed = house.ada()
    house.clock.now += HOUR
    strict = Accounts(house.store, house.audit, Lifetimes(43_200, 1_800), clock=house.clock)
    assert strict.identify(session=signed.secret, bearer=None) is None


def test_sessions_are_listed_and_ended(house: House) -> None:
    ada = house.ada()
    user, first = house.bob()
    second = house.accounts.sign_in("Bob", PASSWORD, where=HERE, previous=None)
    assert len(house.accounts.sessions(user.user_id)) == 2
    theirs = str(ada.identity.session_id)
    assert reason(house.accounts.end_session, first.identity, theirs) == "session_not_found"
    assert house.who(ada) is not None
    house.accounts.end_sessions(user.user_id, but=second.identity.session_id)
    assert house.who(first) is None
    assert house.who(second) is not None
    house.accounts.end_session(ada.identity, str(second.identity.session_id))
    assert house.who(second) is None
    assert house.events()[-2:] == ["session_revoked", "session_revoked"]


def test_validity_is_asked_again_in_the_very_transaction(house: House) -> None:
    house.ada()
    user, signed = house.bob()
    ask = lambda c: house.accounts.still_valid(c, signed.identity)  # noqa: E731  # used twice
    assert house.store.write(ask)
    house.accounts.end_sessions(user.user_id, but=None)
    assert not house.store.write(ask)

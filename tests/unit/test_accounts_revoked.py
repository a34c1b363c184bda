"""Every act on accounts asks again, in its own transaction, whether its sender still may."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from strongroom.accounts.service import Accounts
from strongroom.errors import Refused
from strongroom.permissions import IDENTITY_KEY, Identity, Permission, Role
from tests.unit.accounts import PASSWORD, House, house

__all__ = ["house"]

ACTS: dict[str, Callable[[Accounts, Identity, str], object]] = {
    "add": lambda a, _me, _other: a.add("Eve", Role.ADMIN),
    "change": lambda a, me, _other: a.change(str(me.user_id), role=Role.ADMIN, name="Other"),
    "disable": lambda a, _me, other: a.disable(other),
    "enable": lambda a, _me, other: a.enable(other),
    "reset": lambda a, _me, other: a.reset(other),
    "create_token": lambda a, me, _other: a.create_token(
        str(me.user_id), "t", [Permission.FILES_READ]
    ),
    "revoke_token": lambda a, me, _other: a.revoke_token(str(me.user_id), "t"),
    "end_session": lambda a, me, _other: a.end_session(me, str(me.session_id)),
    "end_sessions": lambda a, _me, other: a.end_sessions(other, but=None),
    "change_password": lambda a, me, _other: a.change_password(me, PASSWORD, PASSWORD + "!"),
    "unblock": lambda a, _me, _other: a.unblock("Bob"),
}


@pytest.mark.parametrize("act", ACTS)
def test_who_may_no_more_changes_nothing(house: House, act: str) -> None:
    ada = house.ada()
    bob, signed = house.bob(Role.ADMIN)
    other = str(ada.identity.user_id)
    with Flask("x").test_request_context(environ_overrides={IDENTITY_KEY: signed.identity}):
        house.accounts.disable(other)  # he may
    house.accounts.enable(other)
    house.accounts.disable(bob.user_id)
    before = house.accounts.users(), house.events()
    with (
        Flask("x").test_request_context(environ_overrides={IDENTITY_KEY: signed.identity}),
        pytest.raises(Refused) as refused,
    ):
        ACTS[act](house.accounts, signed.identity, other)
    assert refused.value.status in (401, 403)
    if act != "change_password":  # the password of a disabled account is not even compared
        assert refused.value.reason == "permission_revoked"
    assert house.accounts.users() == before[0]
    assert set(house.events()[len(before[1]) :]) <= {"account_change_failed"}


@pytest.mark.parametrize("role", [Role.MEMBER, Role.AUDITOR])
@pytest.mark.parametrize("act", ACTS)
def test_an_administrator_who_is_one_no_more(house: House, act: str, role: Role) -> None:
    """What they were when their request began does not count, for files neither."""
    ada = house.ada()
    bob, signed = house.bob(Role.ADMIN)
    assert house.store.write(lambda c: house.accounts.still_valid(c, signed.identity))
    house.accounts.change(bob.user_id, role=role)
    before = house.accounts.users()
    assert not house.store.write(lambda c: house.accounts.still_valid(c, signed.identity))
    with (
        Flask("x").test_request_context(environ_overrides={IDENTITY_KEY: signed.identity}),
        pytest.raises(Refused) as refused,
    ):
        ACTS[act](house.accounts, signed.identity, str(ada.identity.user_id))
    assert refused.value.status in (401, 403)
    assert house.accounts.users() == before


def test_a_promoted_member_signs_in_anew(house: House) -> None:
    """More rights need another identity as well: what is asked is whether it is still the same."""
    house.ada()
    bob, signed = house.bob(Role.MEMBER)
    house.accounts.change(bob.user_id, role=Role.ADMIN)
    assert not house.store.write(lambda c: house.accounts.still_valid(c, signed.identity))

"""Coming in: links, passwords, and what slows guessing down."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import argon2
import pytest

from strongroom.accounts import throttle
from strongroom.accounts.passwords import AT_ONCE, WAITING, Passwords
from strongroom.accounts.service import SignInBlocked, Where
from strongroom.errors import Refused, ServerFault, Unavailable
from strongroom.permissions import Role
from strongroom.store import Store
from tests.unit.accounts import ELSEWHERE, HERE, HOUR, MINUTE, PASSWORD, House, house

__all__ = ["house"]


def refused(house: House, name: str = "Bob", password: str = "wrong", where: Where = HERE) -> Any:
    with pytest.raises(Refused) as caught:
        house.accounts.sign_in(name, password, where=where, previous=None)
    return caught.value


def test_the_set_up_link_makes_one_administrator(house: House) -> None:
    first = house.accounts.setup_secret()
    second = house.accounts.setup_secret()
    assert first is not None
    assert second is not None
    assert house.accounts.link(first) is None
    link = house.accounts.link(second)
    assert link is not None
    assert (link.kind, link.user) == ("setup", None)
    signed = house.accounts.set_up(second, "Ada", PASSWORD, where=HERE)
    assert signed.identity.role is Role.ADMIN
    assert house.who(signed) == signed.identity
    assert house.accounts.link(second) is None
    assert house.accounts.setup_secret() is None
    with pytest.raises(Refused) as caught:
        house.accounts.set_up(second, "Eve", PASSWORD, where=HERE)
    assert caught.value.reason == "link_not_valid"
    assert len(house.accounts.users()) == 1
    assert house.events()[-1] == "account_change_failed"


def test_of_two_workers_with_one_link_one_wins(house: House) -> None:
    secret = house.accounts.setup_secret()
    assert secret is not None
    stores = [Store(f"sqlite:///{house.store.path}") for _ in range(2)]
    workers = [house.again(store) for store in stores]
    together = threading.Barrier(2)

    def set_up(number: int) -> str:
        together.wait()
        try:
            workers[number].set_up(secret, f"Ada {number}", PASSWORD, where=HERE)
        except Refused as refusal:
            return refusal.reason
        return "in"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(set_up, range(2))) == ["in", "link_not_valid"]
    assert len(house.accounts.users()) == 1
    for store in stores:
        store.close()


def test_a_link_lasts_a_day_and_the_newest_counts(house: House) -> None:
    house.ada()
    user, first = house.accounts.add("Bob", Role.MEMBER)
    second = house.accounts.reset(user.user_id)
    assert house.accounts.link(first) is None
    assert house.accounts.link(second) is not None
    house.clock.now += 24 * HOUR
    assert house.accounts.link(second) is None
    house.clock.now -= 48 * HOUR  # a clock put back does not make it last longer
    assert house.accounts.link(second) is None


def test_a_new_password_ends_other_sessions_and_the_old_password(house: House) -> None:
    house.ada()
    user, before = house.bob()
    secret = house.accounts.reset(user.user_id)
    house.accounts.sign_in("Bob", PASSWORD, where=HERE, previous=None)  # works still
    after = house.accounts.choose_password(secret, "another good one", where=HERE)
    assert house.who(before) is None
    assert house.who(after) is not None
    assert refused(house, password=PASSWORD).reason == "credentials_wrong"
    house.accounts.change_password(after.identity, "another good one", "a third good one")
    assert house.who(after) is not None
    house.accounts.sign_in("Bob", "a third good one", where=HERE, previous=None)


def test_the_session_is_new_at_each_sign_in(house: House) -> None:
    house.ada()
    _, before = house.bob()
    after = house.accounts.sign_in("\uff22OB", PASSWORD, where=HERE, previous=before.secret)
    assert after.secret != before.secret
    assert after.identity.csrf_token != before.identity.csrf_token
    assert house.who(before) is None
    house.accounts.sign_out(after.identity)
    assert house.who(after) is None
    assert house.events()[-2:] == ["login_succeeded", "logged_out"]


def test_an_unknown_name_costs_one_verification_like_any_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.ada()
    user, _ = house.bob()
    house.accounts.add("Carol", Role.MEMBER)  # has no password yet
    house.accounts.disable(user.user_id)
    verified: list[str] = []
    real = Passwords._matches

    def counting(self: Passwords, stored: str, password: str) -> bool:
        verified.append(stored)
        return real(self, stored, password)

    monkeypatch.setattr(Passwords, "_matches", counting)
    told = set()
    for name, password in (
        ("nobody", PASSWORD),
        ("Bob", PASSWORD),
        ("Carol", PASSWORD),
        ("Ada", "no"),
        ("Ada", "x" * 1_000_000),
    ):
        refusal = refused(house, name, password)
        told.add((refusal.reason, refusal.message, refusal.status))
    assert len(told) == 1
    assert len(verified) == 5
    assert len({stored.split("$")[3] for stored in verified}) == 1  # the same cost
    stored = house.store.path.read_bytes()
    assert b"nobody" not in stored
    reasons = [r["reason"] for r in house.audit.records("event:login_failed")]
    assert reasons == [
        "name_unknown", "user_disabled", "password_not_set", "password_wrong", "password_wrong",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["Bob", "somebody unknown"])
def test_five_failures_block_the_pair_and_run_no_hash(
    house: House, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.ada()
    house.bob()
    for _ in range(5):
        assert refused(house, name).reason == "credentials_wrong"
    monkeypatch.setattr(Passwords, "verify", lambda *_: pytest.fail("a hash was run"))
    blocked = refused(house, name)
    assert isinstance(blocked, SignInBlocked)
    assert blocked.retry_after == 60
    assert "strongroom user unblock" in blocked.message
    monkeypatch.undo()
    waits = []
    for _ in range(6):
        house.clock.now += blocked.retry_after * 1_000_000
        assert refused(house, name).reason == "credentials_wrong"
        blocked = refused(house, name)
        waits.append(blocked.retry_after)
    assert waits == [120, 240, 480, 900, 900, 900]
    assert house.events().count("login_blocked") == 7
    assert house.accounts.blocks()
    house.accounts.unblock(name)
    assert refused(house, name).reason == "credentials_wrong"


def test_another_worker_knows_of_the_block_and_a_success_clears_it(house: House) -> None:
    house.ada()
    house.bob()
    for _ in range(4):
        refused(house)
    house.accounts.sign_in("Bob", PASSWORD, where=HERE, previous=None)
    for _ in range(5):
        refused(house)
    store = Store(f"sqlite:///{house.store.path}")
    with pytest.raises(SignInBlocked):
        house.again(store).sign_in("bob", PASSWORD, where=HERE, previous=None)
    store.close()


def test_many_at_once_are_no_way_around(house: House) -> None:
    house.ada()
    house.bob()
    with ThreadPoolExecutor(12) as pool:
        reasons = list(pool.map(lambda _: refused(house).reason, range(12)))
    assert sorted(reasons) == ["credentials_wrong"] * 5 + ["sign_in_blocked"] * 7


def test_nobody_can_lock_an_administrator_out_from_elsewhere(house: House) -> None:
    house.ada()
    house.accounts.sign_in("Ada", PASSWORD, where=HERE, previous=None)
    for number in range(25):
        refused(house, "Ada", where=Where(f"203.0.113.{number}", None))
    assert refused(house, "Ada", PASSWORD, ELSEWHERE).status == 429
    house.accounts.sign_in("Ada", PASSWORD, where=HERE, previous=None)
    (block,) = house.accounts.blocks()
    assert (block.kind, block.subject) == ("account", "Ada")


def test_one_address_cannot_try_every_name(house: House) -> None:
    house.ada()
    for number in range(50):
        refused(house, f"name {number}", where=Where(f"2001:db8::{number:x}", None))
    blocked = refused(house, "Ada", PASSWORD, Where("2001:db8::ffff", None))
    assert blocked.status == 429
    house.accounts.sign_in("Ada", PASSWORD, where=Where("2001:db8:0:1::1", None), previous=None)
    assert house.accounts.unblock("2001:db8::77") > 0
    house.accounts.sign_in("Ada", PASSWORD, where=Where("2001:db8::ffff", None), previous=None)


def test_a_clock_put_back_neither_blocks_for_long_nor_lifts_a_block(house: House) -> None:
    house.ada()
    house.bob()
    for _ in range(5):
        refused(house)
    house.clock.now -= MINUTE
    assert refused(house).status == 429
    house.clock.now -= 24 * HOUR
    assert refused(house).reason == "credentials_wrong"  # one, and it counts
    assert refused(house).status == 429


@contextmanager
def no_evidence(path: Path) -> Iterator[None]:
    with sqlite3.connect(path) as other:
        other.execute(
            "create trigger full before insert on journal when new.stream = 'audit' "
            "begin select raise(abort, 'no room for evidence'); end"
        )
    try:
        yield
    finally:
        with sqlite3.connect(path) as other:
            other.execute("drop trigger full")
        other.close()


def test_without_a_journal_administrators_come_in_and_nobody_else(house: House) -> None:
    house.ada()
    house.bob()
    with no_evidence(house.store.path):
        signed = house.accounts.sign_in("Ada", PASSWORD, where=HERE, previous=None)
        assert house.who(signed) == signed.identity
        for password in (PASSWORD, "wrong"):
            with pytest.raises(Unavailable):
                house.accounts.sign_in("Bob", password, where=HERE, previous=None)
    kept = house.audit.records("event:login_unrecorded")
    assert [record["outcome"] for record in kept] == ["failed", "denied", "denied"]


def test_only_so_many_wait_to_be_hashed() -> None:
    passwords = Passwords()
    for _ in range(AT_ONCE + WAITING):
        assert passwords._places.acquire(blocking=False)
    with pytest.raises(ServerFault) as caught:
        passwords.verify(None, "whatever")
    assert caught.value.reason == "sign_in_busy"
    passwords._places.release()
    assert passwords.verify(None, "whatever") is False


def test_a_hash_of_other_parameters_is_renewed(house: House) -> None:
    house.accounts.passwords = Passwords()
    signed = house.ada()
    old = argon2.PasswordHasher(time_cost=1, memory_cost=1024).hash(PASSWORD)
    with sqlite3.connect(house.store.path) as other:
        other.execute("update account set password_hash = ?", (old,))
    other.close()
    house.accounts.sign_in("Ada", PASSWORD, where=HERE, previous=signed.secret)
    (stored,) = sqlite3.connect(house.store.path).execute("select password_hash from account")
    assert "m=65536,t=3,p=4" in stored[0]


def test_addresses_are_counted_by_what_one_customer_has() -> None:
    assert throttle.network_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert throttle.network_of("2001:db8::1") == "2001:db8::/64"
    assert throttle.network_of("fe80::1%eth0") == "fe80::/64"
    assert throttle.network_of(None) == throttle.network_of("nonsense") == "unknown"

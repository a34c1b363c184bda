"""Quotas and the disk reserve: counted to the byte, whatever happens and whoever is quicker."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from strongroom.errors import Refused
from strongroom.files.blobs import Blob
from strongroom.files.service import part, room
from strongroom.files.service.part import Limits
from strongroom.files.service.room import LOOK_EVERY
from strongroom.permissions import NOBODY_IN_PARTICULAR, Identity
from tests.unit.files.cabinet import ADA, BEN, MIA, Cabinet, blob_of

QUOTA = 1_000


@pytest.fixture
def limited(cabinet: Cabinet) -> Cabinet:
    """Everybody may store a thousand bytes."""
    cabinet.files.limits = Limits(quota_bytes=QUOTA, trash_days=30)
    return cabinet


def test_all_versions_and_the_trash_count(limited: Cabinet) -> None:
    limited.put("/x", 300, MIA)
    limited.replace("/x", 300, BEN)
    limited.replace("/x", 300, MIA)
    limited.files.trash([limited.id("/x")], BEN)
    assert (limited.used(MIA), limited.used(BEN)) == (600, 300)
    limited.put("/y", 400, MIA)
    with limited.refused("quota_exceeded", 507):
        limited.put("/z", 1, MIA)
    limited.put("/z", 0, MIA)
    limited.put("/z2", 700, BEN)
    (gone,) = limited.files.trashed().items
    limited.files.purge([gone.node_id])
    assert (limited.used(MIA), limited.used(BEN)) == (400, 700)


def test_a_version_counts_for_who_uploaded_it(limited: Cabinet) -> None:
    limited.put("/x", 600, MIA)
    with limited.refused("quota_exceeded", 507):
        limited.replace("/x", 401, MIA)
    limited.replace("/x", 900, BEN)
    limited.files.restore_version(limited.id("/x"), _first(limited, "/x"), BEN)
    assert (limited.used(MIA), limited.used(BEN)) == (600, 900)


def _first(cabinet: Cabinet, path: str) -> str:
    return cabinet.files.versions(cabinet.id(path)).items[-1].version_id


@pytest.mark.parametrize("threads", [2, 20])
def test_uploads_at_once_get_no_more_than_the_quota(limited: Cabinet, threads: int) -> None:
    limited.folder("/a")

    def upload(number: int) -> bool:
        room = limited.files.room(MIA)
        try:
            limited.files.check_room(300, MIA)
            room(300)
            limited.put(f"/a/{number}", 300, MIA)
        except Refused as refusal:
            return _is(refusal, "quota_exceeded")
        return True

    with ThreadPoolExecutor(threads) as pool:
        done = list(pool.map(upload, range(threads * 2)))
    assert done.count(True) == 3
    assert limited.used(MIA) == 900


def test_what_is_known_beforehand_is_refused_beforehand(limited: Cabinet) -> None:
    limited.put("/x", 600, MIA)
    limited.files.check_room(400, MIA)
    limited.files.check_room(None, MIA)
    limited.files.check_room(401, BEN)
    with limited.refused("quota_exceeded", 507):
        limited.files.check_room(401, MIA)


def test_what_is_not_known_is_refused_as_it_arrives(limited: Cabinet) -> None:
    limited.put("/x", 600, MIA)
    take = limited.files.room(MIA)
    for _ in range(4):
        take(100)
    with limited.refused("quota_exceeded", 507):
        take(1)
    free = limited.files.room(None)
    for _ in range(30):
        free(100)


def test_a_quota_of_ones_own(limited: Cabinet) -> None:
    with limited.recording() as during:
        limited.files.set_quota("u-mia", 50)
        limited.files.set_quota("u-mia", 0)
        limited.files.set_quota("u-mia", None)
    assert [(one.get("quota_bytes"), one.get("previous_quota_bytes")) for one in during] == [
        (50, None),
        (0, 50),
        (None, 0),
    ]
    assert limited.files.usage_of("u-mia").quota == QUOTA
    limited.files.set_quota("u-mia", 50)
    assert (limited.files.usage_of("u-mia").quota, limited.files.usage_of("u-ben").quota) == (
        50,
        QUOTA,
    )
    with limited.refused("quota_exceeded", 507):
        limited.put("/x", 51, MIA)
    limited.files.set_quota("u-mia", 0)  # no limit
    limited.put("/x", 5_000, MIA)
    limited.files.set_quota("u-mia", 60)  # less than there is already
    assert limited.used(MIA) == 5_000
    for size in (None, 0, 1):
        with limited.refused("quota_exceeded", 507):
            limited.files.check_room(size, MIA)
    with limited.refused("quota_exceeded", 507):
        limited.files.room(MIA)(1)


def test_administrators_have_one_too_and_nobody_has_none(limited: Cabinet) -> None:
    with limited.refused("quota_exceeded", 507):
        limited.put("/x", QUOTA + 1, ADA)
    for by in (None, NOBODY_IN_PARTICULAR):
        assert limited.files.usage(by) is None
        limited.files.check_room(QUOTA * 9, by)
        limited.put(f"/{by and by.role}", QUOTA * 9, by)


def test_a_refused_upload_counts_for_nothing(limited: Cabinet) -> None:
    stored = limited.put("/x", 100, MIA)
    with limited.refused("filename_taken", 409):
        limited.put("/x", 50, MIA)
    with limited.refused("version_not_current", 412):
        limited.files.add(stored.folder_id, "x", "a/b", blob_of(50), MIA, replaces="0" * 64)
    assert limited.used(MIA) == 100


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_done_the_sum_is_right(  # each act is one short line
    limited: Cabinet, seed: int
) -> None:
    """After each of many acts at random, refused ones included."""
    choose = random.Random(seed)
    limited.files.limits = Limits(quota_bytes=4_000, trash_days=30)
    paths = [f"/{folder}/{name}" for folder in "abc" for name in "xyz"]

    acts: list[Callable[[str, Identity | None], object]] = [
        lambda path, by: limited.put(path, choose.randrange(1, 400), by),
        lambda path, by: limited.put(path, choose.randrange(1, 400), by),
        lambda path, by: limited.replace(path, choose.randrange(1, 400), by),
        lambda path, by: limited.files.trash([limited.id(path)], by),
        lambda path, by: limited.files.trash([limited.id(path[:2])], by),
        lambda _, by: limited.files.restore(
            [choose.choice(limited.files.trashed().items).node_id], by
        ),
        lambda _, by: limited.files.purge([choose.choice(limited.files.trashed().items).node_id]),
        lambda path, by: limited.files.move(limited.id(path), by, folder_id=limited.id("/a")),
    ]

    done = 0
    for _ in range(120):
        try:
            choose.choice(acts)(choose.choice(paths), choose.choice([MIA, BEN, ADA, None]))
            done += 1
        except (Refused, IndexError):
            pass
        if done % 10 == 0:
            limited.check()
    assert done > 30


def test_the_disk_keeps_its_reserve(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    free = 100 * LOOK_EVERY
    monkeypatch.setattr(cabinet.files.blobs, "free", lambda: free)
    cabinet.files.limits = Limits(reserve_bytes=40 * LOOK_EVERY)
    cabinet.files.check_room(60 * LOOK_EVERY, MIA)
    cabinet.files.check_room(None, MIA)
    with cabinet.refused("storage_full", 507):
        cabinet.files.check_room(60 * LOOK_EVERY + 1, MIA)
    take = cabinet.files.room(MIA)
    take(LOOK_EVERY)
    free = 41 * LOOK_EVERY
    take(LOOK_EVERY // 2)
    free = 40 * LOOK_EVERY
    with cabinet.refused("storage_full", 507):
        take(LOOK_EVERY)
    with cabinet.refused("storage_full", 507):
        cabinet.files.check_room(1, MIA)
    monkeypatch.setattr(cabinet.files.blobs, "free", lambda: None)
    cabinet.files.check_room(10**18, MIA)


def test_what_is_on_its_way_takes_room(limited: Cabinet) -> None:
    """While it lasts, and once: what is stored meanwhile does not count twice."""
    with limited.files.arriving(600, MIA) as take:
        take(300)
        with limited.refused("quota_exceeded", 507), limited.files.arriving(401, MIA):
            pass
        with limited.refused("quota_exceeded", 507):
            limited.files.check_room(401, MIA)
        with limited.refused("quota_exceeded", 507):
            limited.files.room(MIA)(401)
        with limited.files.arriving(None, MIA) as unknown:
            unknown(400)
            with limited.refused("quota_exceeded", 507):
                unknown(1)
        with limited.files.arriving(400, MIA), limited.files.arriving(1_000, BEN):
            pass
        take(300)
        limited.put("/x", 600, MIA)
    limited.files.check_room(400, MIA)
    with limited.refused("quota_exceeded", 507):
        limited.files.check_room(401, MIA)


def test_room_is_held_for_what_is_about_to_be_stored(limited: Cabinet) -> None:
    folder_id = limited.folder("/a").folder_id
    one, two, small = blob_of(600), blob_of(601), blob_of(100)
    limited.files.admit(folder_id, "one", one, MIA)
    limited.files.admit(folder_id, "one", one, MIA)  # once more, as after a crash
    for act in (limited.files.admit, _adding(limited)):
        with limited.refused("quota_exceeded", 507):
            act(folder_id, "two", two, MIA)
    with limited.refused("quota_exceeded", 507):
        limited.files.check_room(401, MIA)
    limited.files.admit(folder_id, "two", two, BEN)
    _adding(limited)(folder_id, "one", one, MIA)
    with limited.refused("filename_taken", 409):
        limited.files.admit(folder_id, "one", small, MIA)
    limited.files.check_room(400, MIA)  # nothing is held for it any more, or for what was refused
    assert (limited.used(MIA), limited.used(BEN)) == (600, 0)


def test_what_was_published_and_then_refused_counts_until_it_is_collected(
    limited: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_id = limited.folder("/a").folder_id
    limited.files.admit(folder_id, "x", blob_of(600), MIA)
    limited.put("/a/x", 1, BEN)
    with limited.refused("filename_taken", 409):
        _adding(limited)(folder_id, "x", blob_of(600), MIA)
    with limited.refused("quota_exceeded", 507):
        limited.files.check_room(401, MIA)
    later = part.now() + room.HELD_FOR
    monkeypatch.setattr(room, "now", lambda: later)
    limited.files.check_room(1_000, MIA)
    limited.files.admit(folder_id, "y", blob_of(1_000), MIA)


def test_what_is_to_come_is_not_on_the_disk_yet(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cabinet.files.blobs, "free", lambda: 1_000)
    cabinet.files.limits = Limits(reserve_bytes=400)
    with cabinet.files.arriving(500, None) as take:
        cabinet.files.check_room(100, MIA)
        for act in (
            lambda: cabinet.files.check_room(101, MIA),
            lambda: cabinet.files.arriving(101, MIA).__enter__(),
        ):
            with cabinet.refused("storage_full", 507):
                act()
        take(200)  # has its place, which the disk tells of
        cabinet.files.check_room(300, MIA)
    cabinet.files.check_room(600, MIA)


def test_many_small_bodies_at_once_do_not_use_up_the_reserve(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = 10_000
    monkeypatch.setattr(cabinet.files.blobs, "free", lambda: free)
    cabinet.files.limits = Limits(reserve_bytes=4_000)
    takes = [cabinet.files.room(MIA) for _ in range(100)]

    def arrive() -> None:
        nonlocal free
        for take in takes:
            take(90)
            free -= 90

    with pytest.raises(Refused, match="no room left"):
        arrive()
    assert free >= 4_000 - 1_000


def _adding(cabinet: Cabinet) -> Callable[..., object]:
    def add(folder_id: str, name: str, blob: Blob, by: Identity) -> object:
        return cabinet.files.add(folder_id, name, "text/plain", blob, by)

    return add


def _is(refusal: Refused, reason: str) -> bool:
    """False, if it was refused for this reason."""
    assert refusal.reason == reason
    return False

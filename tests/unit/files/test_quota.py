"""Quotas and the disk reserve: counted to the byte, whatever happens and whoever is quicker."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from strongroom.errors import Refused
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
    (gone,) = limited.files.trashed()
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
    return cabinet.files.versions(cabinet.id(path))[1][-1].version_id


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
        lambda _, by: limited.files.restore([choose.choice(limited.files.trashed()).node_id], by),
        lambda _, by: limited.files.purge([choose.choice(limited.files.trashed()).node_id]),
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


def _is(refusal: Refused, reason: str) -> bool:
    """False, if it was refused for this reason."""
    assert refusal.reason == reason
    return False

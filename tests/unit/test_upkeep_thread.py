"""The upkeep runs in one process, goes on after errors, and ends when it is told to."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.files.upkeep import thread
from tests.unit.kept import Kept

PATIENCE = 20.0


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "data")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_SECONDS", "EVERY_SECONDS", "LEASE_SECONDS"):
        monkeypatch.setattr(thread, name, 0.02)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_everything_in_one_run(kept: Kept) -> None:
    """What is purged now goes with its content, as soon as that is old enough."""
    old, recent = kept.add("old", b"old"), kept.add("recent", b"recent")
    kept.trashed_long_ago(old.file_id)
    kept.files.trash([recent.file_id])
    version = kept.add("replaced", b"before")
    kept.add("replaced", b"after", replaces=version.sha256)
    kept.alter("UPDATE file_version SET replaced_at = 5 WHERE replaced_at IS NOT NULL")
    for sha256 in (old.sha256, recent.sha256, version.sha256):
        kept.age(sha256, 2)
    kept.objects.begin("00000000-0000-7000-8000-000000000000")
    then = time.time() - 7_200
    for name in ("", ".writer"):
        path = kept.root / "uploads" / f"00000000-0000-7000-8000-000000000000{name}"
        os.utime(path, (then, then))
    kept.upkeep().run()
    purged = {record["sha256"] for record in kept.recorded("file_purged")}
    assert purged == {old.sha256, version.sha256}
    assert kept.blobs.size(old.sha256) is kept.blobs.size(version.sha256) is None
    assert kept.blobs.size(recent.sha256) == 6
    assert list(kept.objects.resumables()) == []


def test_what_fails_is_logged_and_the_rest_is_done(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    orphan = kept.orphan(b"orphan")
    kept.alter("ALTER TABLE upload RENAME TO upload_aside")
    with caplog.at_level(logging.WARNING):
        kept.upkeep().run()
    assert "upkeep of files" in caplog.text
    assert kept.blobs.size(orphan.sha256) is None


@pytest.mark.usefixtures("quick")
def test_again_and_again_in_one_process_at_a_time(kept: Kept) -> None:
    first, second = kept.upkeep(), kept.upkeep()
    first.start()
    first.start()
    orphan = kept.orphan(b"one")
    wait_until(lambda: kept.blobs.size(orphan.sha256) is None)
    second.start()
    assert sum(one.name == "strongroom-upkeep" for one in threading.enumerate()) == 2
    assert sum(one.name == "strongroom-scrub" for one in threading.enumerate()) <= 1
    orphan = kept.orphan(b"two")
    wait_until(lambda: kept.blobs.size(orphan.sha256) is None)
    first.close()
    orphan = kept.orphan(b"three")
    wait_until(lambda: kept.blobs.size(orphan.sha256) is None)
    second.close()
    assert not [one for one in threading.enumerate() if "upkeep" in one.name]


@pytest.mark.usefixtures("quick")
def test_the_scrub_runs_beside(kept: Kept) -> None:
    file = kept.add("a", b"content")
    kept.damage(file.sha256)
    upkeep = kept.upkeep(scrub_days=30)
    upkeep.start()
    wait_until(lambda: len(kept.recorded("content_damaged")) == 1)
    upkeep.close()


def test_it_ends_at_once(kept: Kept) -> None:
    """Neither the hour nor the minute is waited for: else the test would not end in time."""
    upkeep = kept.upkeep(scrub_days=30)
    upkeep.start()
    upkeep.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("strongroom-upkeep")]
    upkeep.start()
    upkeep.close()

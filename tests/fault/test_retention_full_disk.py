"""On a full disk old records still go: the reserve is given up for it, and made again."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from strongroom.audit.events import Stream
from strongroom.audit.retention import Retention, Rules
from strongroom.audit.retention.reserve import Reserve
from strongroom.errors import Unavailable
from tests.unit.making import audit_record
from tests.unit.retention.sealed import history, left, verified
from tests.unit.sealing.sealed import Log

pytestmark = pytest.mark.fault

MIB = 2**20
DISK = 24 * MIB
ALMOST_NOTHING = Rules(max_bytes=dict.fromkeys(Stream, 1))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, in memory, that is small."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "strongroom-test", str(path)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


@pytest.fixture
def log(disk: Path) -> Iterator[Log]:
    made = history(disk)
    yield made
    made.store.close()


def fill(disk: Path) -> Path:
    """Take all the room that is left."""
    path = disk / "others"
    with path.open("wb", buffering=0) as file:
        for size in (MIB, 4096, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)
    assert free(disk) == 0
    return path


def free(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


def until_refused(log: Log) -> None:
    """Write records until there is no room for more: the log of changes has some."""

    def write() -> None:
        for _ in range(1_000):
            log.journal.append([audit_record(path="x" * 16_000)])

    with pytest.raises(Unavailable):
        write()


def test_old_records_go_when_nothing_else_can_be_written(
    log: Log, disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    retention = Retention(log.store, log.record, ALMOST_NOTHING)
    reserve = Reserve(log.store)
    assert reserve.keep()
    assert reserve.path.stat().st_blocks * 512 >= DISK // 20
    others = fill(disk)
    until_refused(log)
    assert len(left(log, Stream.AUDIT)) == len(left(log, Stream.OPS)) == 3
    with caplog.at_level(logging.WARNING):
        retention.look()
    assert [record.message for record in caplog.records] == [
        "the disk is full; the reserve was given up so that old records can go"
    ]
    assert left(log, Stream.AUDIT) == left(log, Stream.OPS) == []
    log.journal.append([audit_record(filename="a.txt")])
    log.sign()
    report = verified(log)
    assert report.holds, report.failure
    assert not reserve.path.exists()  # there is no room for it yet
    others.unlink()
    assert reserve.keep()


def test_without_the_reserve_it_must_wait(
    log: Log, disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What the test above would be if there were none: so it is what makes the difference."""
    fill(disk)
    until_refused(log)
    with caplog.at_level(logging.WARNING):
        Retention(log.store, log.record, ALMOST_NOTHING).look()
    assert any("pruning must wait" in record.message for record in caplog.records)
    assert len(left(log, Stream.AUDIT)) == 3
    assert verified(log).holds


def test_it_is_not_made_where_it_would_fill_the_disk(log: Log, disk: Path) -> None:
    others = fill(disk)
    os.truncate(others, others.stat().st_size - DISK // 20 - 4096)
    assert not Reserve(log.store).keep()
    assert free(disk) > DISK // 20
    assert not Reserve(log.store).release()


def test_the_rules_are_applied_once_an_hour(log: Log) -> None:
    retention = Retention(log.store, log.record, ALMOST_NOTHING)
    retention.look()
    assert left(log, Stream.OPS) == []
    log.fill(0, 30)
    log.seal_all()
    retention.look()
    assert len(left(log, Stream.OPS)) == 1

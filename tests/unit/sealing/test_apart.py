"""A segment that another process prepares is the one that this process would have made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from strongroom.audit.archive.places import archive_folder
from strongroom.audit.events import Stream
from strongroom.audit.sealing import apart, thread
from strongroom.audit.sealing.due import Span
from strongroom.audit.sealing.sealer import Sealer, Stopped
from strongroom.audit.sealing.thread import SealingThread
from strongroom.errors import Corrupt
from tests.unit.making import ops_record
from tests.unit.sealing.sealed import Log
from tests.unit.sealing.test_thread import OLD, wait_until_sealed

SPAN = Span(Stream.AUDIT, 0, 256)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(f"sqlite:///{tmp_path / 'log.db'}")
    made.fill(256, 10)
    yield made
    made.store.close()


def test_it_is_the_same(log: Log) -> None:
    mine, other = log.sealer.prepare(SPAN), apart.prepare(log.store, SPAN, signed=True)
    assert set(mine.drafts) == set(other.drafts)
    for path, draft in other.drafts.items():
        assert draft.read_bytes() == mine.drafts[path].read_bytes()
    sealed_at = mine.sealed.segment.sealed_at
    assert replace(other.sealed.segment, sealed_at=sealed_at) == mine.sealed.segment
    assert other.sealed.filters == mine.sealed.filters


def test_what_was_altered_is_refused(log: Log) -> None:
    log.store.write(
        lambda connection: connection.exec_driver_sql(
            "UPDATE journal SET network = x'7b7d' WHERE stream = 'audit' AND seq = 7"
        )
    )
    with pytest.raises(Corrupt, match="record 7 of audit"):
        apart.prepare(log.store, SPAN, signed=True)
    assert [path for path in archive_folder(log.store).rglob("*") if path.is_file()] == []


def test_told_to_stop(log: Log) -> None:
    with pytest.raises(Stopped):
        apart.prepare(log.store, SPAN, signed=True, stopping=lambda: True)


def test_the_thread_seals_through_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread, "FIRST_SECONDS", 0.05)
    monkeypatch.setattr(apart, "FEWEST", 20)

    def refuse(*_: object) -> None:
        raise AssertionError("a large segment was prepared beside requests")

    monkeypatch.setattr(Sealer, "prepare", refuse)
    log = Log(f"sqlite:///{tmp_path / 'old.db'}")
    log.append([ops_record(timestamp=OLD, count=number) for number in range(20)])
    worker = SealingThread(log.store, log.record, signed=True)
    worker.start()
    try:
        wait_until_sealed(log, 20)
    finally:
        worker.close()
    assert len(log.records(Stream.OPS)) == 20
    log.store.close()

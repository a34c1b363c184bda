"""Which records are sealed, and when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.audit.events import Stream
from strongroom.audit.journal.stored import timestamp_text
from strongroom.audit.sealing import due as rules
from strongroom.audit.sealing.due import AUDIT_SECONDS, DAY, LATE, Span, due
from tests.unit.making import audit_record, ops_record
from tests.unit.sealing.sealed import Log

NOON = 20_000 * DAY + DAY // 2


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(f"sqlite:///{tmp_path / 'log.db'}")
    yield made
    made.store.close()


def ask(log: Log, stream: Stream, now: int, *, everything: bool = False) -> Span | None:
    with log.store.read() as connection:
        return due(connection, stream, now, signed=log.signed, everything=everything)


def test_nothing_of_an_empty_stream(log: Log) -> None:
    for stream in Stream:
        assert ask(log, stream, NOON, everything=True) is None


def test_ops_when_their_day_has_ended(log: Log) -> None:
    times = [NOON, NOON + 1, NOON + DAY // 2, NOON + DAY]  # two of a day, two of the next
    log.append([ops_record(timestamp=timestamp_text(time)) for time in times])
    midnight = NOON + DAY // 2
    assert ask(log, Stream.OPS, midnight + LATE - 1) is None
    assert ask(log, Stream.OPS, midnight + LATE) == Span(Stream.OPS, 0, 2)
    assert ask(log, Stream.OPS, midnight + 9 * DAY) == Span(Stream.OPS, 0, 2)
    assert ask(log, Stream.OPS, NOON, everything=True) == Span(Stream.OPS, 0, 4)


def test_audit_when_the_oldest_is_a_month_old(log: Log) -> None:
    stamp = timestamp_text(NOON)
    log.append([audit_record(timestamp=stamp) for _ in range(600)])
    month = AUDIT_SECONDS * 10**6
    assert ask(log, Stream.AUDIT, NOON + month) is None
    assert ask(log, Stream.AUDIT, NOON + month + 1) == Span(Stream.AUDIT, 0, 512)
    assert ask(log, Stream.AUDIT, NOON, everything=True) == Span(Stream.AUDIT, 0, 512)


def test_audit_only_as_far_as_it_is_signed(log: Log) -> None:
    log.append([audit_record() for _ in range(300)])
    log.journal.append([audit_record() for _ in range(300)])  # not signed yet
    assert ask(log, Stream.AUDIT, NOON, everything=True) == Span(Stream.AUDIT, 0, 256)
    log.signed = False
    assert ask(log, Stream.AUDIT, NOON, everything=True) == Span(Stream.AUDIT, 0, 512)


def test_a_full_segment_at_once(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "SEGMENT_ROWS", 256)
    log.fill(600, 600)
    assert ask(log, Stream.AUDIT, 0) == Span(Stream.AUDIT, 0, 256)
    assert ask(log, Stream.OPS, 0) == Span(Stream.OPS, 0, 256)


def test_a_segment_fits_into_memory(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "SEGMENT_BYTES", 300_000)
    log.append([audit_record(path="x" * 500) for _ in range(600)])
    log.append([ops_record(path="x" * 500) for _ in range(600)])
    assert ask(log, Stream.AUDIT, 0, everything=True) == Span(Stream.AUDIT, 0, 256)
    found = ask(log, Stream.OPS, 0, everything=True)
    assert found is not None
    assert 300 < found.end < 500
    monkeypatch.setattr(rules, "SEGMENT_BYTES", 10)  # less than one record: still one at a time
    assert ask(log, Stream.AUDIT, 0, everything=True) == Span(Stream.AUDIT, 0, 256)
    assert ask(log, Stream.OPS, 0, everything=True) == Span(Stream.OPS, 0, 1)

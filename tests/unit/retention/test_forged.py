"""Whatever is gone without a record, or by another one than its own, is detected."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, text, update

from strongroom.audit.archive.places import archive_folder
from strongroom.audit.archive.tables import (
    archive_head,
    pruning,
    segment,
    segment_filter,
    segment_rollup,
)
from strongroom.audit.events import Stream
from strongroom.audit.events.system import RecordsPruned
from strongroom.audit.ledger.tables import ledger_tile
from strongroom.audit.retention import Rules
from tests.unit.retention.sealed import DAY, failed, held, left, of, prune, verified
from tests.unit.sealing.sealed import Log


def cut_off(log: Log, stream: Stream, *, row: bool = True) -> tuple[int, int]:
    """Take the first segment away as a pruning does, without a record."""
    about = left(log, stream)[0]

    def unit(connection: Connection) -> None:
        for table in (segment, segment_filter, segment_rollup):
            gone = (table.c.stream == stream.value) & (table.c.first_seq == about.first_seq)
            connection.execute(delete(table).where(gone))
        of_stream = archive_head.c.stream == stream.value
        moved = update(archive_head).where(of_stream).values(pruned_through=about.last_seq + 1)
        connection.execute(moved)
        if row:
            values = {
                "stream": stream.value, "first_seq": about.first_seq, "last_seq": about.last_seq,
                "rule": "max_age", "pruned_at": 1,
            }  # fmt: skip
            connection.execute(insert(pruning), values)

    log.store.write(unit)
    for path in about.files(archive_folder(log.store)):
        path.unlink()
    return about.first_seq, about.last_seq


def said(log: Log) -> dict[str, Any]:
    """What the newest record of a pruning says."""
    found = [one for one in held(log, Stream.AUDIT) if one["event"] == RecordsPruned.event_name]
    extra: dict[str, Any] = found[-1]["extra"]
    return extra


def record(log: Log, extra: dict[str, Any]) -> None:
    """Record a pruning as the program would, and sign it."""
    count = extra["last_seq"] - extra["first_seq"] + 1
    log.record(RecordsPruned(count=count, extra=extra))
    log.sign()


@pytest.mark.parametrize("row", [True, False])
@pytest.mark.parametrize("stream", [Stream.AUDIT, Stream.OPS])
def test_a_beginning_cut_off(log: Log, stream: Stream, row: bool) -> None:  # a parameter
    cut_off(log, stream, row=row)
    assert failed(log) == {"pruned"}


@pytest.mark.parametrize("stream", [Stream.AUDIT, Stream.OPS])
def test_one_more_than_was_pruned(log: Log, stream: Stream) -> None:
    first = left(log, stream)[0]
    prune(log, Rules(max_bytes={stream: sum(s.bytes for s in left(log, stream)) - first.bytes}))
    assert verified(log).holds
    cut_off(log, stream)
    assert "pruned" in failed(log)


def test_the_record_of_another_range(log: Log) -> None:
    """A record of ops does not license audit, nor one of the first segment the second."""
    prune(log, of(Stream.OPS))
    assert verified(log).holds
    cut_off(log, Stream.AUDIT)
    assert failed(log) == {"pruned"}


def test_the_record_of_an_earlier_pruning_again(log: Log) -> None:
    total = sum(about.bytes for about in left(log, Stream.OPS))
    prune(log, Rules(max_bytes={Stream.OPS: total - 1}))
    extra = said(log)
    cut_off(log, Stream.OPS)
    record(log, extra)
    assert failed(log) == {"pruned"}


def test_a_record_that_skips_something(log: Log) -> None:
    prune(log, of(Stream.OPS))
    extra = said(log)
    record(log, extra | {"first_seq": 95, "last_seq": 99, "before": extra["before"] | {"ops": 90}})
    assert failed(log) == {"pruned"}


def test_a_record_with_another_root(log: Log) -> None:
    """The hashes stay, so what was pruned cannot be said to have been something else."""
    first, last = cut_off(log, Stream.AUDIT)
    before = dict.fromkeys(map(str, Stream), 0)
    facts = {"stream": "audit", "first_seq": first, "last_seq": last, "rule": "max_age"}
    record(log, {**facts, "bytes": 1, "before": before, "root": "00" * 32})
    assert failed(log) == {"pruned"}


def test_a_record_put_into_the_journal(log: Log) -> None:
    """The forgery that writes a row has not grown the tree with it."""
    prune(log, Rules(max_bytes={Stream.OPS: 1}))
    statement = text(
        "INSERT INTO journal SELECT stream, (SELECT max(seq) + 1 FROM journal WHERE stream = 'audit'), "
        "'01a20f4f-0000-7000-8000-000000000000', timestamp, level, event, request_id, "
        "replace(entry, id, '01a20f4f-0000-7000-8000-000000000000'), content, content_salt, network, "
        "network_salt FROM journal WHERE event = 'records_pruned' LIMIT 1"
    )
    log.store.write(lambda connection: connection.execute(statement))
    assert failed(log) >= {"pruned", "head"}


HARMS: dict[str, Callable[[Connection], object]] = {
    "the row of a pruning is gone": lambda c: c.execute(
        delete(pruning).where(pruning.c.first_seq == 256)
    ),
    "it says another rule": lambda c: c.execute(update(pruning).values(rule="max_bytes")),
    "one more": lambda c: c.execute(
        insert(pruning).values(stream="ops", first_seq=0, last_seq=29, rule="max_age", pruned_at=1)
    ),
    "the boundary is further on": lambda c: c.execute(
        update(archive_head).where(archive_head.c.stream == "imported").values(pruned_through=3)
    ),
}


@pytest.mark.parametrize("harm", HARMS)
def test_rows_altered(log: Log, harm: str) -> None:
    prune(log, of(Stream.AUDIT))
    assert verified(log).holds
    log.store.write(HARMS[harm])
    assert "pruned" in failed(log)


@pytest.mark.parametrize("at", [0, 40, 8191])
def test_the_hash_of_a_pruned_record_altered(log: Log, at: int) -> None:
    prune(log, of(Stream.AUDIT))

    def unit(connection: Connection) -> None:
        where = (ledger_tile.c.level == 0) & (ledger_tile.c.tile_index == 1)
        hashes = bytearray(connection.execute(select(ledger_tile.c.hashes).where(where)).scalar())  # type: ignore[arg-type]  # there is one
        hashes[at] ^= 1
        connection.execute(update(ledger_tile).where(where).values(hashes=bytes(hashes)))

    log.store.write(unit)
    assert failed(log) >= {"pruned", "checkpoints"}


def test_the_hashes_of_pruned_records_gone(log: Log) -> None:
    prune(log, of(Stream.AUDIT))
    where = (ledger_tile.c.level == 0) & (ledger_tile.c.tile_index == 1)
    log.store.write(lambda connection: connection.execute(delete(ledger_tile).where(where)))
    assert failed(log) >= {"pruned", "tiles"}


def test_what_was_pruned_put_back(log: Log) -> None:
    """An old index with its files is no segment any more."""
    aside = archive_folder(log.store).with_name("aside")
    shutil.copytree(archive_folder(log.store), aside)
    with log.store.read() as connection:
        row = dict(
            connection.execute(select(segment).where(segment.c.stream == "ops")).mappings().first()
            or {}
        )
    prune(log, Rules(max_age={Stream.OPS: DAY}))
    shutil.rmtree(archive_folder(log.store))
    aside.rename(archive_folder(log.store))
    log.store.write(lambda connection: connection.execute(insert(segment), row))
    assert failed(log)

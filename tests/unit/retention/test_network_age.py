"""Addresses and agents of old records go, the evidence stays, and only theirs may be gone."""

from __future__ import annotations

from sqlalchemy import insert

from strongroom.audit.archive.index import read_filters, read_rollups
from strongroom.audit.archive.places import archive_folder
from strongroom.audit.archive.rewriting import replace, rewrite
from strongroom.audit.archive.tables import network_drop
from strongroom.audit.events import Stream
from strongroom.audit.events.system import NetworkDropped
from strongroom.audit.ledger.held import PartState, held_record
from strongroom.audit.retention import Rules
from tests.unit.retention.sealed import (
    DAY,
    SPANS,
    failed,
    files,
    held,
    left,
    of,
    prune,
    spans,
    verified,
)
from tests.unit.sealing.sealed import Log

RULE = Rules(network_age=DAY)


def test_addresses_go_and_the_rest_stays(log: Log) -> None:
    before = held(log, Stream.AUDIT)
    assert any("ip_address" in one for one in before[:768])
    done = prune(log, RULE)
    assert spans([one.segment for one in done]) == SPANS[Stream.AUDIT]
    after = held(log, Stream.AUDIT)
    for old, new in zip(before[:768], after[:768], strict=True):
        network = ("ip_address", "peer_address", "user_agent")
        assert new == {name: value for name, value in old.items() if name not in network}
    assert after[768 : len(before)] == before[768:]
    assert [name for name in files(log) if "/audit/" in name] == [
        f"segments/audit/{first:012}.g2.parquet" for first, _ in SPANS[Stream.AUDIT]
    ]
    report = verified(log)
    assert report.holds, report.failure
    assert prune(log, RULE) == []


def test_no_file_and_no_index_gives_them_back(log: Log) -> None:
    """A filter over addresses would, to whoever guesses."""
    prune(log, RULE)
    with log.store.read() as connection:
        for about in left(log, Stream.AUDIT):
            assert not any(read_filters(connection, about)["ip_address"])
            rollups = read_rollups(connection, about)
            assert b"\xc0\x00\x02" not in rollups.get("ip_address", b"")
    folder = archive_folder(log.store)
    for about in left(log, Stream.AUDIT):
        assert b"192.0.2." not in about.path(folder).read_bytes()


def test_the_proof_says_forgotten(log: Log) -> None:
    prune(log, RULE)
    with log.store.read() as connection:
        record = held_record(connection, 5)
    assert record is not None
    states = record.part_states()
    assert states == {"content": PartState.OPENED, "network": PartState.FORGOTTEN}


def test_it_is_recorded(log: Log) -> None:
    prune(log, RULE)
    said = [one for one in held(log, Stream.AUDIT) if one["event"] == NetworkDropped.event_name]
    assert [
        (one["count"], one["extra"]["first_seq"], one["extra"]["last_seq"]) for one in said
    ] == [(256, *span) for span in SPANS[Stream.AUDIT]]


def test_it_licenses_nothing_else(log: Log) -> None:
    """Neither another part of these records, nor the same part of others."""
    work = prune(log, Rules(network_age=DAY, max_age={Stream.OPS: DAY}))
    assert len(work) == 6
    first = left(log, Stream.AUDIT)[0]
    draft = rewrite(archive_folder(log.store), first, {7: ("content",)})
    replace(log.store, first, draft, log.record)
    log.sign()
    assert "parts" in failed(log)


def test_nor_those_that_are_sealed_later(log: Log) -> None:
    prune(log, RULE)
    log.fill(300, 0)
    log.seal_all()
    log.sign()
    newest = left(log, Stream.AUDIT)[-1]
    draft = rewrite(archive_folder(log.store), newest, {newest.first_seq: ("network",)})
    replace(log.store, newest, draft, log.record)
    log.sign()
    assert failed(log) == {"parts"}


def test_a_row_without_a_record_licenses_nothing(log: Log) -> None:
    first = left(log, Stream.AUDIT)[0]
    draft = rewrite(archive_folder(log.store), first, {3: ("network",)})
    replace(log.store, first, draft, log.record)
    row = {"first_seq": 3, "last_seq": 3, "dropped_at": 1}
    log.store.write(lambda connection: connection.execute(insert(network_drop), row))
    log.sign()
    assert failed(log) == {"dropped"}


def test_pruned_afterwards(log: Log) -> None:
    prune(log, RULE)
    prune(log, of(Stream.AUDIT))
    report = verified(log)
    assert report.holds, report.failure

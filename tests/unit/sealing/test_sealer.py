"""Records move into segments, and everything that reads them goes on as before."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from strongroom.audit.archive.index import read_heads, segments
from strongroom.audit.archive.places import archive_folder
from strongroom.audit.events import Stream
from strongroom.audit.events.ledger import SegmentSealed
from strongroom.audit.journal.check import check_stream
from strongroom.audit.journal.tables import journal
from strongroom.audit.ledger.bundle import write_bundle
from strongroom.audit.ledger.entries import next_entries, sealed_before
from strongroom.audit.ledger.held import entries_between, held_record, held_records
from strongroom.audit.ledger.verify import State, Trust, verify, verify_ledger
from strongroom.audit.sealing.due import Span
from strongroom.audit.sealing.sealer import Sealer, Stopped
from strongroom.errors import Corrupt
from tests.unit.making import audit_record
from tests.unit.sealing.sealed import KEY, Log

TRUST = Trust.given([KEY.verifier])


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(f"sqlite:///{tmp_path / 'log.db'}")
    made.fill(600, 300)
    yield made
    made.store.close()


def rows(log: Log, stream: Stream) -> tuple[int, int]:
    """How many rows of the stream the journal has, and the first number."""
    with log.store.read() as connection:
        found = connection.execute(
            select(func.count(), func.min(journal.c.seq)).where(journal.c.stream == stream.value)
        ).one()
    return found[0], found[1]


def test_what_is_sealed_is_the_same(log: Log) -> None:
    before = {stream: log.records(stream) for stream in (Stream.AUDIT, Stream.OPS)}
    assert log.seal_all() == 512 + 300
    log.sign()
    assert log.records(Stream.AUDIT)[:600] == before[Stream.AUDIT]
    assert log.records(Stream.OPS) == before[Stream.OPS]
    assert rows(log, Stream.AUDIT) == (88 + 2, 512)
    assert rows(log, Stream.OPS)[0] == 0
    with log.store.read() as connection:
        heads = read_heads(connection)
        assert (heads["audit"].sealed_through, heads["ops"].sealed_through) == (512, 300)
        assert len(segments(connection)) == 2
    recorded = [
        one for one in log.records(Stream.AUDIT) if one["event"] == SegmentSealed.event_name
    ]
    assert [(one["count"], one["extra"]["stream"]) for one in recorded] == [
        (512, "audit"),
        (300, "ops"),
    ]
    assert log.seal_all() == 0


def test_records_go_on_after_it(log: Log) -> None:
    log.seal_all()
    log.fill(300, 10)
    assert log.seal_all() == 256 + 10
    numbers = [one["seq"] for one in log.records(Stream.AUDIT)]
    assert numbers == list(range(len(numbers)))
    assert [one["seq"] for one in log.records(Stream.OPS)] == list(range(310))
    report = verify(log.store, trust=TRUST)
    assert report.holds, report.failure


def test_verification_sees_all_of_it(log: Log) -> None:
    log.seal_all()
    log.sign()
    whole, ledger = verify(log.store, trust=TRUST), verify_ledger(log.store, trust=TRUST)
    assert whole.holds, whole.failure
    assert ledger.holds, ledger.failure
    assert whole.size == ledger.size == 602
    counts = {verdict.name: verdict.count for verdict in whole.verdicts}
    assert counts["entries"] == counts["parts"] == counts["columns"] == 602
    assert (counts["segments"], counts["ops"]) == (2, 300)
    states = {verdict.name: verdict.state for verdict in whole.verdicts}
    assert states["segments"] is State.HOLDS


def test_ledger_serves_what_is_sealed(log: Log) -> None:
    def read() -> object:
        with log.store.read() as connection:
            return (
                [entries_between(connection, start, start + 100) for start in (0, 200, 450, 500)],
                next_entries(connection, 300, 600),
                [held_record(connection, seq) for seq in (0, 255, 511, 512, 599)],
                list(held_records(connection, [3, 4, 5, 300, 510, 513, 9_999])),
            )

    def evidence() -> bytes:
        out = io.BytesIO()
        write_bundle(log.store, [1, 2, 300, 599], out)
        return out.getvalue()

    before, bundle = read(), evidence()
    log.seal_all()
    assert read() == before
    assert evidence() == bundle  # byte for byte: the newest checkpoint is the same
    for seq in (0, 511, 599):
        log.ledger.proof(seq)


def test_doctor_counts_what_is_sealed(log: Log) -> None:
    log.seal_all()
    assert check_stream(log.store, Stream.AUDIT, sealed_before) == 602
    assert check_stream(log.store, Stream.OPS, sealed_before) == 300
    parquet = next(archive_folder(log.store).rglob("ops/*.parquet"))
    parquet.unlink()
    with pytest.raises(Corrupt, match=parquet.name):
        check_stream(log.store, Stream.OPS, sealed_before)


def test_a_ledger_that_is_signed_later(tmp_path: Path) -> None:
    log = Log(f"sqlite:///{tmp_path / 'late.db'}", signed=False)
    log.fill(600, 0)
    assert log.seal_all() == 512
    log.signed = True
    log.sign()  # hashes what is sealed
    report = verify(log.store, trust=TRUST)
    assert report.holds, report.failure
    assert report.signed_size == report.size == 601
    log.store.close()


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE journal SET network = x'7b7d' WHERE stream = 'audit' AND seq = 7",
        (
            "UPDATE journal SET entry = CAST(replace(entry, '\"count\":7,', '\"count\":8,') AS BLOB) "
            "WHERE stream = 'audit' AND seq = 7"
        ),
        "UPDATE journal SET entry = x'7b' WHERE stream = 'audit' AND seq = 7",
        "DELETE FROM journal WHERE stream = 'audit' AND seq = 7",
        "UPDATE journal SET timestamp = timestamp + 1 WHERE stream = 'audit' AND seq = 7",
        "UPDATE ledger_tile SET hashes = zeroblob(8192) WHERE level = 0 AND tile_index = 0",
        "UPDATE journal SET content_salt = NULL WHERE stream = 'audit' AND seq = 7",
    ],
)
def test_nothing_that_was_altered_is_sealed(log: Log, harm: str) -> None:
    log.store.write(lambda connection: connection.exec_driver_sql(harm))
    with pytest.raises(Corrupt):
        log.seal_all()
    with log.store.read() as connection:
        assert segments(connection, "audit") == []
        assert read_heads(connection)["audit"].sealed_through == 0
    left = [path for path in archive_folder(log.store).rglob("*") if path.is_file()]
    assert left == []
    assert rows(log, Stream.AUDIT)[0] >= 599


def test_told_to_stop(log: Log) -> None:
    stop = False

    class Interrupted(Sealer):
        def commit(self, span: Span, sealed: object) -> None:
            nonlocal stop
            super().commit(span, sealed)  # type: ignore[arg-type]  # as it comes
            stop = True

    sealer = Interrupted(log.store, log.record, signed=True, stopping=lambda: stop)
    with pytest.raises(Stopped):
        sealer.seal_due(everything=True)
    assert rows(log, Stream.AUDIT) == (601, 0)  # below the boundary, and still in the journal
    assert len(log.records(Stream.AUDIT)) == 601  # nobody sees them twice
    report = verify(log.store, trust=TRUST)
    assert report.holds, report.failure
    log.sealer.tidy()
    assert rows(log, Stream.AUDIT) == (89, 512)


def test_rows_that_no_segment_has_are_not_deleted(log: Log) -> None:
    log.sealer.seal(Span(Stream.OPS, 0, 300))
    log.store.write(
        lambda connection: connection.exec_driver_sql(
            "INSERT INTO journal SELECT 'ops', 5, id || 'x', timestamp, level, event, request_id, "
            "entry, NULL, NULL, NULL, NULL FROM journal WHERE stream = 'audit' AND seq = 5"
        )
    )
    with pytest.raises(Corrupt, match="record 5 of ops"):
        log.sealer.tidy()
    assert rows(log, Stream.OPS) == (1, 5)


def test_only_what_a_crash_leaves_is_removed(log: Log) -> None:
    log.sealer.seal(Span(Stream.OPS, 0, 200))
    folder = archive_folder(log.store)
    sealed = folder / "segments" / "ops" / f"{0:012}.g1.parquet"
    kept = [sealed, sealed.with_name(f"{64:012}.g1.parquet"), sealed.with_name("notes.txt")]
    gone = [
        sealed.with_name(f"{200:012}.g1.parquet"),  # published, not in the index
        sealed.with_name(f"{0:012}.g2.parquet"),  # of a generation that was not finished
        sealed.with_name(f".{0:012}.g3.parquet.00.draft"),
    ]
    for path in (*kept[1:], *gone):
        path.write_bytes(b"x")
    log.sealer.tidy()
    assert all(path.exists() for path in kept)
    assert not any(path.exists() for path in gone)


def test_large_records(log: Log) -> None:
    log.append(
        [audit_record(path="x" * 9_000, extra={"n": [number] * 900}) for number in range(256)]
    )
    before = log.records(Stream.AUDIT)
    log.seal_all()
    assert log.records(Stream.AUDIT)[: len(before)] == before

"""A hold keeps what it covers from being pruned, until it is released."""

from __future__ import annotations

import pytest

from strongroom.audit.archive.holds import Hold, read_holds
from strongroom.audit.events import Stream
from strongroom.audit.events.system import HoldPlaced, HoldReleased
from strongroom.audit.ledger.held import held_record
from strongroom.audit.retention import Rules
from strongroom.audit.retention.holding import place_hold, release_hold
from strongroom.audit.retention.pruner import PlanChanged
from strongroom.errors import Refused
from tests.unit.making import audit_record
from tests.unit.retention.sealed import (
    DAY,
    SPANS,
    failed,
    held,
    left,
    of,
    prune,
    pruner,
    spans,
    tomorrow,
)
from tests.unit.sealing.sealed import Log

EVERYTHING = Rules(max_age=dict.fromkeys(Stream, DAY), network_age=DAY)


def place(log: Log, **what: object) -> Hold:
    return place_hold(log.store, log.record, placed_by="root", **what)  # type: ignore[arg-type]  # by name


def test_everything_is_held(log: Log) -> None:
    hold = place(log)
    found = pruner(log, EVERYTHING).plan()
    assert found.going == []
    first = found.kept[0]
    assert first.holds == [hold.id]
    assert hold.id in first.why
    assert found.kept[1].why == "comes after 0, which is kept"
    assert prune(log, EVERYTHING) == []
    release_hold(log.store, log.record, hold.id, released_by="root")
    assert {one.segment.stream for one in prune(log, EVERYTHING)} == {"audit", "ops"}


def test_one_stream_is_held(log: Log) -> None:
    place(log, stream=Stream.OPS)
    prune(log, EVERYTHING)
    assert spans(left(log, Stream.OPS)) == SPANS[Stream.OPS]
    assert left(log, Stream.AUDIT) == []


def test_a_span_of_time_is_held(log: Log) -> None:
    _, second, _ = left(log, Stream.OPS)
    place(log, stream=Stream.OPS, since=second.min_timestamp, until=second.min_timestamp + 1)
    assert [one.segment.first_seq for one in prune(log, of(Stream.OPS))] == [0]
    assert spans(left(log, Stream.OPS)) == SPANS[Stream.OPS][1:]


def test_another_span_of_time_holds_nothing(log: Log) -> None:
    ends = [about.max_timestamp for about in left(log, Stream.OPS)]
    place(log, since=tomorrow())
    place(log, until=left(log, Stream.OPS)[0].min_timestamp, stream=Stream.OPS)
    place(log, since=ends[0] + 1, until=ends[0] + 2, stream=Stream.OPS)
    assert len(prune(log, of(Stream.OPS))) == 3


@pytest.mark.parametrize("field", ["filename", "previous_filename"])
def test_a_name_is_held(log: Log, field: str) -> None:
    log.append([audit_record(**{field: "Vertrag.pdf"}), *(audit_record() for _ in range(300))])
    log.seal_all()
    log.sign()
    hold = place(log, filename="Vertrag.pdf")
    found = pruner(log, of(Stream.AUDIT)).plan()
    assert [one.holds for one in found.kept if one.holds] == [[hold.id]]
    prune(log, of(Stream.AUDIT))
    names = {record.get(field) for record in held(log, Stream.AUDIT)}
    assert "Vertrag.pdf" in names


@pytest.mark.parametrize("name", ["vertrag.pdf", "Vertrag", ""])
def test_another_name_holds_nothing(log: Log, name: str) -> None:
    place(log, filename=name)
    assert len(prune(log, of(Stream.AUDIT))) == 3


def test_a_hold_that_comes_at_the_last_moment(log: Log) -> None:
    work = pruner(log, of(Stream.OPS))
    found = work.plan()
    place(log, stream=Stream.OPS)
    with pytest.raises(PlanChanged):
        work.carry_out(found.going[0], found.holds)
    assert work.run() == []
    assert spans(left(log, Stream.OPS)) == SPANS[Stream.OPS]
    assert failed(log) == set()


def test_addresses_under_a_hold_stay(log: Log) -> None:
    place(log, stream=Stream.AUDIT, filename="日本 1.txt")
    assert prune(log, Rules(network_age=DAY)) == []
    assert all(
        "ip_address" in one for one in held(log, Stream.AUDIT) if one["event"] == "file_uploaded"
    )


def test_both_are_recorded(log: Log) -> None:
    hold = place(log, filename="a.txt", stream=Stream.AUDIT, since=1, until=2, reason="a lawsuit")
    release_hold(log.store, log.record, hold.id, released_by="mia")
    placed, released = held(log, Stream.AUDIT)[-2:]
    assert (placed["event"], released["event"]) == (HoldPlaced.event_name, HoldReleased.event_name)
    assert placed["filename"] == "a.txt"
    assert placed["extra"] == {
        "hold": hold.id, "stream": "audit", "since": 1, "until": 2, "reason": "a lawsuit",
        "placed_by": "root",
    }  # fmt: skip
    assert released["extra"] == {"hold": hold.id, "released_by": "mia"}
    with log.store.read() as connection:
        assert read_holds(connection) == []


def test_the_name_is_not_in_the_entry(log: Log) -> None:
    """What the ledger keeps for ever must not be personal."""
    place(log, filename="Mia Krank.pdf", reason="asked by Mia")
    log.sign()
    with log.store.read() as connection:
        last = held(log, Stream.AUDIT)[-1]["seq"]
        record = held_record(connection, last)
    assert record is not None
    assert b"Mia" not in record.entry


def test_what_makes_no_sense_is_refused(log: Log) -> None:
    with pytest.raises(Refused):
        place(log, since=2, until=2)
    with pytest.raises(Refused):
        release_hold(log.store, log.record, "nothing", released_by="root")


def test_single_records_are_covered_or_not() -> None:
    stored = audit_record(filename="a.txt", timestamp="2026-01-02T00:00:00.000000Z")
    record = stored.record
    base = {"id": "", "reason": "", "placed_by": "", "placed_at": 0}
    moment = stored.timestamp

    def covers(**what: object) -> bool:
        given = {"stream": None, "since": None, "until": None, "filename": None, **base, **what}
        return Hold(**given).covers(record, "audit")  # type: ignore[arg-type]  # by name

    assert covers()
    assert covers(stream="audit", since=moment, until=moment + 1, filename="a.txt")
    assert not covers(stream="ops")
    assert not covers(since=moment + 1)
    assert not covers(until=moment)
    assert not covers(filename="b.txt")

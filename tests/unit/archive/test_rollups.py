"""Roll-ups say what counting the records would."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit.archive import rollups
from strongroom.audit.archive.columns import packed_address
from strongroom.audit.archive.index import Sealed
from strongroom.audit.archive.places import archive_folder
from strongroom.audit.archive.rollups import (
    DURATIONS,
    HOURS,
    MINUTES,
    UNIT,
    Spread,
    Times,
    Value,
    Values,
    bucket_of,
    value_of,
)
from strongroom.audit.archive.writing import SegmentWriter
from strongroom.audit.events import Stream
from strongroom.audit.journal import Journal, StoredRecord, decode
from strongroom.audit.journal.stored import timestamp_text
from strongroom.store import Store
from tests.unit.archive.test_segment import rows_of
from tests.unit.making import ops_record

START = 1_790_000_000_000_000
choose = random.Random(7)


def made(number: int) -> StoredRecord:
    level = "info" if number % 9 else "error"
    fields: dict[str, Any] = {
        "timestamp": timestamp_text(START + number * 7_000_000),
        "level": level,
    }
    if number % 3:
        fields |= {"event": "response", "status": choose.choice([200, 404])}
        fields["duration_ms"] = choose.lognormvariate(2, 2) if number % 5 else 0
    return ops_record(**fields, ip_address=f"192.0.2.{number % 17}", aborted=number % 2 == 0)


def sealed(store: Store, journal: Journal, records: list[StoredRecord]) -> Sealed:
    for record in records:
        journal.enqueue(record)
    rows = rows_of(store, Stream.OPS)
    return SegmentWriter(archive_folder(store)).write("ops", 0, rows).sealed


@pytest.mark.parametrize("kind", [MINUTES, HOURS])
def test_times(store: Store, journal: Journal, kind: str) -> None:
    records = [made(number) for number in range(900)]
    found = sealed(store, journal, records)
    counted = Counter(
        (one.timestamp // UNIT[kind] * UNIT[kind], one.level, one.event) for one in records
    )
    told = Times.read(kind, found.rollups[kind]).cells()
    assert {(at, level, event): count for at, level, event, count in told} == counted


def test_values(store: Store, journal: Journal) -> None:
    found = sealed(store, journal, [made(number) for number in range(900)])
    records = [decode(row) for row in rows_of(store, Stream.OPS)]
    for name in ("level", "event", "status", "aborted", "reason"):
        total = Counter[Value]()
        Values.read(found.rollups[name]).add_to(total)
        assert total == Counter(one[name] for one in records if name in one), name
    addresses = Values.read(found.rollups["ip_address"])
    assert addresses.counts == sorted(addresses.counts, reverse=True)
    packed = packed_address("192.0.2.3")
    assert packed is not None
    assert packed.hex() in addresses.values


def test_a_value_of_an_odd_form_leaves_the_roll_up_out(store: Store, journal: Journal) -> None:
    odd = ops_record(event="response", status="fine", duration_ms="long")
    found = sealed(store, journal, [made(1), odd])
    assert "status" not in found.rollups
    assert DURATIONS not in found.rollups
    assert "level" in found.rollups


def test_of_many_values_the_most_frequent(
    store: Store, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "MAX_VALUES", 5)
    found = sealed(store, journal, [made(number) for number in range(90)])
    told = Values.read(found.rollups["ip_address"])
    assert (len(told.values), len(told.counts)) == (5, 5)
    assert told.most == 5 == min(told.counts) - 1 == 90 // 17
    assert Values.read(found.rollups["level"]).most == 0


def test_quantiles(store: Store, journal: Journal) -> None:
    found = sealed(store, journal, [made(number) for number in range(900)])
    spread = Spread()
    spread.add(found.rollups[DURATIONS])
    spread.add(found.rollups[DURATIONS])  # another segment
    records = [decode(row) for row in rows_of(store, Stream.OPS)]
    exact = sorted(one["duration_ms"] for one in records if "duration_ms" in one) * 2
    exact.sort()
    for share in (0.0, 0.1, 0.5, 0.9, 0.99, 1.0):
        true = exact[max(1, math.ceil(share * len(exact))) - 1]
        told = spread.quantile("response", share)
        assert told is not None
        assert abs(told - true) <= 0.01 * true + 1e-12
    assert spread.quantile("request", 0.5) is None


@given(st.floats(1e-6, 1e9))
def test_a_bucket_is_within_one_in_a_hundred(milliseconds: float) -> None:
    assert abs(value_of(bucket_of(milliseconds)) - milliseconds) <= 0.01001 * milliseconds

"""Columns that spell the stored bytes are the record's; no lie in any column spells them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.audit.archive.reading import ArchivedRow, ArchiveReader
from strongroom.audit.archive.spelt import SpeltReader
from strongroom.audit.archive.writing import SegmentWriter
from strongroom.audit.events import Stream
from strongroom.audit.journal import StoredRecord
from strongroom.audit.pipeline.clock import new_id
from tests.unit.archive.test_segment import ODD
from tests.unit.making import audit_record, ops_record

COUNT: Final = 256


def neat(number: int) -> dict[str, Any]:
    """Fields that can be spelt in one way only, of every kind."""
    return {
        "request_id": new_id(),
        "user_id": new_id(),
        "ip_address": f"192.0.2.{number % 200}" if number % 3 else f"2001:db8::{number + 1:x}",
        "peer_address": "127.0.0.1",
        "filename": f'日本 "{number}"\t\\ \x7f/é.txt',
        "folder": "/",
        "status": 200 + number,
        "duration_ms": number * 1.5,
        "aborted": number % 2 == 0,
        "sha256": "ab" * 32,
    }


def write(folder: Path, stream: Stream, records: list[StoredRecord]) -> Path:
    rows = [ArchivedRow(*record.row(stream.value, seq)) for seq, record in enumerate(records)]
    draft = SegmentWriter(folder).write(stream.value, 0, rows)
    draft.publish()
    return next(iter(draft.drafts))


def proven(folder: Path, path: Path, stream: Stream, records: list[StoredRecord]) -> list[bool]:
    """Of each record whether the bytes that its columns spell prove it."""
    with ArchiveReader(folder) as reader:
        columns = SpeltReader(reader.connection, path, stream.value)
        found = [row for rows in columns.rows() for row in rows]
    assert [row[0] for row in found] == list(range(len(records)))
    return [
        entry == record.entry and plain
        for (_, entry, plain), record in zip(found, records, strict=True)
    ]


@pytest.mark.parametrize("stream", [Stream.AUDIT, Stream.OPS])
def test_neat_records_are_proven(tmp_path: Path, stream: Stream) -> None:
    make = audit_record if stream is Stream.AUDIT else ops_record
    records = [make(**neat(number)) for number in range(COUNT)]
    path = write(tmp_path, stream, records)
    assert proven(tmp_path, path, stream, records) == [True] * COUNT
    with ArchiveReader(tmp_path) as reader:
        columns = SpeltReader(reader.connection, path, stream.value)
        ((row,),) = columns.others([5])
        assert row[columns.held.index("seq")] == 5
        assert row[columns.held.index("filename")] == neat(5)["filename"]
        assert not list(columns.others([]))


def test_their_order_survives_as_many_addresses_as_there_can_be(tmp_path: Path) -> None:
    records = [
        ops_record(ip_address=f"10.0.0.{number}", peer_address=f"10.0.1.{number}")
        for number in range(COUNT)
    ]
    path = write(tmp_path, Stream.OPS, records)
    assert proven(tmp_path, path, Stream.OPS, records) == [True] * COUNT


@pytest.mark.parametrize("stream", [Stream.AUDIT, Stream.OPS])
def test_others_are_looked_at_by_value(tmp_path: Path, stream: Stream) -> None:
    make = audit_record if stream is Stream.AUDIT else ops_record
    odd = [
        *(ODD[place] for place in (0, 2, 3, 4, 5, 6)),
        {"id": "00000000-0000-4000-8000-000000000000"},  # no UUIDv7
        {"duration_ms": 1e300},
        {"duration_ms": 1e-9},
        {"folder": "\x1f"},
    ]
    records = [make(**(odd[n] if n < len(odd) else neat(n))) for n in range(COUNT)]
    found = proven(tmp_path, write(tmp_path, stream, records), stream, records)
    assert found == [False] * len(odd) + [True] * (COUNT - len(odd))


LIES: Final[dict[str, list[str]]] = {
    "VARCHAR": ["'x'", "''", """value || ' '""", """value || '","outcome":"denied'"""],
    "UUID": ["'00000000-0000-7000-8000-000000000000'::UUID"],
    "BLOB": ["''::BLOB", "value || 'x'::BLOB", "value[1:-2]"],
    "BIGINT": ["value + 1", "-value - 1"],
    "DOUBLE": ["value + 0.5", "'nan'::DOUBLE", "'inf'::DOUBLE"],
    "BOOLEAN": ["NOT value"],
    "TIMESTAMP WITH TIME ZONE": ["value + INTERVAL 1 MICROSECOND"],
}


@pytest.mark.parametrize("stream", [Stream.AUDIT, Stream.OPS])
def test_no_lie_in_a_column_is_proven(tmp_path: Path, stream: Stream) -> None:
    make = audit_record if stream is Stream.AUDIT else ops_record
    records = [make(**neat(number)) for number in range(COUNT)]
    path = write(tmp_path, stream, records)
    altered = path.with_name("altered.parquet")
    with ArchiveReader(tmp_path) as reader:
        told = lies(reader, path, stream)
        says: dict[str, str] = {}
        for place, (name, lie) in enumerate(told):
            says[name] = says.get(name, "CASE seq") + f" WHEN {place} THEN {lie}"
        replaced = ", ".join(f'{case} ELSE "{name}" END AS "{name}"' for name, case in says.items())
        reader.connection.execute(
            f"COPY (SELECT * REPLACE ({replaced}) FROM '{path}') TO '{altered}' (FORMAT parquet)"
        )
    found = proven(tmp_path, altered, stream, records)
    assert [told[place] for place in range(len(told)) if found[place]] == []
    assert all(found[len(told) :])
    assert 60 < len(told) < COUNT


def lies(reader: ArchiveReader, path: Path, stream: Stream) -> list[tuple[str, str]]:
    """Columns, and what to say in them instead; NULL in each, and something where there is nothing."""
    held = set(SpeltReader(reader.connection, path, stream.value).held) - {"seq"}
    kinds = reader.connection.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()
    found = list[tuple[str, str]]()
    for name, kind, *_ in kinds:
        if name in held:
            others = ["NULL", *(lie.replace("value", name) for lie in LIES[kind])]
            found += [(name, lie) for lie in others]
        elif kind == "VARCHAR":
            found.append((name, "'x'"))
    return found


VALUES = st.tuples(
    st.text(max_size=12),
    st.floats(allow_nan=False, allow_infinity=False) | st.floats(-1e6, 1e6) | st.integers(0, 9),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
)
NAMES: Final = ("filename", "duration_ms", "count", "aborted")


@settings(max_examples=3, deadline=None)
@given(data=st.lists(VALUES, min_size=100, max_size=250))
def test_what_is_proven_reads_the_same(
    tmp_path_factory: pytest.TempPathFactory, data: list[tuple[Any, ...]]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    fields = [dict(zip(NAMES, values, strict=True)) for values in data]
    records = [ops_record(**values) for values in fields]
    path = write(folder, Stream.OPS, records)
    sure = proven(folder, path, Stream.OPS, records)
    with ArchiveReader(folder) as reader:
        columns = SpeltReader(reader.connection, path, "ops")
        places = [place for place, one in enumerate(sure) if one]
        rows = [row for some in columns.others(places) for row in some]
    for place, row in zip(places, rows, strict=True):
        read = dict(zip(columns.held, row, strict=True))
        assert {name: (type(read[name]), read[name]) for name in NAMES} == {
            name: (type(value), value) for name, value in fields[place].items()
        }

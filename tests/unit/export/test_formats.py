"""Hostile values in every format, read back with DuckDB, Python and what RFC 4180 says."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit.events import Stream
from strongroom.audit.export import FORMATS
from strongroom.audit.export.cells import KINDS
from strongroom.audit.journal import Journal, encode
from strongroom.audit.query import Search
from strongroom.store import Store
from tests.unit.export.exported import Record, export_of, paged
from tests.unit.making import Capture, finished
from tests.unit.search.laying import append, seal

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "'=1", "'")  # noqa: RUF001  # meant
TEXTS = (
    *FORMULAS, "", " ", "a,b", 'say "a"', "two\r\nlines", "nul\0in it", "\u202egpj.exe", "\u2066x\u2069",
    "日本語", "\ufeffbom", "null", "NULL", "\\N", "\x1b[2J", "x" * 1_000_000,
)  # fmt: skip


def hostile() -> list[Record]:
    """Records with all of them, and with values that are not of their fields' types."""
    found = [
        finished(count=number, filename=text, extra={text[:100]: text[:100]})
        for number, text in enumerate(TEXTS)
    ]
    odd: list[dict[str, Any]] = [
        {"status": "odd"}, {"file_size_bytes": 2**63}, {"duration_ms": 1.5}, {"duration_ms": 7},
        {"aborted": True}, {"ip_address": "unix:"}, {"ip_address": "2001:db8::1"},
        {"request_id": "no uuid"}, {"filename": 5}, {"extra": [1, {"a": None}]}, {"reason": "-x"},
        {"invented": "=1"}, {"exception": [{"type": "E", "message": "=2", "frames": []}]},
        {"file_size_bytes": -5},
    ]  # fmt: skip
    return found + [finished(count=100 + number, **fields) for number, fields in enumerate(odd)]


@pytest.fixture(params=["journal", "segment"])
def search(request: pytest.FixtureRequest, store: Store, journal: Journal) -> Iterator[Search]:
    append(store, journal, Stream.OPS, [encode(one, Stream.OPS) for one in hostile()])
    if request.param == "segment":
        seal(store, Stream.OPS)
    search = Search(store, deadline=60)
    yield search
    search.close()


def content(store: Store, search: Search, kind: str, query: str = "") -> bytes:
    export = export_of(store, search, query, kind)
    found = b"".join(export.blocks())
    assert export.missing == []
    return found


def test_ndjson(store: Store, search: Search) -> None:
    found = content(store, search, "ndjson").split(b"\n")
    wanted = paged(search)
    assert found.pop() == b""
    assert [json.loads(line) for line in found] == wanted
    assert len(wanted) == len(hostile())


def unshielded(cell: str) -> str:
    """What was recorded, by what stands in a cell."""
    return cell.removeprefix("'")


def told(value: object) -> str:
    """A value as a cell has it, without what shields it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def test_csv(store: Store, search: Search) -> None:
    text = content(store, search, "csv").decode()
    wanted = paged(search)
    csv.field_size_limit(2_000_000)
    head, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert head == list(KINDS)
    assert len(rows) == len(wanted)
    for row, record in zip(rows, wanted, strict=True):
        cells = dict(zip(head, row, strict=True))
        assert not any(cell.startswith(tuple("=+@\t\r\n＝＋－＠")) for cell in row)  # noqa: RUF001  # meant
        known = {name: told(value) for name, value in record.items() if name in KINDS}
        assert {name: unshielded(cells[name]) for name in known} == known
        rest = {name: value for name, value in record.items() if name not in KINDS}
        assert cells["rest"] == (told(rest) if rest else "")


def test_a_minus_is_only_before_numbers(store: Store, search: Search) -> None:
    text = content(store, search, "csv", "file_size_bytes:-5").decode()
    assert ",-5," in text
    assert '"\'-x"' in content(store, search, "csv", 'reason:"-x"').decode()


def test_duckdb_reads_the_csv(store: Store, search: Search, tmp_path: Path) -> None:
    file = tmp_path / "records.csv"
    file.write_bytes(content(store, search, "csv"))
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in KINDS)
    found = duckdb.execute(
        f"SELECT id, filename FROM read_csv('{file}', header = true, columns = {{{columns}}}, "
        "allow_quoted_nulls = false, max_line_size = 4000000, quote = '\"', escape = '\"', "
        "delim = ',', nullstr = '', parallel = false, new_line = '\\r\\n')"
    ).fetchall()
    assert [(name, None if cell is None else unshielded(cell)) for name, cell in found] == [
        (record["id"], told(record["filename"]) if "filename" in record else None)
        for record in paged(search)
    ]


def test_duckdb_reads_the_parquet(store: Store, search: Search, tmp_path: Path) -> None:
    file = tmp_path / "records.parquet"
    file.write_bytes(content(store, search, "parquet"))
    described = duckdb.execute(f"DESCRIBE SELECT * FROM '{file}'").fetchall()
    types = {name: kind for name, kind, *_ in described}
    assert list(types) == list(KINDS)
    assert [types[name] for name in ("timestamp", "status", "duration_ms", "aborted", "id")] == [
        "TIMESTAMP WITH TIME ZONE", "BIGINT", "DOUBLE", "BOOLEAN", "VARCHAR"
    ]  # fmt: skip
    rows = duckdb.execute(
        f"SELECT * REPLACE (epoch_us(timestamp) AS timestamp) FROM '{file}'"
    ).fetchall()
    records = [dict(zip(KINDS, row, strict=True)) for row in rows]
    assert [_gathered(record) for record in records] == [
        {name: value for name, value in record.items() if name != "timestamp"}
        for record in paged(search)
    ]


def _gathered(row: dict[str, Any]) -> Record:
    """The record by its columns."""
    found = {name: value for name, value in row.items() if value is not None}
    rest: Record = json.loads(found.pop("rest", "{}"))
    for name in ("extra", "exception"):
        if name in found:
            found[name] = json.loads(found[name])
    del found["timestamp"]
    return found | rest


def test_parquet_of_nothing_has_its_columns(store: Store, search: Search, tmp_path: Path) -> None:
    file = tmp_path / "records.parquet"
    file.write_bytes(content(store, search, "parquet", "event:nothing_like_this"))
    rows = duckdb.execute(f"SELECT * FROM '{file}'")
    assert [column[0] for column in rows.description or ()] == list(KINDS)
    assert rows.fetchall() == []


def test_a_lone_surrogate_that_was_logged(store: Store, journal: Journal, capture: Capture) -> None:
    structlog.get_logger().info("odd_name", filename="a\ud800b", note="\udfff")
    append(store, journal, Stream.OPS, [encode(capture.only(), Stream.OPS)])
    search = Search(store, deadline=60)
    (wanted,) = paged(search)
    for kind in FORMATS:
        found = content(store, search, kind)
        assert wanted["filename"].encode() in found
    search.close()


@given(st.text())
def test_what_shields_a_cell_can_be_taken_away(text: str) -> None:
    line = FORMATS["csv"].line({"filename": text}, 0).decode()
    (row,) = csv.reader(io.StringIO(line, newline=""), strict=True)
    cell = row[list(KINDS).index("filename")]
    assert unshielded(cell) == text

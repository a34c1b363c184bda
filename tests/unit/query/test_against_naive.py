"""The SQL, run in DuckDB, finds what the naive evaluator finds, record for record."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from strongroom.audit.archive.columns import spread
from strongroom.audit.archive.duck import connect
from strongroom.audit.journal import decode
from strongroom.audit.query.compile import Compiled, compile_query
from strongroom.audit.query.evaluate import evaluator
from strongroom.audit.query.language import Is, Like, Not, Query, Text, parse
from strongroom.audit.query.names import lowered
from tests.unit.query.making import (
    IDS,
    NOW,
    NOW_MICROSECONDS,
    PEOPLE,
    TEXTS,
    any_pieces,
    any_text,
    people,
    queries,
    rows_of,
    some_records,
    table_of,
)
from tests.unit.query.naive import Naive, as_text

EXAMPLES: Final = int((os.environ.get("STRONGROOM_SOAK") and 5_000) or 150)

NAIVE: Final = Naive(NOW, PEOPLE)

Seq = int


class Relation:
    """Records in a table of DuckDB, and beside it as they are decoded."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str, rows: list[Any]) -> None:
        table_of(connection, name, rows)
        self._connection = connection
        self._name = name
        self.records = {row.seq: decode(row) for row in rows}
        self.columns = {row.seq: spread(decode(row), row.timestamp) for row in rows}

    def found(self, compiled: Compiled) -> set[Seq]:
        """What the SQL finds."""
        sql = f"SELECT seq FROM {self._name} WHERE {compiled.sql}"
        return {seq for (seq,) in self._connection.execute(sql, compiled.params).fetchall()}

    def expected(self, query: Query) -> set[Seq]:
        """What the naive evaluator finds."""
        return {seq for seq, record in self.records.items() if NAIVE.finds(query, record)}

    def evaluated(self, query: Query) -> set[Seq]:
        """What the evaluator of single records finds."""
        matches = evaluator(query, NOW_MICROSECONDS, people)
        return {seq for seq, row in self.columns.items() if matches(row)}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database."""
    with connect(None, threads=1, memory_bytes=300_000_000) as opened:
        yield opened


@pytest.fixture(scope="module")
def odd(connection: duckdb.DuckDBPyConnection) -> Relation:
    """Records, many of whose values are of the wrong type."""
    return Relation(connection, "odd", rows_of(some_records(300, odd=True)))


@pytest.fixture(scope="module")
def neat(connection: duckdb.DuckDBPyConnection) -> Relation:
    """Records that fit their columns."""
    relation = Relation(connection, "neat", rows_of(some_records(300, odd=False)))
    assert relation.columns
    assert not any("rest" in row for row in relation.columns.values())
    return relation


def check(relation: Relation, query: Query, *, has_rest: bool) -> None:
    """Everybody agrees, and what is said of all matches is true of each."""
    compiled = compile_query(query, NOW_MICROSECONDS, people, has_rest=has_rest)
    expected = relation.expected(query)
    assert relation.found(compiled) == expected
    assert relation.evaluated(query) == expected
    for seq in expected:
        holds(compiled, relation.columns[seq], relation.records[seq])


def holds(compiled: Compiled, row: dict[str, Any], record: dict[str, Any]) -> None:
    """What is said of every match is true of this one."""
    assert record["stream"] in compiled.streams
    start, end = compiled.bounds
    assert start is None or start <= row["timestamp"]
    assert end is None or row["timestamp"] < end
    for field, values in compiled.needles.items():
        assert as_needle(record[field]) in values
    texts = [lowered(text) for text in row.values() if isinstance(text, str)]
    for word in compiled.texts:
        assert any(word in text for text in texts)


def as_needle(value: Any) -> str:
    """A value in text, as columns and the archive's filters have it."""
    return as_text(value) or ""


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), deadline=None)
@given(query=queries)
@example(query=Query((Is("bytes_out", "1e+16"),)))
@example(query=Query((Is("bytes_out", "1e16"),)))
@example(query=Query((Is("bytes_out", "404.5"),)))
@example(query=Query((Is("ip_address", "2001:DB8::1"),)))
@example(query=Query((Is("ip_address", "::ffff:10.0.0.1"),)))
@example(query=Query((Like("filename", ("Report 2026", "2026.PDF")),)))
def test_among_odd_records(odd: Relation, query: Query) -> None:
    check(odd, query, has_rest=True)


@settings(max_examples=EXAMPLES // 4, suppress_health_check=list(HealthCheck), deadline=None)
@given(query=queries)
def test_among_neat_records(neat: Relation, query: Query) -> None:
    check(neat, query, has_rest=False)
    check(neat, query, has_rest=True)


@settings(max_examples=EXAMPLES // 8, suppress_health_check=list(HealthCheck), deadline=None)
@given(texts=st.lists(any_text, min_size=1, max_size=5), pieces=any_pieces)
@example(texts=["a\0b", "\x1f", "a%b_c"], pieces=("", "\0", ""))
def test_any_text_is_found_again(
    connection: duckdb.DuckDBPyConnection, texts: list[str], pieces: tuple[str, ...]
) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC).isoformat("T", "microseconds")[:-6] + "Z"
    stem = {"timestamp": moment, "level": "info", "event": "request"}
    records = [
        {**stem, "id": IDS[0], "filename": text, "extra": {"key": text}, "session_id": text}
        for text in texts
    ]
    relation = Relation(connection, "texts", rows_of(records))
    for place, text in enumerate(texts):
        for field in ("filename", "session_id", "extra.key"):
            query = parse(str(Query((Is(field, text),))))
            check(relation, query, has_rest=True)
            assert place in relation.found(compile_query(query, 0, people))
        check(relation, parse(str(Query((Text(text),)))), has_rest=True)
    for field in ("filename", "session_id", "extra.key"):
        check(relation, Query((Like(field, pieces),)), has_rest=True)


def test_the_made_up_records_are_not_all_alike(odd: Relation) -> None:
    """Else the comparison above would compare nothing with nothing."""
    for text in TEXTS:
        if text and "\x1f" not in text:
            assert odd.expected(Query((Text(text),))), text
    for query in ("user:ana*", "ip_address:10.0.0.0/8", "status:>=400", "extra.invoice_id:7"):
        some = odd.expected(parse(query))
        others = odd.expected(Query((Not(parse(query).terms[0]),)))
        assert some
        assert others
        assert some.isdisjoint(others)
        assert len(some | others) == 300

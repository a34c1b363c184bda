"""Each operator: how it is written, what it becomes, how it is printed, and which records it finds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from strongroom.audit.archive.duck import connect
from strongroom.audit.pipeline.clock import new_id
from strongroom.audit.query.compile import compile_query
from strongroom.audit.query.language import (
    Above,
    And,
    AtLeast,
    AtMost,
    Below,
    Between,
    During,
    Is,
    Like,
    Not,
    Or,
    Present,
    Query,
    Term,
    Text,
    Within,
    parse,
)
from tests.unit.query.making import NOW_MICROSECONDS, people, rows_of, table_of

A, B = Text("a"), Text("b")

STEM = {"level": "info", "event": "request", "timestamp": "2026-11-24T12:00:00.000000Z"}
ID = "0190163d-8694-739b-aea5-966c26f8ad91"
RECORDS: list[dict[str, Any]] = [
    {"filename": "Report.pdf", "status": 200, "duration_ms": 250.0, "ip_address": "10.0.0.1"},
    {"filename": "a b.txt", "status": 404, "duration_ms": 1500, "ip_address": "2001:db8::1"},
    {
        "file_size_bytes": 10_000_000,
        "extra": {"invoice_id": 7, "a": {"b c": "Deep"}},
        "user_id": "u1",
    },
    {"file_size_bytes": 10_485_760, "extra": {"invoice_id": "7"}, "aborted": True, "user_id": "u3"},
    {"timestamp": "2026-11-23T23:59:59.999999Z", "request_id": ID, "reason": 'odd "one" \\ *'},
    {"timestamp": "2026-11-01T00:00:00.000000Z", "request_id": "r1", "status": "none"},
]


@pytest.fixture(scope="module")
def table() -> Iterator[duckdb.DuckDBPyConnection]:
    """A few records, numbered from 0 on; the streams are audit, ops, imported, audit, …"""
    with connect(None, threads=1, memory_bytes=200_000_000) as connection:
        records = [{**STEM, "id": new_id(), **record} for record in RECORDS]
        table_of(connection, "records", rows_of(records))
        yield connection


CASES: list[tuple[str, tuple[Term, ...], str, set[int]]] = [
    ("", (), "", {0, 1, 2, 3, 4, 5}),
    ("report", (Text("report"),), "report", {0}),
    ('"A B"', (Text("A B"),), '"A B"', {1}),
    (ID.upper(), (Text(ID.upper()),), ID.upper(), {4}),
    ("report pdf", (Text("report"), Text("pdf")), "report pdf", {0}),
    ("report AND pdf", (Text("report"), Text("pdf")), "report pdf", {0}),
    ("a OR b", (Or((A, B)),), "a OR b", {0, 1, 3}),
    ("report OR deep pdf", (Or((Text("report"), And((Text("deep"), Text("pdf"))))),),
     "report OR (deep pdf)", {0}),
    ("(report OR deep) -pdf", (Or((Text("report"), Text("deep"))), Not(Text("pdf"))),
     "(report OR deep) -pdf", {2}),
    ("NOT status:200", (Not(Is("status", "200")),), "-status:200", {1, 2, 3, 4, 5}),
    ("-(status:* OR user_id:*)", (Not(Or((Present("status"), Present("user_id")))),),
     "-(status:* OR user_id:*)", {4}),
    ("--status:200", (Not(Not(Is("status", "200"))),), "--status:200", {0}),
    ("stream:audit", (Is("stream", "audit"),), "stream:audit", {0, 3}),
    ('filename:"a b.txt"', (Is("filename", "a b.txt"),), 'filename:"a b.txt"', {1}),
    ("filename:report.pdf", (Is("filename", "report.pdf"),), "filename:report.pdf", set()),
    ("request_id:r1", (Is("request_id", "r1"),), "request_id:r1", {5}),
    (f"request_id:{ID}", (Is("request_id", ID),), f"request_id:{ID}", {4}),
    ('status:"none"', (Is("status", "none"),), 'status:"none"', {5}),
    ("aborted:true", (Is("aborted", "true"),), "aborted:true", {3}),
    ("duration_ms:1.5s", (Is("duration_ms", "1.5s"),), "duration_ms:1.5s", {1}),
    ("file_size_bytes:10MB", (Is("file_size_bytes", "10MB"),), "file_size_bytes:10MB", {2}),
    ("file_size_bytes:10MiB", (Is("file_size_bytes", "10MiB"),), "file_size_bytes:10MiB", {3}),
    ("filename:REP*", (Like("filename", ("REP", "")),), "filename:REP*", {0}),
    ("filename:*.pdf", (Like("filename", ("", ".pdf")),), "filename:*.pdf", {0}),
    ("filename:a*t", (Like("filename", ("a", "t")),), "filename:a*t", {1}),
    ("filename:*o*t*", (Like("filename", ("", "o", "t", "")),), "filename:*o*t*", {0}),
    ('filename:"a "*', (Like("filename", ("a ", "")),), 'filename:"a "*', {1}),
    ("request_id:0190*", (Like("request_id", ("0190", "")),), "request_id:0190*", {4}),
    (r'reason:*"\\ *"', (Like("reason", ("", "\\ *")),), r'reason:*"\\ *"', {4}),
    ("status:*", (Present("status"),), "status:*", {0, 1, 5}),
    ("extra:*", (Present("extra"),), "extra:*", {2, 3}),
    ("status:>200", (Above("status", "200"),), "status:>200", {1}),
    ("status:>=200", (AtLeast("status", "200"),), "status:>=200", {0, 1}),
    ("status:<404", (Below("status", "404"),), "status:<404", {0}),
    ("status:<=404", (AtMost("status", "404"),), "status:<=404", {0, 1}),
    ("status:<=403.9", (AtMost("status", "403.9"),), "status:<=403.9", {0}),
    ("status:200..404", (Between("status", "200", "404"),), "status:200..404", {0, 1}),
    ("duration_ms:0.2s..1s", (Between("duration_ms", "0.2s", "1s"),), "duration_ms:0.2s..1s", {0}),
    ("file_size_bytes:>10MB", (Above("file_size_bytes", "10MB"),), "file_size_bytes:>10MB", {3}),
    ("ip_address:10.0.0.1", (Is("ip_address", "10.0.0.1"),), "ip_address:10.0.0.1", {0}),
    ("ip_address:2001:DB8::1", (Is("ip_address", "2001:DB8::1"),), "ip_address:2001:DB8::1", {1}),
    ("ip_address:10.0.0.0/8", (Within("ip_address", "10.0.0.0/8"),), "ip_address:10.0.0.0/8", {0}),
    ("ip_address:2001:db8::/32", (Within("ip_address", "2001:db8::/32"),),
     "ip_address:2001:db8::/32", {1}),
    ("ip_address:10.0.0.1..10.0.0.9", (Between("ip_address", "10.0.0.1", "10.0.0.9"),),
     "ip_address:10.0.0.1..10.0.0.9", {0}),
    ("extra.invoice_id:7", (Is("extra.invoice_id", "7"),), "extra.invoice_id:7", {2, 3}),
    ("extra.invoice_id:>6", (Above("extra.invoice_id", "6"),), "extra.invoice_id:>6", {2}),
    ('extra.a."b c":d*', (Like('extra.a."b c"', ("d", "")),), 'extra.a."b c":d*', {2}),
    ('extra."a":*', (Present("extra.a"),), "extra.a:*", {2}),
    ("user:bob", (Is("user", "bob"),), "user:bob", {3}),
    ("user:b*", (Like("user", ("b", "")),), "user:b*", {3}),
    ("user:*", (Present("user"),), "user:*", {3}),
    ("time:2h", (During("2h"),), "time:2h", {0, 1, 2, 3}),
    ("time:today", (During("today"),), "time:today", {0, 1, 2, 3}),
    ("time:yesterday", (During("yesterday"),), "time:yesterday", {4}),
    ("time:2026-11-23T23:59", (During("2026-11-23T23:59"),), "time:2026-11-23T23:59", {4}),
    ("time:2026-11-01..yesterday", (Between("time", "2026-11-01", "yesterday"),),
     "time:2026-11-01..yesterday", {4, 5}),
    ("time:>2026-11-01", (Above("time", "2026-11-01"),), "time:>2026-11-01", {0, 1, 2, 3, 4}),
    ("time:<=2026-11-01", (AtMost("time", "2026-11-01"),), "time:<=2026-11-01", {5}),
    ("status:(200 OR 404)", (Or((Is("status", "200"), Is("status", "404"))),),
     "status:(200 OR 404)", {0, 1}),
    ("status:(>200 -500)", (And((Above("status", "200"), Not(Is("status", "500")))),),
     "(status:>200 -status:500)", {1}),
    ("filename:(rep* OR (a* NOT *.pdf))",
     (Or((Like("filename", ("rep", "")),
          And((Like("filename", ("a", "")), Not(Like("filename", ("", ".pdf"))))))),),
     "filename:rep* OR (filename:a* -filename:*.pdf)", {0, 1}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "terms", "printed", "found"), CASES, ids=[c[0] for c in CASES])
def test_an_operator(
    table: duckdb.DuckDBPyConnection,
    text: str,
    terms: tuple[Term, ...],
    printed: str,
    found: set[int],
) -> None:
    query = parse(text)
    assert query == Query(terms)
    assert str(query) == printed
    assert parse(printed) == query
    compiled = compile_query(query, NOW_MICROSECONDS, people)
    sql = f"SELECT seq FROM records WHERE {compiled.sql}"
    assert {seq for (seq,) in table.execute(sql, compiled.params).fetchall()} == found


@pytest.mark.parametrize("operator", Term.__args__)
def test_every_operator_is_tested(operator: type) -> None:
    def inside(term: Term) -> Iterator[type]:
        yield type(term)
        for part in getattr(term, "parts", [term.part] if isinstance(term, Not) else []):
            yield from inside(part)

    assert any(operator in inside(term) for _, terms, _, _ in CASES for term in terms)


@pytest.mark.parametrize("pieces", [(), ("a",), ("", ""), ("a", "", "b")])
def test_pieces_that_make_no_pattern(pieces: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="pattern"):
        Like("filename", pieces)


@pytest.mark.parametrize("kind", [And, Or])
def test_one_alone_is_not_joined(kind: type[And | Or]) -> None:
    with pytest.raises(ValueError, match="two"):
        kind((A,))


def test_no_text_of_a_query_is_in_the_sql() -> None:
    values = ["zq1", "zq2*zq3*x", "zq5", 'zq"; --']
    text = " ".join(f"filename:{value}" for value in values[:2])
    text += ' zq4 extra.zq5.zq6:zq7 extra.zq5:zq8* user:zq9 "zq\'; --" request_id:zq10*'
    text += " ip_address:10.0.0.0/8 status:>=4711 time:2026-11-01 session_id:zq11"
    compiled = compile_query(parse(text), NOW_MICROSECONDS, lambda fits: frozenset({"zq12"}))
    assert "zq" not in compiled.sql
    assert "4711" not in compiled.sql
    assert compiled.sql.count("?") == len(compiled.params)

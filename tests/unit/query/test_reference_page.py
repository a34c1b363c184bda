"""Every example of the reference page is run, and finds what the page says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from strongroom.audit.archive.duck import connect
from strongroom.audit.pipeline.clock import new_id
from strongroom.audit.query.compile import compile_query
from strongroom.audit.query.language import QueryError, parse
from tests.unit.query.making import NOW_MICROSECONDS, rows_of, table_of

PAGE = (Path(__file__).parents[3] / "docs/reference/query.md").read_text()
ID = "0190163d-8694-739b-aea5-966c26f8ad91"
STEM = {"level": "info", "event": "request", "timestamp": "2026-10-01T12:00:00.000000Z"}

# Beside each example a record that it finds, and one that it does not.
FINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    'event:file_deleted user:ana -level:info "quarterly report" filename:*.pdf': (
        {"event": "file_deleted", "user_id": "u-1", "level": "error", "filename": "Quarterly report.pdf"},
        {"event": "file_deleted", "user_id": "u-1", "level": "info", "filename": "Quarterly report.pdf"},
    ),
    "status:>=400 ip_address:10.0.0.0/8 (event:login_failed OR event:access_denied)": (
        {"status": 401, "ip_address": "10.1.1.1", "event": "login_failed"},
        {"status": 401, "ip_address": "11.1.1.1", "event": "login_failed"},
    ),
    "file_size_bytes:>10MB duration_ms:100..500 time:24h extra.invoice_id:7": (
        {"file_size_bytes": 10_000_001, "duration_ms": 100, "extra": {"invoice_id": 7},
         "timestamp": "2026-11-24T00:00:00.000000Z"},
        {"file_size_bytes": 10_000_001, "duration_ms": 100, "extra": {"invoice_id": 7}},
    ),
    "report": ({"extra": {"a": ["My Reports"]}}, {"filename": "rep ort"}),
    '"quarterly report"': ({"path": "/a quarterly report"}, {"path": "quarterly  report"}),
    "ana": ({"user_id": "u-1"}, {"user_id": "u-2"}),
    ID: ({"file_id": ID}, {"file_id": ID.replace("8", "9")}),
    "GRÖSSE": ({"reason": "grösse"}, {"reason": "Größe"}),
    "report pdf": ({"filename": "pdf report"}, {"filename": "report"}),
    "report AND pdf": ({"filename": "pdf report"}, {"filename": "report"}),
    "report OR invoice": ({"filename": "invoice"}, {"filename": "x"}),
    "-report": ({"filename": "x"}, {"filename": "report"}),
    "NOT report": ({"filename": "x"}, {"filename": "report"}),
    "report -draft OR invoice": ({"filename": "draft invoice"}, {"filename": "draft report"}),
    "report (draft OR invoice)": ({"filename": "report draft"}, {"filename": "draft invoice"}),
    "-(draft OR invoice)": ({}, {"filename": "draft"}),
    "-status:200": ({}, {"status": 200}),
    "status:* -status:200": ({"status": 404}, {}),
    "event:file_deleted": ({"event": "file_deleted"}, {"event": "File_deleted"}),
    'filename:"my report.pdf"': ({"filename": "my report.pdf"}, {"filename": "my report.PDF"}),
    "filename:report*": ({"filename": "Report 1"}, {"filename": "a report"}),
    "filename:*.pdf": ({"filename": "a.PDF"}, {"filename": "a.pdf.txt"}),
    "filename:report*.pdf": ({"filename": "report 1.pdf"}, {"filename": "report.txt"}),
    "filename:*draft*": ({"filename": "a Draft 1"}, {"filename": "drift"}),
    'filename:"my report"*': ({"filename": "My report 1"}, {"filename": "report"}),
    "reason:*": ({"reason": ""}, {}),
    "level:(warning OR error)": ({"level": "error"}, {"level": "info"}),
    "filename:(*.pdf -*draft*)": ({"filename": "a.pdf"}, {"filename": "draft.pdf"}),
    "aborted:true": ({"aborted": True}, {"aborted": False}),
    "exception:*": ({"exception": [{}]}, {}),
    "extra:*": ({"extra": {}}, {}),
    "status:404": ({"status": 404}, {"status": 400}),
    "status:>=400": ({"status": 400}, {"status": 399}),
    "status:<500": ({"status": 499}, {"status": 500}),
    "status:400..499": ({"status": 499}, {"status": 500}),
    "file_size_bytes:>10MB": ({"file_size_bytes": 10_000_001}, {"file_size_bytes": 10_000_000}),
    "file_size_bytes:<=1MiB": ({"file_size_bytes": 1_048_576}, {"file_size_bytes": 1_048_577}),
    "duration_ms:>1.5s": ({"duration_ms": 1500.1}, {"duration_ms": 1500}),
    "duration_ms:>1500": ({"duration_ms": 1500.1}, {"duration_ms": 1500}),
    "duration_ms:250ms..2m": ({"duration_ms": 120_000}, {"duration_ms": 120_001}),
    "ip_address:192.0.2.1": ({"ip_address": "192.0.2.1"}, {"ip_address": "192.0.2.10"}),
    "ip_address:2001:DB8:0::1": ({"ip_address": "2001:db8::1"}, {"ip_address": "2001:db8::2"}),
    "ip_address:10.0.0.0/8": ({"ip_address": "10.255.0.1"}, {"ip_address": "11.0.0.0"}),
    "ip_address:2001:db8::/32": ({"ip_address": "2001:db8:1::"}, {"ip_address": "2001:db9::"}),
    "ip_address:10.0.0.1..10.0.0.99": ({"ip_address": "10.0.0.99"}, {"ip_address": "10.0.0.100"}),
    "time:15m": ({"timestamp": "2026-11-24T13:20:00.000000Z"}, {"timestamp": "2026-11-24T13:10:00.000000Z"}),
    "time:24h": ({"timestamp": "2026-11-23T14:00:00.000000Z"}, {"timestamp": "2026-11-23T13:00:00.000000Z"}),
    "time:7d": ({"timestamp": "2026-11-18T14:00:00.000000Z"}, {"timestamp": "2026-11-17T13:00:00.000000Z"}),
    "time:today": ({"timestamp": "2026-11-24T00:00:00.000000Z"}, {"timestamp": "2026-11-23T23:59:59.999999Z"}),
    "time:yesterday": ({"timestamp": "2026-11-23T00:00:00.000000Z"}, {"timestamp": "2026-11-24T00:00:00.000000Z"}),
    "time:2026-11-01": ({"timestamp": "2026-11-01T23:59:59.999999Z"}, {"timestamp": "2026-11-02T00:00:00.000000Z"}),
    "time:2026-11-01..2026-11-03": (
        {"timestamp": "2026-11-03T23:59:59.999999Z"}, {"timestamp": "2026-11-04T00:00:00.000000Z"}),
    "time:2026-11-01T14:30": ({"timestamp": "2026-11-01T14:30:59.999999Z"}, {"timestamp": "2026-11-01T14:31:00.000000Z"}),
    "time:2026-11-01T14:30..2026-11-01T14:45": (
        {"timestamp": "2026-11-01T14:45:59.999999Z"}, {"timestamp": "2026-11-01T14:46:00.000000Z"}),
    "time:>=2026-11-01T14:30+01:00": (
        {"timestamp": "2026-11-01T13:30:00.000000Z"}, {"timestamp": "2026-11-01T13:29:59.999999Z"}),
    'user:"ana löw"': ({"user_id": "u-3"}, {"user_id": "u-1"}),
    "user:an*": ({"user_id": "u-3"}, {"user_id": "u-2"}),
    "target_user:ana": ({"target_user_id": "u-1"}, {"user_id": "u-1"}),
    "user_id:u-7": ({"user_id": "u-7"}, {"user_id": "u-1"}),
    "extra.invoice_id:7": ({"extra": {"invoice_id": "7"}}, {"extra": {"invoice_id": 70}}),
    "extra.paid:true": ({"extra": {"paid": True}}, {"extra": {"paid": False}}),
    "extra.customer.name:an*": ({"extra": {"customer": {"name": "Ana"}}}, {"extra": {"name": "Ana"}}),
    "extra.total:>=100": ({"extra": {"total": 100.5}}, {"extra": {"total": "200"}}),
    'extra."invoice number":*': ({"extra": {"invoice number": 0}}, {"extra": {"invoice number": None}}),
    "extra.tags.0:urgent": ({"extra": {"tags": ["urgent"]}}, {"extra": {"tags": ["a", "urgent"]}}),
    '"a*b"': ({"path": "a*b"}, {"path": "acb"}),
    '"-x"': ({"path": "-x"}, {"path": "y"}),
    '"OR"': ({"path": "or"}, {"path": "and"}),
    'filename:"a..b"': ({"filename": "a..b"}, {"filename": "a.b"}),
    '"event:x"': ({"path": "event:x"}, {"event": "x"}),
    "report(1).pdf": ({"filename": "Report(1).pdf"}, {"filename": "report.pdf"}),
    'status:"none"': ({"status": "none"}, {"status": 0}),
    "status:*": ({"status": "none"}, {}),
}  # fmt: skip

NAMES = {"u-1": "Ana", "u-2": "Bob", "u-3": "Ana Löw"}

NO_QUERIES = re.compile(
    r"/logs|GET .*|strongroom .*|AuditLog\.records\(\)|timestamp|time:?|user|target_user|extra|from|to|\\.*"
    r"|::ffff:0:0/96|::/0|bytes|AND|OR|NOT|-|[><]=?|_ms|[smhdw]|ms|[kMGTP]i?B|KiB|[a-z_]+\.md.*"
)
"""What stands in the page as code and is no query."""


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database."""
    with connect(None, threads=1, memory_bytes=200_000_000) as opened:
        yield opened


def examples() -> set[str]:
    """All that is written as a query, errors aside."""
    valid = PAGE.partition("| query | column | error |")[0]
    fences = re.findall(r"^```\n(.*?)^```$", valid, re.MULTILINE | re.DOTALL)
    found = {line for fence in fences for line in fence.splitlines()}
    inline = re.sub(r"^```\n.*?^```$", "", valid, flags=re.MULTILINE | re.DOTALL)
    found |= set(re.findall(r"`([^`\n]+)`", inline))
    return {text for text in found if not NO_QUERIES.fullmatch(text)}


def test_every_example_of_the_page_is_here() -> None:
    assert examples() == FINDS.keys()


@pytest.mark.parametrize("text", FINDS)
def test_an_example(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    records = [{**STEM, "id": new_id(), **record} for record in FINDS[text]]
    table_of(connection, "records", rows_of(records))
    compiled = compile_query(
        parse(text),
        NOW_MICROSECONDS,
        lambda fits: frozenset(i for i, n in NAMES.items() if fits(n)),
    )
    sql = f"SELECT seq FROM records WHERE {compiled.sql}"
    assert connection.execute(sql, compiled.params).fetchall() == [(0,)]


def test_every_error_of_the_page() -> None:
    rows = re.findall(r"^\| `(.*)` \| (\d+) \| (.*) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 4
    for text, column, said in rows:
        with pytest.raises(QueryError) as raised:
            parse(text)
        assert (raised.value.column, raised.value.message.startswith(said)) == (int(column), True)

"""``/api/v1/records``: filters, pages, single records, and every refusal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from strongroom.audit.events import FIELDS
from strongroom.audit.query.search.slots import SLOTS, Slots
from tests.serving import Installation
from tests.web.expect import expect
from tests.web.wire import Answer, api, put, send

Records = list[dict[str, Any]]


def ask(server: Installation, query: str = "", **arguments: object) -> Answer:
    """Search; ``since`` and ``until`` stand for ``from`` and ``to``."""
    wanted = {{"since": "from", "until": "to"}.get(k, k): v for k, v in arguments.items()}
    return send(server, "GET", "/api/v1/records?" + urlencode({"query": query, **wanted}))


def found(server: Installation, query: str = "", **arguments: object) -> Records:
    """The records of the first page."""
    answer = ask(server, query, **arguments)
    assert answer.status == 200, answer.body
    assert answer.json().keys() >= {"records", "next"}
    records: Records = answer.json()["records"]
    return records


@pytest.fixture(scope="module")
def history(server: Installation) -> dict[str, Any]:
    """Some acts on a file, whose records the tests look for; what was stored."""
    stored = put(server, "日本語 report.pdf", b"12345678", "application/pdf")
    send(server, "GET", api("日本語 report.pdf"), headers={"User-Agent": "Needle/7 (like hay)"})
    missing = send(server, "GET", api("missing.pdf"))
    deleted = send(server, "DELETE", api("日本語 report.pdf"))
    server.outcome(deleted.request_id)
    return {**stored, "missing_request": missing.request_id}


def test_a_record_is_flat_and_says_where_it_stands(
    server: Installation, history: dict[str, Any]
) -> None:
    [record] = found(server, f"file_id:{history['file_id']} event:file_uploaded")
    assert record.keys() <= FIELDS.keys()
    assert record["stream"] == "audit"
    assert isinstance(record["seq"], int)
    for name, value in {
        "event": "file_uploaded",
        "level": "info",
        "outcome": "success",
        "filename": "日本語 report.pdf",
        "file_size_bytes": 8,
        "content_type": "application/pdf",
        "sha256": history["sha256"],
        "ip_address": "127.0.0.1",
        "method": "PUT",
        "app": "strongroom",
    }.items():
        assert record[name] == value
    assert {"timestamp", "id", "request_id", "user_agent", "version", "host", "pid"} <= set(record)


@pytest.mark.parametrize(
    ("query", "events"),
    [
        ("event:file_uploaded", ["file_uploaded"]),
        ("filename:日本語", []),  # a field is asked for its whole value
        ('filename:"日本語 report.pdf"', ["file_deleted", "file_downloaded", "file_uploaded"]),
        ("日本語 event:file_deleted", ["file_deleted"]),
        ("REPORT.PDF stream:audit", ["file_deleted", "file_downloaded", "file_uploaded"]),
        ('"語 rep" level:info stream:audit', ["file_deleted", "file_downloaded", "file_uploaded"]),
        ("needle stream:audit", ["file_downloaded"]),
        ('"Needle/7 (like hay)" event:request', ["request"]),
        ("reason:file_not_found", ["download_failed"]),
        ("level:warning outcome:denied stream:audit", ["download_failed"]),
        ("status:404 event:download_failed", ["download_failed"]),
        ("file_size_bytes:8 method:DELETE", ["file_deleted"]),
        ("application/pdf report.pdf method:GET", ["file_downloaded"]),
        ("nobody-has-this-word", []),
        ("event:file_uploaded event:file_deleted", []),
        ("event:FILE_UPLOADED", []),
    ],
)
def test_a_query(
    server: Installation, history: dict[str, Any], query: str, events: list[str]
) -> None:
    # The searches of these tests are records themselves, which repeat the query.
    records = [r for r in found(server, query, limit=1000) if r["event"] != "logs_viewed"]
    assert [record["event"] for record in records] == events


def test_shortcuts_add_to_the_query(server: Installation, history: dict[str, Any]) -> None:
    records = found(server, "report.pdf", event="file_deleted", stream="audit", level="info")
    assert [record["event"] for record in records] == ["file_deleted"]
    assert found(server, "report.pdf event:file_uploaded", event="file_deleted")[0]["event"] == (
        "file_deleted"
    )


def test_a_request_and_all_its_records(server: Installation, history: dict[str, Any]) -> None:
    records = found(server, f"request_id:{history['missing_request']}")
    assert [record["event"] for record in records] == ["response", "download_failed", "request"]


def test_spans_of_time(server: Installation, history: dict[str, Any]) -> None:
    [record] = found(server, f"file_id:{history['file_id']} event:file_downloaded")
    query = f"id:{record['id']}"
    moment = datetime.fromisoformat(record["timestamp"])
    later = (moment + timedelta(microseconds=1)).isoformat()
    assert found(server, query, since=record["timestamp"])
    assert not found(server, query, since=later)
    assert not found(server, query, until=record["timestamp"])
    assert found(server, query, until=later)
    assert found(server, query, since=record["timestamp"], until=later)
    assert found(server, query, time="15m")
    assert not found(server, query, since="2020-01-01", until="2020-01-02")
    assert found(server, query, since="2020-01-01")


def _all(server: Installation, **arguments: object) -> Iterator[tuple[Answer, Records]]:
    while True:
        answer = ask(server, **arguments)  # type: ignore[arg-type]
        yield answer, answer.json()["records"]
        if answer.json()["next"] is None:
            return
        arguments["cursor"] = answer.json()["next"]


def test_pages_hold_every_record_once(server: Installation, history: dict[str, Any]) -> None:
    # Up to an old record, since what belongs before a new one may still be on its way.
    [last] = found(server, f"file_id:{history['file_id']} event:file_deleted")
    until = last["timestamp"]
    whole = found(server, until=until, limit=1000)
    assert len(whole) > 7
    seen = []
    for answer, records in _all(server, until=until, limit=2):
        assert 0 < len(records) <= 2
        seen += records
        expect(server, answer, "logs_viewed", count=len(records))
    assert [record["id"] for record in seen] == [record["id"] for record in whole]
    places = [(r["timestamp"], r["stream"], r["seq"]) for r in seen]
    assert places == sorted(places, reverse=True)


def test_one_record(server: Installation, history: dict[str, Any]) -> None:
    [wanted] = found(server, f"file_id:{history['file_id']} event:file_deleted")
    answer = send(server, "GET", f"/api/v1/records/{wanted['id']}")
    assert answer.status == 200
    assert answer.json() == wanted
    expect(server, answer, "logs_viewed", count=1, extra={"record": wanted["id"]})


@pytest.mark.parametrize("name", ["01980000-0000-7000-8000-000000000000", "x", "%27", "a%20b"])
def test_no_such_record(server: Installation, name: str) -> None:
    answer = send(server, "GET", f"/api/v1/records/{name}")
    answer.problem(404, "record_not_found")
    expect(server, answer, "logs_view_failed", reason="record_not_found")


@pytest.mark.parametrize(
    ("query", "column", "hint"),
    [
        ("evnt:x", 1, "event"),
        ("report  fielname:x", 9, "filename"),
        ('a "open', 3, "quotation mark"),
        ("a OR", 3, "must follow"),
        ("(a", 1, "parenthesis"),
        ("event:", 1, "event:value"),
        ("status:abc", 8, "takes a number"),
        ("x" * 2001, 2000, "2,000"),
    ],
)
def test_a_query_that_cannot_be_understood(
    server: Installation, query: str, column: int, hint: str
) -> None:
    answer = ask(server, query)
    problem = answer.problem(400, "query_not_valid")
    assert f"column {column}:" in problem["detail"].replace(",0", "0")
    assert hint in problem["detail"]
    expect(server, answer, "logs_view_failed", reason="query_not_valid")


def test_too_many_searches_at_once_are_refused_for_the_moment(server: Installation) -> None:
    slots = Slots(server.data / "strongroom.db.searching")
    with ExitStack() as held:
        for _ in range(SLOTS):
            held.enter_context(slots.held(5))
        answer = send(server, "GET", "/logs?query=x", headers={"Accept": "text/html"})
        assert (answer.status, answer.header("Retry-After")) == (503, "3")
        assert "Too many searches" in answer.body.decode()
    expect(server, answer, "logs_view_failed", reason="search_busy")
    assert ask(server, "x").status == 200


def test_the_window_of_the_address_wins_over_the_query(server: Installation) -> None:
    assert ask(server, "time:2001-01-01").json()["records"] == []
    assert ask(server, "time:2001-01-01", since="2002-01-01").json()["records"]


def test_a_long_query_gets_through(server: Installation) -> None:
    """Most scripts of the world take nine bytes for each character in an address."""
    query = "語" * 500
    answer = ask(server, query)
    assert answer.status == 200
    expect(server, answer, "logs_viewed", count=len(answer.json()["records"]))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"cursor": "x"}, "cursor_not_valid"),
        ({"cursor": "1-audit-"}, "cursor_not_valid"),
        ({"cursor": "1-audit-99999999999999999999"}, "cursor_not_valid"),
        ({"cursor": "1-audit-1\n"}, "cursor_not_valid"),
        ({"limit": "0"}, "limit_not_valid"),
        ({"limit": "1001"}, "limit_not_valid"),
        ({"limit": "-1"}, "limit_not_valid"),
        ({"limit": "many"}, "limit_not_valid"),
        ({"limit": "²"}, "limit_not_valid"),
        ({"limit": "9" * 5000}, "limit_not_valid"),
        ({"since": "yesterday"}, "time_not_valid"),
        ({"until": "2026-13-01"}, "time_not_valid"),
        ({"since": "9999-99"}, "time_not_valid"),
        ({"time": "1y"}, "time_not_valid"),
    ],
)
def test_arguments_that_cannot_be_used(
    server: Installation, arguments: dict[str, str], reason: str
) -> None:
    answer = ask(server, "", **arguments)
    answer.problem(400, reason)
    expect(server, answer, "logs_view_failed", reason=reason)

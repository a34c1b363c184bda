"""Searching the journal: which records a query finds, and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.audit.journal import Journal
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.audit.query import Search, Window, parse
from strongroom.errors import Refused
from strongroom.store import Store
from strongroom.store.migrate import migrate
from tests.unit.making import audit_record, ops_record

ALWAYS = Window()


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Search]:
    """A search over a few records of both streams."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('search') / 'test.db'}")
    migrate(store, AUDIT_SCHEMA)
    journal = Journal(store)
    journal.append(
        [
            audit_record(
                filename="Jahresabschluß 2025.pdf",
                count=1,
                request_id="r1",
                ip_address="192.0.2.1",
                outcome="success",
            ),
            audit_record(filename="日本語.txt", count=2, request_id="r1", path="/api/v1/files"),
            audit_record(filename="ÄRGER.txt", count=3, level="warning", reason="filename_taken"),
            audit_record(filename="null", count=4, extra={"invoice": 4711, "to": ["Ms Example"]}),
        ]
    )
    for record in (
        ops_record(event="request", request_id="r1", count=5),
        ops_record(event="response", request_id="r1", status=404, duration_ms=1.5, aborted=False),
        ops_record(event="message_logged", level="error", exception=[{"exc_value": "İstanbul"}]),
    ):
        journal.enqueue(record)
    store.close()
    yield Search(store)
    store.close()


def found(search: Search, query: str, **arguments: Any) -> list[Any]:
    """What tells the records apart, newest first."""
    page = search.page(parse(query), arguments.pop("window", ALWAYS), **arguments)
    assert not page.partial
    return [record.get("count", record["event"]) for record in page.records]


ALL = ["message_logged", "response", 5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ALL),
        ("stream:audit", [4, 3, 2, 1]),
        ("stream:ops", ["message_logged", "response", 5]),
        ("stream:nothing", []),
        ("event:response", ["response"]),
        ("event:respons", []),
        ("level:warning", [3]),
        ("request_id:r1", ["response", 5, 2, 1]),
        ("request_id:r1 stream:audit", [2, 1]),
        ("count:3", [3]),
        ("status:404", ["response"]),
        ("aborted:false", ["response"]),
        ("seq:0", [5, 1]),
        ("outcome:success", [1]),
        ("ip_address:192.0.2.1", [1]),
        ("filename:日本語.txt", [2]),
        ("filename:ärger.txt", []),
        ('filename:"Jahresabschluß 2025.pdf"', [1]),
        ("filename:null", [4]),
        ("user_agent:null", []),
        ("reason:null", []),
        ("level:warning level:error", []),
    ],
)
def test_fields_have_exactly_that_value(search: Search, query: str, expected: list[Any]) -> None:
    assert found(search, query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ärger", [3]),
        ("ÄRGER", [3]),
        ("jahresabschluß", [1]),
        ("JAHRESABSCHLUẞ 2025", [1]),
        ("JAHRESABSCHLUSS", []),  # letter by letter
        ("日本", [2]),
        ("4711", []),  # a number is no text
        ("extra.invoice:4711", [4]),
        ('"ms example"', [4]),
        ("MS example", [4]),
        ("istanbul", ["message_logged"]),
        ("status:404 response", ["response"]),
        (".TXT", [3, 2]),
        ("txt level:warning", [3]),
        ("txt nothing-like-it", []),
        ('""', ALL),
        ("invoice", []),
    ],
)
def test_text_is_found_in_any_case_and_any_field(
    search: Search, query: str, expected: list[Any]
) -> None:
    assert found(search, query) == expected


def test_a_window_has_its_start_inside_and_its_end_outside(store: Store, journal: Journal) -> None:
    stamps = [f"2026-01-01T00:00:0{second}.000000Z" for second in range(5)]
    journal.append([audit_record(timestamp=t, count=n) for n, t in enumerate(stamps)])
    search = Search(store)
    start = 1_767_225_600_000_000
    second = 1_000_000
    for window, expected in (
        (Window(), [4, 3, 2, 1, 0]),
        (Window(start=start + second), [4, 3, 2, 1]),
        (Window(end=start + 3 * second), [2, 1, 0]),
        (Window(start=start + second, end=start + 3 * second), [2, 1]),
        (Window(start=start + second, end=start + second), []),
        (Window(start=start + 4 * second + 1), []),
        (Window(end=start + 1), [0]),
    ):
        assert found(search, "", window=window) == expected


def test_one_record_by_its_id(search: Search) -> None:
    (wanted,) = search.page(parse("count:2"), ALWAYS).records
    assert search.record(wanted["id"]) == wanted
    assert wanted["filename"] == "日本語.txt"
    assert (wanted["stream"], wanted["seq"]) == ("audit", 1)
    assert search.record("no-such-id") is None


def test_all_records_of_a_request_oldest_first(search: Search) -> None:
    records = search.of_request("r1")
    assert [record.get("count", record["event"]) for record in records] == [1, 2, 5, "response"]
    assert [record["count"] for record in search.of_request("r1", limit=2)] == [1, 2]
    assert search.of_request("r2") == []


def test_what_was_committed_before_the_call_is_seen(store: Store, journal: Journal) -> None:
    search = Search(store)
    for number in range(5):
        journal.append([audit_record(count=number)])
        assert found(search, "") == list(range(number, -1, -1))


@pytest.mark.parametrize(
    "cursor", ["", "nonsense", "1-audit", "1-audit-x", "-1-audit-0", "1-AUDIT-0"]
)
def test_a_cursor_that_is_not_ours(search: Search, cursor: str) -> None:
    with pytest.raises(Refused) as refused:
        search.page(parse(""), ALWAYS, cursor=cursor)
    assert (refused.value.reason, refused.value.status) == ("cursor_not_valid", 400)

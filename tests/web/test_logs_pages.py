"""``/logs``: the list with its filters, one record, and every refusal."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.serving import Installation
from tests.web.expect import expect
from tests.web.page import is_whole, notices, read
from tests.web.wire import HTML, HTMX, Answer, api, put, send

MARKUP = "<img src=x onerror=alert(1)>.txt"


def look(server: Installation, headers: dict[str, str] = HTML, /, **arguments: str) -> Answer:
    """Open the viewer."""
    return send(server, "GET", "/logs?" + urlencode(arguments), headers=headers)


def shown(answer: Answer) -> list[tuple[str, str]]:
    """Event and summary of each record in the table."""
    cells = [(e.classes, e.text) for e in read(answer) if e.tag == "td"]
    events = [text for classes, text in cells if "event" in classes]
    return list(zip(events, [text for classes, text in cells if "what" in classes], strict=True))


def linked(answer: Answer) -> list[str]:
    """Addresses of the records in the table."""
    return [
        element.attributes["href"]
        for element in read(answer)
        if element.tag == "a" and element.attributes.get("href", "").startswith("/logs/0")
    ]


@pytest.fixture(scope="module")
def history(server: Installation) -> dict[str, Any]:
    """A file that came and went, and a failed download; what was stored."""
    stored = put(server, MARKUP, b"123456")
    send(server, "DELETE", api(MARKUP))
    missing = send(server, "GET", api("missing.txt"))
    server.outcome(missing.request_id)
    return stored


def test_the_newest_come_first(server: Installation, history: dict[str, Any]) -> None:
    answer = look(server, stream="audit", query=f"file_id:{history['file_id']}")
    assert is_whole(answer)
    assert [event for event, _ in shown(answer)] == ["file_deleted", "file_uploaded"]
    expect(server, answer, "logs_viewed", count=2)


@pytest.mark.parametrize(
    ("arguments", "events"),
    [
        ({"event": "file_deleted"}, {"file_deleted"}),
        ({"level": "warning", "query": "missing.txt"}, {"download_failed", "response"}),
        ({"stream": "audit", "query": "missing.txt"}, {"download_failed"}),
        ({"query": "missing.txt event:request"}, {"request"}),
        ({"time": "15m", "event": "file_uploaded"}, {"file_uploaded"}),
        ({"from": "2020-01-01", "to": "2020-01-02"}, set()),
        ({"query": "no-record-has-this"}, set()),
    ],
)
def test_filters(
    server: Installation, history: dict[str, Any], arguments: dict[str, str], events: set[str]
) -> None:
    answer = look(server, **arguments)
    assert answer.status == 200
    # A search leaves records that hold what was searched for.
    assert {event for event, _ in shown(answer)} - {"logs_viewed"} == events
    told = expect(server, answer, "logs_viewed", count=len(shown(answer)))
    assert told[0]["extra"]
    if not shown(answer):
        assert "Nothing matches." in answer.text


def test_names_are_shown_never_run(server: Installation, history: dict[str, Any]) -> None:
    page = look(server, event="file_uploaded")
    assert MARKUP in shown(page)[0][1]
    record = send(server, "GET", linked(page)[0], headers=HTML)
    for answer in (page, record):
        assert "<img src=x" not in answer.text
        assert not [e for e in read(answer) if e.tag == "img"]
    searched = look(server, query='"<script>alert(1)</script>"')
    assert "<script>alert" not in searched.text


def test_htmx_gets_a_fragment(server: Installation, history: dict[str, Any]) -> None:
    answer = look(server, HTMX, query="event:file_uploaded", level="info")
    assert not is_whole(answer)
    assert "HX-Request" in answer.header("Vary")
    pushed = answer.header("HX-Push-Url")
    assert pushed.startswith("/logs")
    expect(server, answer, "logs_viewed")
    # The address that the browser then shows gives the same records as a whole page.
    page = send(server, "GET", pushed, headers=HTML)
    assert is_whole(page)
    assert shown(page) == shown(answer)


def test_older_records_follow_page_by_page(server: Installation, history: dict[str, Any]) -> None:
    for number in range(120):
        put(server, f"paged {number}")
    answer = look(server, event="file_uploaded", query="paged")
    seen = linked(answer)
    while more := [
        element.attributes["href"]
        for element in read(answer)
        if "cursor=" in element.attributes.get("href", "")
    ]:
        answer = send(server, "GET", more[0], headers=HTMX)
        assert not is_whole(answer)
        seen += linked(answer)
        expect(server, answer, "logs_viewed")
    assert len(seen) == len(set(seen)) == 120


def test_a_record_shows_every_field(server: Installation, history: dict[str, Any]) -> None:
    [record] = server.records(f"file_id:{history['file_id']} event:file_uploaded")
    page = send(server, "GET", f"/logs/{record['id']}", headers=HTML)
    assert page.status == 200
    assert is_whole(page)
    names = [element.text for element in read(page) if element.tag == "dt"]
    assert set(names) | {"event", "level", "timestamp"} >= record.keys()
    everything = " ".join(element.text for element in read(page) if element.tag == "main")
    for value in record.values():
        assert str(value).replace("T", " ").rstrip("Z") in everything.replace("T", " ")
    related = [e.text for e in read(page) if e.tag == "li"]
    events = ["request", "file_uploaded", "response"]
    assert [text.split()[1] for text in related] == events
    expect(server, page, "logs_viewed", count=1)


def test_no_such_record(server: Installation) -> None:
    for name in ("01980000-0000-7000-8000-000000000000", "x", "%3Cb%3E", "a%0Ab"):
        for headers in (HTML, HTMX):
            answer = send(server, "GET", f"/logs/{name}", headers=headers)
            assert answer.status == 404
            assert is_whole(answer) == (headers is HTML)
            assert answer.request_id in answer.text
            expect(server, answer, "logs_view_failed", reason="record_not_found")


def test_a_query_that_cannot_be_understood(server: Installation) -> None:
    for headers in (HTML, HTMX):
        answer = look(server, headers, query='a "<b>open')
        assert answer.status == 400
        assert "Column 3" in answer.text
        [field] = [e for e in read(answer) if e.attributes.get("id") == "query"]
        assert field.attributes["value"] == 'a "<b>open'
        assert field.attributes["aria-invalid"] == "true"
        expect(server, answer, "logs_view_failed", reason="query_not_valid")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"cursor": "<b>"}, "cursor_not_valid"),
        ({"limit": "x"}, "limit_not_valid"),
        ({"from": "<b>"}, "time_not_valid"),
        ({"time": "<b>"}, "time_not_valid"),
    ],
)
def test_arguments_that_cannot_be_used(
    server: Installation, arguments: dict[str, str], reason: str
) -> None:
    answer = look(server, **arguments)
    assert answer.status == 400
    assert is_whole(answer)
    assert "<b>" not in answer.text
    assert answer.request_id in answer.text
    expect(server, answer, "logs_view_failed", reason=reason)

    answer = look(server, HTMX, **arguments)
    assert answer.header("HX-Retarget") == "#notices"
    assert [kind for kind, _ in notices(answer)] == ["warning"]
    expect(server, answer, "logs_view_failed", reason=reason)


def test_both_addresses_of_the_viewer_answer(server: Installation) -> None:
    for target in ("/logs", "/logs/"):
        answer = send(server, "GET", target, headers=HTML)
        assert answer.status == 200
        expect(server, answer, "logs_viewed")

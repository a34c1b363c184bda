"""``/logs``: the list with its filters, one record, and every refusal."""

from __future__ import annotations

import io
import json
import sqlite3
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.serving import Installation
from tests.web.expect import expect, records_of
from tests.web.household import Household
from tests.web.page import is_whole, notices, read
from tests.web.wire import FORM, HTML, HTMX, JSON, Answer, Part, api, form, put, send

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
    related = [e.text.split()[1] for e in read(page) if e.tag == "li"]
    events = ["request", "file_uploaded", "response"]
    assert related[:3] == events  # and behind them what was before and after
    assert "file_uploaded" in related[3:]
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


OWL = "Zoë <b>Owl</b> \u202egnp"
"""A name that no page may believe; the accounts would refuse it, the directory holds any."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    """Mia has uploaded a file, and is called otherwise since; a guest is not known any more."""
    made = Household(tmp_path_factory.mktemp("names") / "data")
    try:
        mia = made.headers(made.enter("Mia"))
        assert send(made.server, "PUT", api("of mia.txt"), b"1", mia).status == 201
        made.add("Ghost")
        ghost = made.headers(made.enter("Ghost"))
        assert send(made.server, "PUT", api("of a ghost.txt"), b"2", ghost).status == 201
        directory(made, "update person set name = ? where user_id = ?", OWL, made.ids["Mia"])
        directory(made, "delete from person where user_id = ?", made.ids["Ghost"])
        yield made
    finally:
        made.close()


def directory(house: Household, statement: str, *values: str) -> None:
    """Change the directory of people from beside the server."""
    with closing(sqlite3.connect(house.server.data / "strongroom.db")) as connection:
        connection.execute("PRAGMA busy_timeout = 30000")
        connection.execute(statement, values)
        connection.commit()


def as_ada(house: Household, target: str, headers: dict[str, str] = HTML) -> Answer:
    """What the administrator sees there."""
    answer = send(house.server, "GET", target, headers={**house.server.reader, **headers})
    if answer.status == 403:  # a token's scope does not reach there
        session = house.headers(house.enter("Ada"))
        answer = send(house.server, "GET", target, headers={**session, **headers})
    assert answer.status == 200
    return answer


def inert(answer: Answer) -> None:
    """The name is text and nothing else, and moves nothing that stands beside it."""
    assert "<b>Owl" not in answer.text
    assert "\u202e" not in answer.text
    assert not [e for e in read(answer) if e.tag == "b" and e.text == "Owl"]


def test_the_list_shows_who_it_was(house: Household) -> None:
    for headers in (HTML, HTMX):
        answer = as_ada(house, "/logs?query=event:file_uploaded", headers)
        cells = [
            (element.text, element.attributes.get("title"))
            for element in read(answer)
            if element.tag == "td" and element.attributes.get("title") in house.ids.values()
        ]
        ghost = house.ids["Ghost"]
        assert cells == [(ghost, ghost), (OWL.replace("\u202e", "\\u202e"), house.ids["Mia"])]
        inert(answer)


def test_the_record_shows_name_and_id(house: Household) -> None:
    (record,) = house.server.records('filename:"of mia.txt" event:file_uploaded')
    answer = as_ada(house, f"/logs/{record['id']}")
    told = [element.text for element in read(answer) if element.tag in ("dt", "dd")]
    shown = dict(zip(told[::2], told[1::2], strict=True))
    assert shown["user"] == OWL.replace("\u202e", "\\u202e")
    assert shown["user_id"] == house.ids["Mia"]
    assert told.index("user_id") == told.index("user") + 2
    inert(answer)


def test_programs_get_the_name_beside_the_id(house: Household) -> None:
    (mia,) = house.server.records('filename:"of mia.txt" event:file_uploaded')
    assert (mia["user"], mia["user_id"]) == (OWL, house.ids["Mia"])
    one = as_ada(house, f"/api/v1/records/{mia['id']}", {}).json()
    assert one == mia
    (ghost,) = house.server.records('filename:"of a ghost.txt" event:file_uploaded')
    assert "user" not in ghost
    assert ghost["user_id"] == house.ids["Ghost"]
    added = house.server.records(f"event:user_created target_user_id:{house.ids['Otto']}")
    assert [record["target_user"] for record in added] == ["Otto"]
    by_name = house.server.records('user:"zoë <B>owl</b> \u202egnp" event:file_uploaded')
    assert by_name == [mia]
    assert house.server.records("user:Mia") == []


def test_what_one_has_looked_at_another_has_not(house: Household) -> None:
    """A part of a search is recorded for whoever has not been recorded with that search."""
    ada = house.headers(house.enter("Ada"))
    otto = house.headers(house.enter("Otto"))
    for who, target, recorded in (
        (ada, "/logs?query=ours", ["logs_viewed"]),
        (ada, "/logs/histogram?query=ours", []),
        (otto, "/logs/histogram?query=ours", ["logs_viewed"]),
        (otto, "/logs/histogram?query=ours", []),
        (otto, "/logs/facets?query=ours", ["logs_viewed"]),
        (house.headers(house.enter("Otto")), "/logs/facets?query=ours", ["logs_viewed"]),
    ):
        answer = send(house.server, "GET", target, headers={**who, **HTMX})
        assert answer.status == 200
        told = records_of(house.server, answer.request_id).outcomes
        assert [record["event"] for record in told] == recorded


def test_the_terminal_shows_who_it_was(house: Household) -> None:
    query = "event:file_uploaded"
    printed = house.server.run("log", "search", query)
    _, ghost, mia = printed.stdout.splitlines()
    assert house.ids["Ghost"] in ghost
    assert "Zoë <b>Owl</b> \\u202egnp" in mia
    as_json = house.server.run("log", "search", "--json", query).stdout.splitlines()
    assert [json.loads(line) for line in as_json] == house.server.records(query)
    assert house.server.run("log", "search", "event:nothing").stdout.count("user") == 0


def test_no_name_is_in_what_is_handed_out_as_evidence(house: Household) -> None:
    (record,) = house.server.records('filename:"of mia.txt" event:file_uploaded')
    session = house.headers(house.enter("Ada"))
    address, deadline = f"/logs/{record['id']}", time.monotonic() + 30
    while (bundle := send(house.server, "GET", f"{address}/bundle", headers=session)).status != 200:
        assert time.monotonic() < deadline, "nothing is signed"
        time.sleep(0.05)
    with zipfile.ZipFile(io.BytesIO(bundle.body)) as members:
        files = [members.read(name) for name in members.namelist()]
    files.append(send(house.server, "GET", f"{address}/proof", headers=session).body)
    assert any(house.ids["Mia"].encode() in content for content in files)
    for content in files:
        assert "Zoë".encode() not in content
        assert b"Owl<" not in content


@pytest.mark.parametrize("headers", [HTML, HTMX])
def test_the_files_show_who_uploaded_them(house: Household, headers: dict[str, str]) -> None:
    answer = as_ada(house, "/files", headers)
    by = [element for element in read(answer) if element.tag == "td" and "by" in element.classes]
    shown = OWL.replace("\u202e", "\\u202e")
    assert [element.text for element in by] == [house.ids["Ghost"], shown]
    assert [element.text for element in read(answer) if element.tag == "th"][3] == "by"
    inert(answer)


def test_a_file_just_uploaded_shows_it_as_well(house: Household) -> None:
    session = house.headers(house.enter("Mia"))
    body = form(Part(b"3", "new of mia.txt"))
    answer = send(house.server, "POST", "/upload", body, {**session, **FORM, **JSON})
    assert answer.status == 201
    answer = as_ada(house, "/files", HTMX)
    by = [element for element in read(answer) if element.tag == "td" and "by" in element.classes]
    assert by[0].text == OWL.replace("\u202e", "\\u202e")
    files = as_ada(house, "/files", JSON).json()["files"]
    assert files[0]["created_by"] == files[0]["changed_by"] == house.ids["Mia"]


def test_where_there_are_no_accounts_there_is_no_column(
    server: Installation, history: dict[str, Any]
) -> None:
    answer = send(server, "GET", "/files", headers=HTML)
    assert "by" not in [element.text for element in read(answer) if element.tag == "th"]

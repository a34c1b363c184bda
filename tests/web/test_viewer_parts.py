"""The parts of ``/logs`` that come on their own: histogram, values, completion, tail; and as JSON."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from strongroom.audit.query.search.slots import SLOTS, Slots
from tests.serving import Installation
from tests.web.expect import expect, records_of
from tests.web.page import Element, is_whole, read
from tests.web.wire import HTML, HTMX, Answer, api, put, send

MARKUP = "<img src=x onerror=alert(1)> \u202egnp.txt"


def ask(server: Installation, path: str, headers: dict[str, str] = HTMX, /, **more: str) -> Answer:
    """Ask for a part, or for the page itself."""
    wanted = {{"since": "from", "until": "to"}.get(name, name): v for name, v in more.items()}
    return send(server, "GET", f"{path}?{urlencode(wanted)}", headers=headers)


@pytest.fixture(scope="module")
def history(server: Installation) -> None:
    """Two files, and three times one that is not there, once by a hostile name."""
    for name in ("one report.txt", "two report.txt"):
        put(server, name, b"123456")
    for name in ("missing report.txt", "missing report.txt", MARKUP):
        missing = send(server, "GET", api(name))
        server.outcome(missing.request_id)


def searches(answer: Answer, label: str = "") -> dict[str, str]:
    """The query that each link of the values leads to, by the value, or by the link's label."""
    found: dict[str, str] = {}
    for element in read(answer):
        if element.tag == "a" and "data-search" in element.attributes:
            name = element.attributes.get("aria-label", "") if label else element.text
            if name and (not label or name.startswith(label)):
                query = parse_qs(urlsplit(element.attributes["href"]).query).get("query", [""])
                found[name] = query[0]
    return found


def test_the_histogram_counts_what_the_list_shows(server: Installation, history: None) -> None:
    query = "event:(file_uploaded OR download_failed)"
    answer = ask(server, "/logs/histogram", query=query)
    assert not is_whole(answer)
    assert "5 records" in " ".join(e.text for e in read(answer) if e.tag == "header")
    columns = len([e for e in read(answer) if e.tag == "th"]) - 1
    counts = [int(e.text) for e in read(answer) if e.tag == "td" and "n" in e.classes]
    assert sum(counts[columns - 1 :: columns]) == 5
    # Each row of the table leads to the records that it counts.
    links = [e.attributes["href"] for e in read(answer) if "data-search" in e.attributes]
    shown = [send(server, "GET", link, headers=HTML) for link in links if "from=" in link]
    places = [e for page in shown for e in read(page) if "data-id" in e.attributes]
    assert len(places) == 5


def test_opened_in_a_browser_a_part_is_a_page(server: Installation, history: None) -> None:
    for path in ("/logs/histogram", "/logs/facets", "/logs/facets?field=status"):
        answer = send(server, "GET", path, headers=HTML)
        assert is_whole(answer)
        back = [e for e in read(answer) if e.tag == "a" and e.text == "The records"]
        assert [e.attributes["href"] for e in back] == ["/logs"]


def test_values_lead_to_searches_with_and_without_them(server: Installation, history: None) -> None:
    query = "report event:file_uploaded"
    answer = ask(server, "/logs/facets", query=query)
    include = searches(answer)
    # What the query says of this very field is left aside, so that another can be chosen as well.
    assert include["download_failed"] == "report event:(file_uploaded OR download_failed)"
    assert include["file_uploaded"] == "report"
    assert include["info"] == f"{query} level:info"
    exclude = searches(answer, "Exclude ")
    assert exclude["Exclude event:download_failed"] == f"{query} -event:download_failed"
    counts = {e.text for e in read(answer) if e.tag == "li"}
    assert any(text.replace(" ", "").startswith("download_failed2") for text in counts)
    answer = ask(server, "/logs/facets", query="report -event:file_uploaded")
    again = searches(answer, "No longer")
    assert again == {"No longer exclude event:file_uploaded": "report"}


def test_hostile_values_are_text(server: Installation, history: None) -> None:
    whole = []
    for path, more in (
        ("/logs/facets", {"field": "filename"}),
        ("/logs", {}),
        ("/logs/histogram", {}),
    ):
        answer = ask(server, path, HTML, query=f'filename:"{MARKUP}"', **more)
        assert "<img src=x" not in answer.text
        assert "\u202e" not in answer.text
        whole.append(answer.text)
    assert "&lt;img src=x onerror=alert(1)&gt; \\u202egnp.txt" in whole[0]
    completed = ask(server, "/logs/complete", typed="filename:<im").json()
    assert completed[0]["label"] == MARKUP.replace("\u202e", "\\u202e")
    found = server.records(f"filename:{completed[0]['insert']}")
    assert {record["filename"] for record in found} == {MARKUP}


def test_a_search_is_recorded_once_and_its_parts_are_not(
    server: Installation, history: None
) -> None:
    wanted = {"query": "looked at once", "time": "24h"}
    expect(server, ask(server, "/logs", HTMX, **wanted), "logs_viewed")
    for path in ("/logs/histogram", "/logs/facets", "/logs/tail"):
        answer = ask(server, path, HTMX, **wanted, after="audit-0_ops-0")
        assert answer.status == 200
        assert records_of(server, answer.request_id).outcomes == []


def test_a_part_without_its_search_is_recorded(server: Installation, history: None) -> None:
    for path, part in (
        ("/logs/histogram", "histogram"),
        ("/logs/facets", "facets"),
        ("/logs/tail", "tail"),
    ):
        wanted = {"query": f"never looked at {part}", "after": "audit-0_ops-0"}
        answer = ask(server, path, HTMX, **wanted)
        extra = {"query": wanted["query"], "as": part}
        expect(server, answer, "logs_viewed", extra=extra)
        assert records_of(server, ask(server, path, HTMX, **wanted).request_id).outcomes == []


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("ev", ("event:", 2)),
        ("report -eve", ("event:", 3)),
        ("(filena", ("filename:", 6)),
        ("event:file_upl", ("file_uploaded ", 8)),
        ("level:info filename:one", ('"one report.txt" ', 3)),
        ('filename:"two', ('"two report.txt" ', 4)),
        ("time:24", ("24h ", 2)),
    ],
)
def test_what_may_follow(
    server: Installation, history: None, typed: str, offered: tuple[str, int]
) -> None:
    choices = ask(server, "/logs/complete", typed=typed).json()
    assert offered in [(choice["insert"], choice["replaces"]) for choice in choices]


@pytest.mark.parametrize(
    "typed", ['"in a phrase', "nosuchfield:x", "file_size_bytes:>1", "x" * 5000]
)
def test_nothing_may_follow(server: Installation, typed: str) -> None:
    assert ask(server, "/logs/complete", typed=typed).json() == []


def _ids(answer: Answer) -> list[str]:
    return [e.attributes["data-id"] for e in read(answer) if "data-id" in e.attributes]


def _live(server: Installation, **wanted: str) -> Element:
    page = ask(server, "/logs", HTML, **wanted)
    (button,) = [e for e in read(page) if "data-live" in e.attributes]
    return button


def test_the_tail_gives_what_is_new_and_not_itself(server: Installation, history: None) -> None:
    button = _live(server)
    uploaded = put(server, "tailed.txt", b"1")
    answer = ask(server, "/logs/tail", after=button.attributes["data-places"])
    events = [e.text for e in read(answer) if e.classes == ["event"] and e.tag == "td"]
    assert "file_uploaded" in events
    assert uploaded["filename"] in answer.text
    places = answer.header("X-Tail-Places")
    assert (answer.header("X-Tail-Skipped"), places != button.attributes["data-places"]) == (
        "0",
        True,
    )
    server.outcome(answer.request_id)  # its own records are committed
    more = ask(server, "/logs/tail", after=places)
    assert _ids(more)  # those of the question just asked
    assert "/logs/tail" not in more.text
    assert not set(_ids(more)) & set(_ids(answer))


def test_the_tail_skips_what_no_table_can_show(server: Installation, history: None) -> None:
    missing = [send(server, "GET", api("flood.txt")) for _ in range(101)]
    server.outcome(missing[-1].request_id)
    answer = ask(server, "/logs/tail", query="flood.txt", after="audit-0_ops-0")
    assert len(_ids(answer)) == 200
    assert int(answer.header("X-Tail-Skipped")) == 303 - 200  # request, download_failed, response
    times = [e.attributes["datetime"] for e in read(answer) if e.tag == "time"]
    assert times == sorted(times, reverse=True)


def test_a_place_from_the_future_is_the_end(server: Installation) -> None:
    answer = ask(
        server, "/logs/tail", query="no-such-word", after="audit-99999999999_ops-99999999999"
    )
    assert (answer.status, _ids(answer)) == (200, [])
    seqs = [int(place.partition("-")[2]) for place in answer.header("X-Tail-Places").split("_")]
    assert 0 < max(seqs) < 99999999999


def test_a_part_that_finds_no_place_says_so_where_it_stands(server: Installation) -> None:
    slots = Slots(server.data / "strongroom.db.searching")
    with ExitStack() as held:
        for _ in range(SLOTS):
            held.enter_context(slots.held(5))
        answer = ask(server, "/logs/histogram", query="busy")
    assert (answer.status, answer.header("Retry-After")) == (503, "3")
    assert "Too many searches" in answer.text
    again = [e for e in read(answer) if e.text == "Try again"]
    assert [e.attributes["hx-get"].partition("&at=")[0] for e in again] == [
        "/logs/histogram?query=busy"
    ]
    expect(server, answer, "logs_view_failed", reason="search_busy")
    assert ask(server, "/logs/histogram", query="busy").status == 200


def test_the_query_that_was_meant_is_offered(server: Installation) -> None:
    answer = ask(server, "/logs", HTML, query="report evnt:file_uploaded")
    assert answer.status == 400
    assert [e.text for e in read(answer) if e.tag == "mark"] == ["evnt"]
    assert "report event:file_uploaded" in searches(answer).values()


def test_columns_are_chosen_by_the_address_or_by_ticks(server: Installation, history: None) -> None:
    for query in ("columns=status,filename", "columns=status&columns=filename"):
        answer = send(server, "GET", f"/logs?{query}", headers=HTML)
        heads = [e.text for e in read(answer) if e.tag == "th"]
        assert heads == ["time (UTC)", "status", "filename"]
        ticked = [e.attributes["value"] for e in read(answer) if "checked" in e.attributes]
        assert sorted(ticked) == ["filename", "status"]


def test_the_record_is_shown_with_what_is_around_it(server: Installation, history: None) -> None:
    [record] = server.records('filename:"two report.txt" event:file_uploaded')
    page = ask(server, f"/logs/{record['id']}", HTML, query="report", time="24h")
    links = [e for e in read(page) if e.tag == "a"]
    by_label = {e.attributes.get("aria-label"): e.attributes["href"] for e in links}
    only = parse_qs(urlsplit(by_label["Only records with this filename"]).query)
    assert only == {"query": ['report filename:"two report.txt"'], "time": ["24h"]}
    without = parse_qs(urlsplit(by_label["Without records with this method"]).query)
    assert without["query"] == ["report -method:PUT"]
    (around,) = [e for e in read(page) if e.attributes.get("aria-labelledby") == "around"]
    beside = around.text.split(":")
    assert len(beside) > 4
    assert "one report.txt" in around.text  # what was uploaded just before


def test_counts_as_json(server: Installation, history: None) -> None:
    query = "event:(file_uploaded OR download_failed) -flood.txt -tailed.txt"
    found: dict[str, Any] = ask(server, "/api/v1/histogram", {}, query=query).json()
    assert sum(bar["count"] for bar in found["bars"]) == 5
    assert sum(bar["levels"].get("warning", 0) for bar in found["bars"]) == 3
    assert (found["partial"], found["missing"]) == (False, [])
    answer = ask(server, "/api/v1/facets", {}, query=query, field="event", limit="1")
    assert answer.json()["values"] == [{"value": "download_failed", "count": 3}]
    expect(server, answer, "logs_viewed", count=1)
    prefixed = ask(server, "/api/v1/facets", {}, query=query, field="event", prefix="FILE_").json()
    assert prefixed["values"] == [{"value": "file_uploaded", "count": 2}]
    ask(server, "/api/v1/facets", {}, field="nothing").problem(400, "field_not_counted")
    ask(server, "/api/v1/histogram", {}, query="a:b").problem(400, "query_not_valid")


def test_what_is_shown_can_be_exported(server: Installation, history: None) -> None:
    page = read(ask(server, "/logs", HTML, query="filename:*report.txt"))
    (csv,) = (e for e in page if e.tag == "a" and e.text == "CSV")
    export = send(server, "GET", csv.attributes["href"])
    assert export.header("Content-Type").startswith("text/csv")
    assert "one report.txt" in export.text

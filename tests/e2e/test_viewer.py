"""``/logs`` in a browser: histogram, values, completion, keys, columns, zones, the record's page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import OpenPage
from tests.e2e.test_usability import DESKTOP, LOOKS, PHONE, overflow, violations
from tests.serving import Installation

pytestmark = pytest.mark.e2e

MOST_BYTES = 150_000
"""Of the first page with all its parts and assets."""

SHIFTS = """new Promise(done => {
  const moved = [];
  const {domContentLoadedEventEnd: read} = performance.getEntriesByType("navigation")[0];
  const tell = ({node, previousRect, currentRect}) =>
    [(node?.outerHTML ?? node?.textContent ?? "").slice(0, 80), previousRect.toJSON(), currentRect.toJSON()];
  new PerformanceObserver(list => list.getEntries().filter(e => e.startTime > read)
    .forEach(e => moved.push(...e.sources.map(tell))))
    .observe({type: "layout-shift", buffered: true});
  setTimeout(() => done(moved), 100);
})"""
"""What has moved by itself since the page itself was read, from where to where."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A server with a few records of each kind."""
    installation = Installation(tmp_path_factory.mktemp("viewer") / "data").start()
    with installation.client() as client:
        for number in range(4):
            client.put(f"/api/v1/files/report {number}.pdf", content=b"x" * 2000)
            client.get(f"/api/v1/files/not there {number}")
    installation.records("event:file_uploaded")
    yield installation
    installation.stop()


def whole(page: Page) -> None:
    """Wait until the parts of the page have come."""
    expect(
        page.locator("#histogram svg.bars, #histogram > p:has-text('No records')")
    ).to_be_visible()
    expect(page.locator("#facets section").first).to_be_visible(timeout=20_000)


def query_of(page: Page) -> str:
    """The query in the address."""
    return parse_qs(urlsplit(page.url).query).get("query", [""])[0]


def test_the_parts_come_by_themselves_and_move_nothing(open_page: OpenPage) -> None:
    page = open_page("/logs", viewport=DESKTOP)
    whole(page)
    assert page.evaluate(SHIFTS) == []
    sizes = "performance.getEntriesByType('{}').map(e => e.transferSize)"
    transferred = [
        *page.evaluate(sizes.format("resource")),
        *page.evaluate(sizes.format("navigation")),
    ]
    assert len(transferred) >= 5
    assert sum(transferred) < MOST_BYTES


def test_a_part_that_cannot_be_had_says_so_and_can_be_tried_again(open_page: OpenPage) -> None:
    page = open_page("/logs/facets", allow_errors=True, viewport=DESKTOP)
    page.route("**/logs/histogram*", lambda route: route.abort(), times=1)
    page.get_by_role("link", name="The records").click()
    part = page.locator("#histogram")
    expect(part).to_contain_text("The server could not be reached.")
    expect(page.locator("#facets section").first).to_be_visible(timeout=20_000)
    part.get_by_role("button", name="Try again").click()
    expect(page.locator("svg.bars")).to_be_visible()


def test_values_are_chosen_and_refused(open_page: OpenPage) -> None:
    page = open_page("/logs?query=stream:audit", viewport=DESKTOP)
    whole(page)
    page.locator("#facets .value", has_text="file_uploaded").click()
    expect(page.locator(".pill .term")).to_have_text(["stream:audit", "event:file_uploaded"])
    expect(page.locator("#records tbody tr")).to_have_count(4)
    assert query_of(page) == "stream:audit event:file_uploaded"
    whole(page)
    page.get_by_label("Exclude event:download_failed").click()
    expect(page.locator(".pill.not .term")).to_have_text("-event:download_failed")
    page.go_back()
    expect(page.locator(".pill .term")).to_have_text(["stream:audit", "event:file_uploaded"])
    whole(page)
    page.locator("#facets summary", has_text="filename").click()
    page.locator("#facets .value", has_text="report 2.pdf").click(modifiers=["Alt"])
    expect(page.locator("#records tbody tr")).to_have_count(3)
    assert query_of(page).endswith('-filename:"report 2.pdf"')


def test_dragging_over_the_histogram_shows_that_time(open_page: OpenPage) -> None:
    page = open_page("/logs?query=event:file_uploaded&time=1h", viewport=DESKTOP)
    whole(page)
    box = page.locator("svg.bars").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 40, steps=3)
    page.mouse.up()
    expect(page.locator(".pill.when")).to_be_visible()
    wanted = parse_qs(urlsplit(page.url).query)
    assert wanted.keys() == {"query", "from", "to"}
    expect(page.locator("#records tbody tr")).to_have_count(4)
    whole(page)
    page.get_by_role("link", name="Earlier").click()
    expect(page.get_by_text("Nothing matches.")).to_be_visible()
    page.get_by_label("Span of time", exact=True).select_option("24h")
    expect(page.locator("#records tbody tr")).to_have_count(4)
    assert parse_qs(urlsplit(page.url).query).keys() == {"query", "time"}


def test_the_query_is_completed_by_keyboard(open_page: OpenPage) -> None:
    page = open_page("/logs", viewport=DESKTOP)
    page.keyboard.press("/")
    page.keyboard.type("filena")
    expect(page.locator("#choices").get_by_role("option").first).to_contain_text("filename:")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    field = page.get_by_label("Search records")
    expect(field).to_have_value("filename:")
    expect(page.get_by_role("option", name="report 3.pdf")).to_be_visible()
    assert violations(page) == []
    page.keyboard.type("rep")
    expect(page.locator("#choices").get_by_role("option")).to_have_count(4)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(field).to_have_value(re.compile(r'^filename:"report \d\.pdf" $'))
    expect(page.get_by_role("listbox")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator(".pill")).to_have_count(1)


def test_what_was_meant_is_one_click_away(open_page: OpenPage) -> None:
    page = open_page("/logs", allow_errors=True, viewport=DESKTOP)
    page.get_by_label("Search records").fill("evnt:file_uploaded")
    page.keyboard.press("Enter")
    expect(page.locator(".query-error mark")).to_have_text("evnt")
    expect(page.get_by_label("Search records")).to_be_focused()
    page.get_by_role("link", name="Search for event:file_uploaded").click()
    expect(page.locator("#records tbody tr")).to_have_count(4)


def test_records_are_walked_by_keys(open_page: OpenPage) -> None:
    page = open_page("/logs?query=event:file_uploaded", viewport=DESKTOP)
    whole(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    for key in "jjjk":
        page.keyboard.press(key)
    expect(page.locator("#records tbody tr").nth(1).locator("a")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="file_uploaded")).to_be_visible()
    expect(page.locator("dd", has_text="report 2.pdf").first).to_be_visible()
    expect(page.locator(".ago")).to_contain_text(re.compile("ago|now"))
    page.get_by_label("Without records with this filename").click()
    expect(page.locator("#records tbody tr")).to_have_count(3)
    assert query_of(page) == 'event:file_uploaded -filename:"report 2.pdf"'


def test_a_value_is_copied(open_page: OpenPage, server: Installation) -> None:
    record = server.records("event:file_uploaded")[0]
    page = open_page(f"/logs/{record['id']}", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_label("Copy sha256", exact=True).click()
    expect(page.locator("#told")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == record["sha256"]


def test_times_are_shown_in_the_readers_zone(open_page: OpenPage, server: Installation) -> None:
    page = open_page("/logs?query=event:file_uploaded", viewport=DESKTOP, timezone_id="Asia/Tokyo")
    time = page.locator("#records tbody time").first
    utc = time.inner_text()
    page.get_by_label("Time zone").select_option("local")
    expect(page.locator("#records thead")).to_contain_text("time (Asia/Tokyo)")
    assert int(time.inner_text()[11:13]) == (int(utc[11:13]) + 9) % 24
    assert "zone=local" in page.url
    # What is typed there is meant there.
    page.locator("#between summary").click()
    page.get_by_label("From").fill(time.inner_text()[:10] + "T00:00:00")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".pill.when")).to_be_visible()
    assert parse_qs(urlsplit(page.url).query)["from"][0].endswith("T15:00:00Z")
    expect(page.locator("#records tbody tr")).to_have_count(4)


def test_columns_are_chosen(open_page: OpenPage) -> None:
    page = open_page("/logs?query=event:file_uploaded", viewport=DESKTOP)
    page.locator("summary", has_text="Columns").click()
    page.get_by_label("what", exact=True).uncheck()
    page.get_by_label("file_size_bytes", exact=True).check()
    page.get_by_role("button", name="Show these").click()
    heads = ["time (UTC)", "level", "event", "user", "file_size_bytes", "ip_address"]
    expect(page.locator("#records th")).to_have_text(heads)
    expect(page.locator("#records td.file_size_bytes").first).to_have_text("2.0 kB")


def test_without_scripts_everything_is_a_link(open_page: OpenPage) -> None:
    page = open_page("/logs?query=stream:audit", java_script_enabled=False)
    page.get_by_role("link", name="Records over time").click()
    expect(page.locator("svg.bars")).to_be_visible()
    page.get_by_role("link", name="The records of stream:audit").click()
    page.get_by_role("link", name="Filter by values").click()
    page.locator(".value", has_text="file_uploaded").click()
    expect(page.locator("#records tbody tr")).to_have_count(4)
    page.get_by_label("Remove stream:audit").click()
    expect(page.locator(".pill .term")).to_have_text(["event:file_uploaded"])


@pytest.mark.parametrize(("viewport", "scheme"), LOOKS)
def test_every_state_is_accessible_and_fits(
    open_page: OpenPage, viewport: dict[str, int], scheme: str
) -> None:
    page = open_page("/logs?query=report", viewport=viewport, color_scheme=scheme)
    expect(page.locator("#histogram svg.bars")).to_be_visible()
    if viewport == DESKTOP:
        page.locator("#facets summary").first.click()
        expect(page.locator("#facets details .value").first).to_be_visible()
    page.locator(".as-table summary").click()
    assert violations(page) == []
    assert overflow(page) <= 0
    page.locator("summary", has_text="Columns").click()
    assert violations(page) == []
    assert overflow(page) <= 0
    if viewport == PHONE:
        page.get_by_role("link", name="Values").click()
        expect(page.locator(".facet .value").first).to_be_visible()
        assert violations(page) == []
        assert overflow(page) <= 0

"""Every page and state: accessible, usable by keyboard, fitting the screen, light and dark."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.conftest import OpenPage
from tests.serving import Installation

pytestmark = pytest.mark.e2e

DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 800}
LOOKS = [pytest.param(DESKTOP, "light", id="desktop"), pytest.param(PHONE, "dark", id="phone")]
if os.environ.get("STRONGROOM_SOAK"):
    LOOKS += [
        pytest.param(DESKTOP, "dark", id="desktop, dark"),
        pytest.param(PHONE, "light", id="phone, light"),
    ]
"""Width and colours; under `make soak` each width in both."""


@pytest.fixture(scope="module")
def addresses(server: Installation) -> dict[str, str]:
    """The pages and states there are, with something to show on each."""
    with server.client() as client:
        client.put("/api/v1/files/a report with quite a long name, too.pdf", content=b"x" * 5000)
        client.put("/api/v1/files/日本語の資料.txt", content=b"y")
        refused = client.put("/api/v1/files/..%2F", content=b"z")
        form = client.post("/upload", files={"file": ("told.txt", b"told")}, follow_redirects=False)
    uploaded = server.records("event:file_uploaded")[0]["id"]
    return {
        "files": "/",
        "files with a notice": form.headers["Location"],
        "logs": "/logs",
        "logs, filtered": "/logs?query=event:file_uploaded+report&time=24h",
        "logs, nothing found": "/logs?query=nothingatall",
        "logs, wrong query": "/logs?query=evnt:x",
        "record": f"/logs/{uploaded}",
        "record of a refusal": f"/logs?query=request_id:{refused.headers['X-Request-ID']}",
        "not found": "/nothing/here",
    }


STATES = [
    "files",
    "files with a notice",
    "logs",
    "logs, filtered",
    "logs, nothing found",
    "logs, wrong query",
    "record",
    "record of a refusal",
    "not found",
]


@pytest.mark.parametrize(("viewport", "scheme"), LOOKS)
@pytest.mark.parametrize("state", STATES)
def test_accessible_and_fitting(
    open_page: OpenPage,
    addresses: dict[str, str],
    state: str,
    viewport: dict[str, int],
    scheme: str,
) -> None:
    page = open_page(addresses[state], allow_errors=True, viewport=viewport, color_scheme=scheme)
    assert violations(page) == []
    assert overflow(page) <= 0


def test_the_question_before_a_deletion(open_page: OpenPage, addresses: dict[str, str]) -> None:
    page = open_page("/")
    page.get_by_role("button", name="Delete 日本語の資料.txt").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_file_is_deleted_by_keyboard_alone(open_page: OpenPage, server: Installation) -> None:
    with server.client() as client:
        client.put("/api/v1/files/by keyboard.txt", content=b"x")
    page = open_page("/")
    button = page.get_by_role("button", name="Delete by keyboard.txt")
    tab_to(page, "Delete by keyboard.txt")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#rows tr", has_text="by keyboard.txt")).to_have_count(0)


def test_records_are_searched_by_keyboard_alone(open_page: OpenPage, server: Installation) -> None:
    with server.client() as client:
        client.put("/api/v1/files/found by keyboard.txt", content=b"x")
    page = open_page("/logs")
    page.keyboard.press("/")
    expect(page.get_by_label("Search records")).to_be_focused()
    page.keyboard.type('event:file_uploaded "found by keyboard"')
    page.keyboard.press("Enter")
    rows = page.locator(".records tbody tr")
    expect(rows).to_have_count(1)
    assert "query=event%3Afile_uploaded" in page.url
    page.go_back()
    expect(page.get_by_label("Search records")).to_have_value("")


def test_filters_are_chosen_from_lists(open_page: OpenPage, server: Installation) -> None:
    with server.client() as client:
        client.get("/api/v1/files/not there")
    page = open_page("/logs")
    page.get_by_label("Filter by event").select_option("download_failed")
    expect(page.locator(".pill")).to_have_text(["event:download_failed×"])
    page.get_by_label("Filter by level").select_option("warning")
    expect(page.locator(".pill")).to_have_count(2)
    expect(page.get_by_label("Search records")).to_have_value("event:download_failed level:warning")
    expect(page.locator(".records tbody")).to_contain_text("file_not_found · not there · 404")
    page.get_by_label("Remove event:download_failed").click()
    expect(page.locator(".pill")).to_have_text(["level:warning×"])


def test_older_records_are_added_below(open_page: OpenPage, server: Installation) -> None:
    with server.client() as client:
        for _ in range(30):
            client.get("/api/v1/files")
    page = open_page("/logs?query=event:files_listed&limit=10")
    rows = page.locator(".records tbody tr:not(.more)")
    first = rows.first.inner_text()
    count = rows.count()
    page.get_by_role("link", name="Older records").click()
    expect(rows).not_to_have_count(count)
    assert rows.first.inner_text() == first
    assert len(set(rows.all_inner_texts())) == rows.count()


def test_an_upload_can_be_cancelled(
    open_page: OpenPage, server: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "cancelled.bin"
    file.write_bytes(b"x" * 20_000_000)
    page = open_page("/", allow_errors=True)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 2_000_000},
    )
    page.locator("#file").set_input_files(str(file))
    expect(page.locator(".tray .state")).to_contain_text("MB/s")
    page.get_by_role("button", name="Cancel cancelled.bin").click()
    expect(page.locator(".tray li.failed")).to_contain_text("Cancelled. Nothing was kept.")
    expect(page.locator("#rows tr", has_text="cancelled.bin")).to_have_count(0)


def test_the_list_is_whole_though_the_last_upload_fails(
    open_page: OpenPage, server: Installation, tmp_path: Path
) -> None:
    files = [tmp_path / f"stale {number}.txt" for number in range(4)]
    for file in files:
        file.write_text("content")
    with server.client() as client:
        client.put(f"/api/v1/files/{files[-1].name}", content=b"taken").raise_for_status()
    page = open_page("/", allow_errors=True)
    page.locator("#file").set_input_files([str(file) for file in files])
    expect(page.locator(".tray li.failed")).to_have_count(1)
    expect(page.locator("#rows tr", has_text="stale ")).to_have_count(4)


def violations(page: Page) -> list[str]:
    """What axe complains of, each with the first element it concerns."""
    found = Axe().run(page).response["violations"]
    return [f"{item['id']}: {item['nodes'][0]['html'][:200]}" for item in found]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the screen."""
    width: int = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return width


def tab_to(page: Page, label: str) -> None:
    """Press Tab until the element of that label has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement?.getAttribute('aria-label')") == label:
            return
    raise AssertionError(f"{label} cannot be reached by keyboard")

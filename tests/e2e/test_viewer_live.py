"""The live tail in a browser: new records come by themselves, in good time and without moving."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import OpenPage
from tests.e2e.test_usability import DESKTOP, violations
from tests.serving import Installation

pytestmark = pytest.mark.e2e

FLOOD = 205


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One that may be stopped and started again."""
    installation = Installation(tmp_path_factory.mktemp("live") / "data", workers=1).start()
    yield installation
    installation.stop()


def names(page: Page) -> list[str]:
    """What the rows of the table tell."""
    return page.locator("#records td.what").all_inner_texts()


def upload(server: Installation, *files: str) -> None:
    """Upload these."""
    with server.client() as client:
        for name in files:
            client.put(f"/api/v1/files/{name}", content=b"x").raise_for_status()


def test_what_is_new_comes_by_itself(open_page: OpenPage, server: Installation) -> None:
    upload(server, *(f"old {number}" for number in range(30)))
    page = open_page("/logs?query=event:file_uploaded", viewport=DESKTOP, allow_errors=True)
    live = page.get_by_role("button", name="Live")
    page.locator("body").press("t")
    expect(live).to_have_attribute("aria-pressed", "true")
    assert "live=1" in page.url
    upload(server, "new 1")
    rows = page.locator("#records tbody tr[data-id]")
    expect(rows).to_have_count(31)
    expect(rows.first).to_contain_text("new 1")
    expect(page.locator("#told")).to_have_text("1 new records")
    assert violations(page) == []

    # Nothing moves under somebody who reads further down.
    page.evaluate("scrollTo(0, 600)")
    upload(server, "new 2", "new 3")
    button = page.get_by_role("button", name="2 new")
    expect(button).to_be_visible()
    expect(rows).to_have_count(31)
    assert violations(page) == []
    button.click()
    expect(rows).to_have_count(33)
    assert [name.partition(" ·")[0] for name in names(page)[:3]] == ["new 3", "new 2", "new 1"]

    # It survives a restart, and what came meanwhile is not lost.
    server.stop()
    expect(page.get_by_text("The server cannot be reached")).to_be_visible()
    server.start()
    upload(server, "new 4")
    expect(rows.first).to_contain_text("new 4", timeout=20_000)
    expect(page.get_by_text("The server cannot be reached")).to_be_hidden()
    identities = [row.get_attribute("data-id") for row in rows.all()]
    assert len(identities) == len(set(identities)) == 34

    # Another search is followed as well; and by its address this one would be again.
    page.get_by_label("Remove event:file_uploaded").click()
    expect(page.locator(".pill")).to_have_count(0)
    expect(live).to_have_attribute("aria-pressed", "true")
    assert "live=1" in page.url
    live.click()
    expect(live).to_have_attribute("aria-pressed", "false")
    assert "live" not in page.url


def test_more_than_a_table_can_show_is_skipped_and_said(
    open_page: OpenPage, server: Installation
) -> None:
    page = open_page("/logs?query=event:download_failed+flood", viewport=DESKTOP)
    expect(page.get_by_text("Nothing matches.")).to_be_visible()
    with server.client() as client:
        for number in range(FLOOD):
            client.get(f"/api/v1/files/flood {number}")
    assert len(server.records("event:download_failed flood")) == FLOOD
    page.locator("body").press("t")
    expect(page.locator("#records tbody tr[data-id]")).to_have_count(200)
    expect(page.locator("[data-skipped]")).to_contain_text("5 were skipped")
    expect(page.locator("#records tbody tr").first).to_contain_text(f"flood {FLOOD - 1}")

"""A file's history in a browser: read, checked and printed, with and without scripts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from strongroom.files.blobs import key_of
from tests.e2e.conftest import OpenPage
from tests.e2e.test_usability import LOOKS, PHONE, overflow, violations
from tests.serving import Installation

pytestmark = pytest.mark.e2e

NAME = "an agreement with quite a long name, and_no_blank_in_the_rest_of_it_that_could_break_a_line.pdf"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(tmp_path_factory.mktemp("history") / "data", workers=1)
    yield installation.start()
    installation.stop()


@pytest.fixture(scope="module")
def pages(server: Installation) -> dict[str, str]:
    """A history in each state: sound, damaged, gone for good."""
    found = {}
    with server.client() as client:
        for state in ("sound", "damaged", "purged"):
            path = f"/api/v1/files/{state} {NAME}"
            file = client.put(path, content=state.encode()).json()
            client.get(path)
            client.get(path, headers={"Range": "bytes=99-"})
            found[state] = f"/files/{file['file_id']}/history"
            if state == "damaged":
                (server.data / "objects" / key_of(file["sha256"])).unlink()
                client.post(f"{found[state]}/check")
            if state == "purged":
                client.delete(path).raise_for_status()
                client.delete(f"/api/v1/trash/{file['file_id']}").raise_for_status()
    return found


@pytest.mark.parametrize(("viewport", "scheme"), LOOKS)
@pytest.mark.parametrize("state", ["sound", "damaged", "purged"])
def test_accessible_and_fitting(
    open_page: OpenPage,
    pages: dict[str, str],
    state: str,
    viewport: dict[str, int],
    scheme: str,
) -> None:
    page = open_page(f"{pages[state]}?looks=1", viewport=viewport, color_scheme=scheme)
    expect(page.get_by_role("heading", level=1)).to_contain_text(NAME)
    expect(page.locator(".line li")).not_to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(1 if state == "damaged" else 0)
    assert violations(page) == []
    assert overflow(page) <= 0


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_bytes_are_checked(
    open_page: OpenPage,
    server: Installation,
    scripts: bool,  # a parameter of the test
) -> None:
    with server.client() as client:
        file = client.put(f"/api/v1/files/checked {scripts}.bin", content=b"x" * 9_000_000).json()
    page = open_page("/", java_script_enabled=scripts)
    page.goto(f"/files/{file['file_id']}/history")
    expect(page.locator(".health")).to_contain_text("not read since it was stored")
    page.get_by_role("button", name="Check now").click()
    expect(page.locator(".health")).to_contain_text("matched when it was read")
    expect(page.locator(".did").first).to_contain_text("Stored bytes match")
    expect(page.get_by_role("button", name="Print")).to_have_count(1 if scripts else 0)


def test_it_is_reached_from_the_list(open_page: OpenPage, server: Installation) -> None:
    with server.client() as client:
        client.put("/api/v1/files/listed.txt", content=b"x").raise_for_status()
    page = open_page("/", viewport=PHONE)
    page.get_by_role("button", name="More for listed.txt").click()
    page.get_by_role("link", name="History", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("listed.txt")
    expect(page.locator(".did")).to_have_text(["Uploaded"])


def test_on_paper(open_page: OpenPage, pages: dict[str, str]) -> None:
    """No controls, room to sign, and pages of A4."""
    page = open_page(pages["sound"], color_scheme="dark")
    expect(page.locator(".sign")).to_be_hidden()
    page.emulate_media(media="print")
    expect(page.locator(".sign")).to_be_visible()
    expect(page.locator(".sign")).to_contain_text("root hash")
    for control in (".bar", ".acts", ".contents form"):
        expect(page.locator(control)).to_be_hidden()
    expect(page.locator(".proof .id").first).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    printed = page.pdf(prefer_css_page_size=True)
    assert b"/MediaBox [0 0 594" in printed or b"/MediaBox [0 0 595" in printed

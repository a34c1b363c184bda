"""Lists longer than the window, and small ones on a phone: what was told and what can be done is in reach."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.e2e.conftest import OpenPage
from tests.e2e.test_folders import act, names, row
from tests.e2e.test_usability import PHONE, overflow, violations
from tests.serving import Installation

pytestmark = pytest.mark.e2e

COUNT = 60
PAGE = 200
"""Rows of the trash, and versions, that one page shows."""
TOUCHED = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
SIZES = pytest.mark.parametrize("look", [{}, TOUCHED], ids=["desktop", "phone"])


@pytest.fixture(scope="module")
def shelf(server: Installation) -> str:
    """The path of a folder with more files than a window shows."""
    with server.client() as client:
        for number in range(COUNT):
            address = f"/api/v1/files/long shelf/number {number:02}.txt"
            client.put(address, content=b"x" * number).raise_for_status()
        client.put("/api/v1/folders/long shelf/away").raise_for_status()
    return "/long shelf"


def address(shelf: str, **more: str) -> str:
    return f"/files?folder={quote(shelf)}" + "".join(f"&{key}={more[key]}" for key in more)


def to_the_end(page: Page) -> None:
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")


@SIZES
def test_undo_is_in_sight_wherever_one_is(
    open_page: OpenPage, shelf: str, look: dict[str, object]
) -> None:
    page = open_page(address(shelf, sort="name"), **look)
    to_the_end(page)
    page.get_by_role("button", name="Delete number 59.txt").click()
    page.get_by_role("button", name="Move to the trash").locator("visible=true").click()
    undo = page.locator("#notices").get_by_role("button", name="Undo")
    expect(undo).to_be_in_viewport()
    undo.click()
    expect(row(page, "number 59.txt")).to_be_visible()
    expect(page.locator("th[aria-sort]")).to_have_text("name")
    page.locator("#notices").get_by_role("button", name="Dismiss").click()
    expect(page.locator("#notices .notice")).to_have_count(0)


@SIZES
def test_why_a_name_was_refused_is_beside_its_field(
    open_page: OpenPage, shelf: str, look: dict[str, object]
) -> None:
    page = open_page(address(shelf, sort="name"), allow_errors=True, **look)
    act(page, "number 50.txt", "Rename")
    field = page.get_by_label("New name of number 50.txt")
    field.fill("number 51.txt")
    page.keyboard.press("Enter")
    said = page.locator("form.rename .notice")
    expect(said).to_contain_text("already")
    expect(said).to_be_in_viewport()
    expect(field).to_be_in_viewport(ratio=1)
    icon = page.locator("tr:has(form.rename) .icon").first
    assert icon.bounding_box()["x"] < field.bounding_box()["x"]  # type: ignore[index]
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(row(page, "number 50.txt")).to_be_visible()


def test_what_is_selected_stays_below_what_was_told(open_page: OpenPage, shelf: str) -> None:
    page = open_page(address(shelf, sort="name"))
    to_the_end(page)
    page.get_by_role("button", name="Delete number 58.txt").click()
    page.get_by_role("button", name="Move to the trash").locator("visible=true").click()
    notice = page.locator("#notices .notice")
    expect(notice).to_be_in_viewport()
    page.get_by_label("Select number 57.txt").check()
    selected = page.locator("#selected")
    expect(selected).to_be_in_viewport(ratio=1)
    above, below = notice.bounding_box(), selected.bounding_box()
    assert above is not None
    assert below is not None
    assert above["y"] + above["height"] <= below["y"]
    page.get_by_role("button", name="Undo").click()
    expect(row(page, "number 58.txt")).to_be_visible()


def test_a_search_stays_one(open_page: OpenPage, shelf: str) -> None:
    page = open_page(address("/", sort="name"))
    page.get_by_label("Find a file").fill("number 4")
    page.keyboard.press("Enter")
    expect(page.locator("#total")).to_have_text("10 found")
    expect(page.locator("th a")).to_have_count(0)  # what was found has an order of its own
    page.get_by_role("button", name="Delete number 44.txt").click()
    page.get_by_role("button", name="Move to the trash").locator("visible=true").click()
    expect(row(page, "number 44.txt")).to_have_count(0)
    expect(page.locator("#total")).to_have_text("")
    page.locator("#notices").get_by_role("button", name="Undo").click()
    expect(row(page, "number 44.txt")).to_be_visible()
    expect(page.get_by_label("Find a file")).to_have_value("number 4")
    assert "number 50.txt" not in names(page)
    page.get_by_role("link", name="Clear").click()
    expect(page.get_by_label("Find a file")).to_have_value("")
    expect(page.locator("th[aria-sort]")).to_have_text("name")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_the_order_stays_through_what_is_done(
    open_page: OpenPage, shelf: str, scripts: bool
) -> None:
    page = open_page(address(shelf, sort="size"), java_script_enabled=scripts)
    name = f"made {scripts}"
    page.get_by_role("link", name="New folder").click()
    page.get_by_label("Name").fill(name)
    page.keyboard.press("Enter")
    expect(row(page, name)).to_be_visible()
    expect(page.locator("th[aria-sort]")).to_have_text("size")
    act(page, name, "Move")
    page.locator(".walk").get_by_role("link", name="away").click()
    page.get_by_role("button", name="Move to away").click()
    expect(row(page, name)).to_have_count(0)
    expect(page.locator("th[aria-sort]")).to_have_text("size")


def test_nothing_is_moved_to_where_it_is(open_page: OpenPage, shelf: str) -> None:
    page = open_page(address(shelf))
    act(page, "number 07.txt", "Move")
    button = page.get_by_role("button", name="Move to long shelf")
    expect(button).to_be_disabled()
    page.get_by_role("dialog").get_by_role("link", name="All files").click()
    expect(page.get_by_role("button", name="Move to All files")).to_be_enabled()


def test_a_phone_sorts_and_selects_all(open_page: OpenPage, shelf: str) -> None:
    page = open_page(address(shelf), **TOUCHED)
    page.get_by_role("link", name="name", exact=True).click()
    expect(page.locator("th[aria-sort]")).to_have_text("name")
    page.get_by_label("Select all").check()
    expect(page.locator("#selected")).to_contain_text("61 selected")
    shown = row(page, "number 20.txt")
    expect(shown.locator("time")).to_be_visible()
    assert violations(page) == []
    assert overflow(page) <= 0


def test_a_finger_hits_what_it_is_meant_to(open_page: OpenPage, shelf: str) -> None:
    page = open_page(address(shelf, sort="name"), **TOUCHED)
    expect(page.locator(".drop .choose").first).to_be_visible()
    expect(page.get_by_text("Drop files or folders here")).to_be_hidden()
    small = page.evaluate(
        """() => [...document.querySelectorAll("#main :is(button, .btn, .pick label, th a, .choose)")]
            .filter((one) => one.checkVisibility())
            .map((one) => [one.getBoundingClientRect(), one.outerHTML.slice(0, 120)])
            .filter(([box]) => box.width > 0 && box.height < 43.5)
            .map(([box, html]) => `${box.width} × ${box.height}: ${html}`)"""
    )
    assert small == []


def test_the_end_of_the_list_can_be_seen_beside_the_tray(open_page: OpenPage, shelf: str) -> None:
    page = open_page(address(shelf, sort="name"), **TOUCHED)
    chosen: list[FilePayload] = [
        {"name": f"{number}.bin", "mimeType": "text/plain", "buffer": b"x"} for number in range(5)
    ]
    page.set_input_files("#file", chosen)
    expect(page.locator(".tray h2")).to_have_text("5 stored")
    expect(page.locator("#rows tr")).to_have_count(COUNT + 6)
    to_the_end(page)
    last, tray = page.locator("#rows tr").last.bounding_box(), page.locator("#tray").bounding_box()
    assert last is not None
    assert tray is not None
    assert last["y"] + last["height"] <= tray["y"]


@pytest.fixture(scope="module")
def long_past(server: Installation) -> str:
    """The id of a file with one version more than a page shows; as many files are in the trash."""
    folder = "/api/v1/files/past"
    with server.client() as client:
        stored = client.put(f"{folder}/kept.txt", content=b"the first").raise_for_status()
        tag = stored.headers["ETag"]
        for number in range(PAGE + 1):
            client.put(f"{folder}/gone {number}.txt", content=b"x").raise_for_status()
            client.delete(f"{folder}/gone {number}.txt").raise_for_status()
            content, condition = str(number).encode(), {"If-Match": tag}
            replaced = client.put(f"{folder}/kept.txt", content=content, headers=condition)
            tag = replaced.raise_for_status().headers["ETag"]
    return str(stored.json()["file_id"])


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
@pytest.mark.parametrize("path", ["/trash", "/files/{}/versions"], ids=["trash", "versions"])
def test_more_of_what_was(open_page: OpenPage, long_past: str, path: str, *, scripts: bool) -> None:
    """The next page takes the place of the row that offers it; nothing comes twice."""
    page = open_page(path.format(long_past), java_script_enabled=scripts)
    shown = page.locator("#main tbody tr:not(.more)")
    expect(shown).to_have_count(PAGE)
    seen = set(shown.all_inner_texts())
    page.get_by_role("link", name="More", exact=True).click()
    if scripts:
        expect(shown.nth(PAGE)).to_be_visible()
        assert violations(page) == []
    else:
        expect(shown.nth(PAGE - 1)).to_have_count(0)
        assert not set(shown.all_inner_texts()) & seen
    expect(page.get_by_role("link", name="More", exact=True)).to_have_count(0)

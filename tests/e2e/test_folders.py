"""Folders in a real browser: walking, renaming, moving, deleting and undoing, with and without scripts."""

from __future__ import annotations

import re
from urllib.parse import quote
from zipfile import ZipFile

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import OpenPage
from tests.e2e.test_usability import LOOKS, overflow, violations
from tests.serving import Installation

pytestmark = pytest.mark.e2e

BOTH = pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])


@pytest.fixture
def folder(server: Installation, request: pytest.FixtureRequest) -> str:
    """A folder of this test's own, with three files and a folder in it; the address of its page."""
    name = re.sub(r"\W+", "-", request.node.name)
    with server.client() as client:
        for path in ("one.txt", "two.txt", "three.txt", "inner/deep.txt"):
            client.put(f"/api/v1/files/{name}/{path}", content=path.encode()).raise_for_status()
    return f"/files?folder=/{quote(name)}"


def row(page: Page, name: str) -> Locator:
    return page.locator("#rows tr").filter(has=page.get_by_role("link", name=name, exact=True))


def act(page: Page, name: str, action: str) -> None:
    """Choose something from the menu of a row."""
    page.get_by_role("button", name=f"More for {name}", exact=True).click()
    page.get_by_role("link", name=action, exact=True).locator("visible=true").click()


def names(page: Page) -> list[str]:
    return page.locator("#rows .name a").all_inner_texts()


@BOTH
def test_folders_are_walked_down_and_up(open_page: OpenPage, folder: str, scripts: bool) -> None:
    page = open_page(folder, java_script_enabled=scripts)
    page.get_by_role("link", name="inner", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("inner")
    assert names(page) == ["deep.txt"]
    page.get_by_role("navigation", name="Folders").get_by_role("link").last.click()
    expect(row(page, "one.txt")).to_be_visible()
    page.go_back()
    expect(row(page, "deep.txt")).to_be_visible()
    page.get_by_role("link", name="All files").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("All files")


@BOTH
def test_sorted_by_name_and_size(open_page: OpenPage, folder: str, scripts: bool) -> None:
    page = open_page(folder, java_script_enabled=scripts)
    page.get_by_role("link", name="name", exact=True).click()
    heads = page.locator("th[aria-sort]")
    expect(heads).to_have_attribute("aria-sort", "ascending")
    assert names(page) == ["inner", "one.txt", "three.txt", "two.txt"]
    page.get_by_role("link", name="size", exact=True).click()
    expect(heads).to_have_attribute("aria-sort", "descending")
    assert names(page)[:2] == ["inner", "three.txt"]


@BOTH
def test_a_file_is_found_below(open_page: OpenPage, folder: str, scripts: bool) -> None:
    page = open_page(folder, java_script_enabled=scripts)
    page.get_by_label("Find a file").fill("deep")
    page.keyboard.press("Enter")
    expect(row(page, "deep.txt")).to_contain_text("inner")
    expect(page.locator("#rows tr")).to_have_count(1)
    page.get_by_label("Find a file").fill("nowhere to be found")
    page.keyboard.press("Enter")
    expect(page.locator(".empty")).to_contain_text("Nothing found")


@BOTH
def test_a_new_folder(open_page: OpenPage, folder: str, scripts: bool) -> None:
    page = open_page(folder, java_script_enabled=scripts, allow_errors=True)
    page.get_by_role("link", name="New folder").click()
    page.get_by_label("Name").fill("inner")
    page.keyboard.press("Enter")
    expect(page.get_by_text("There is a folder called “inner” already")).to_be_visible()
    if not scripts:
        page.go_back()
    page.get_by_label("Name").fill("brand new")
    page.keyboard.press("Enter")
    expect(row(page, "brand new")).to_contain_text("0 items")


def test_renaming_in_place(open_page: OpenPage, server: Installation, folder: str) -> None:
    page = open_page(folder)
    act(page, "one.txt", "Rename")
    field = page.get_by_label("New name of one.txt")
    expect(field).to_be_focused()
    assert violations(page) == []
    page.keyboard.type("uno")  # the ending is not selected
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="one.txt", exact=True)).to_be_focused()
    act(page, "one.txt", "Rename")
    page.keyboard.type("uno")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="uno.txt", exact=True)).to_be_focused()
    record = server.records("event:file_renamed")[0]
    assert (record["previous_filename"], record["filename"]) == ("one.txt", "uno.txt")
    act(page, "inner", "Rename")
    page.keyboard.type("outer")
    page.keyboard.press("Enter")
    expect(row(page, "outer")).to_be_visible()


def test_a_name_that_is_taken_stays(open_page: OpenPage, folder: str) -> None:
    page = open_page(folder, allow_errors=True)
    act(page, "one.txt", "Rename")
    page.get_by_label("New name of one.txt").fill("two.txt")
    page.keyboard.press("Enter")
    said = page.locator("form.rename")  # beside the field, not where nobody looks
    expect(said).to_contain_text("There is a file called “two.txt” already")
    expect(said).not_to_contain_text("Replace")
    expect(page.get_by_label("New name of one.txt")).to_be_focused()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(row(page, "one.txt")).to_be_visible()


def test_renaming_without_scripts(open_page: OpenPage, folder: str) -> None:
    page = open_page(folder, java_script_enabled=False)
    act(page, "one.txt", "Rename")
    page.get_by_label("New name").fill("eins.txt")
    page.get_by_role("button", name="Rename").click()
    expect(row(page, "eins.txt")).to_be_visible()


@BOTH
def test_moving_by_walking(
    open_page: OpenPage, server: Installation, folder: str, scripts: bool
) -> None:
    page = open_page(folder, java_script_enabled=scripts)
    page.get_by_label("Select one.txt").check()
    page.get_by_label("Select two.txt").check()
    page.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_role("heading", name="Move 2 items")).to_be_visible()
    if scripts:
        assert violations(page) == []
    page.locator(".walk").get_by_role("link", name="inner").click()
    page.get_by_role("button", name="Move to inner").click()
    expect(row(page, "one.txt")).to_have_count(0)
    page.goto(f"{folder}/inner")
    assert sorted(names(page)) == ["deep.txt", "one.txt", "two.txt"]
    assert len(server.records("event:file_moved")) >= 2


@BOTH
def test_a_deletion_is_undone(
    open_page: OpenPage, server: Installation, folder: str, scripts: bool
) -> None:
    page = open_page(folder, java_script_enabled=scripts)
    page.get_by_role("button", name="Delete inner", exact=True).click()
    page.get_by_role("button", name="Move to the trash").locator("visible=true").click()
    expect(row(page, "inner")).to_have_count(0)
    page.locator("#notices").get_by_role("button", name="Undo").click()
    expect(row(page, "inner")).to_be_visible()
    assert server.records("event:folder_restored")[0]["count"] == 1


@BOTH
def test_several_are_deleted_at_once(open_page: OpenPage, folder: str, scripts: bool) -> None:
    page = open_page(folder, java_script_enabled=scripts)
    page.get_by_label("Select one.txt").check()
    page.get_by_label("Select inner").check()
    if scripts:
        expect(page.locator("#selected")).to_contain_text("2 selected")
        assert violations(page) == []
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Move to the trash").locator("visible=true").click()
    expect(page.locator("#rows tr")).to_have_count(2)
    expect(page.locator("#notices")).to_contain_text("one.txt")


def test_a_range_is_selected_with_shift(open_page: OpenPage, folder: str) -> None:
    page = open_page(folder)
    boxes = page.locator("#rows input[type=checkbox]")
    expect(page.locator("#selected")).to_be_hidden()
    boxes.nth(1).click()
    boxes.nth(3).click(modifiers=["Shift"])
    expect(page.locator("#selected")).to_contain_text("3 selected")
    page.get_by_label("Select all").click()
    expect(page.locator("#selected")).to_contain_text("4 selected")
    page.get_by_role("button", name="Select nothing").click()
    expect(page.locator("#selected")).to_be_hidden()


@BOTH
def test_what_is_selected_is_downloaded_as_one(
    open_page: OpenPage, folder: str, scripts: bool
) -> None:
    page = open_page(folder, java_script_enabled=scripts)
    page.get_by_label("Select one.txt").check()
    page.get_by_label("Select inner").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as zip").click()
    assert download.value.suggested_filename.endswith(".zip")


def test_nothing_selected_and_no_scripts(
    open_page: OpenPage, server: Installation, folder: str
) -> None:
    page = open_page(folder, java_script_enabled=False, allow_errors=True)
    before = len(server.records("event:file_downloaded"))
    page.get_by_role("button", name="Download as zip").click()
    expect(page.locator("#main")).to_contain_text("Nothing was chosen to download")
    assert len(server.records("event:file_downloaded")) == before


@BOTH
def test_all_of_a_folder_has_a_link_of_its_own(
    open_page: OpenPage, folder: str, scripts: bool
) -> None:
    page = open_page(folder, java_script_enabled=scripts)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all").click()
    with ZipFile(download.value.path()) as opened:
        assert {name.partition("/")[2] for name in opened.namelist()} == {
            "", "one.txt", "two.txt", "three.txt", "inner/", "inner/deep.txt"
        }  # fmt: skip


@BOTH
def test_a_notice_stays_where_it_belongs_and_is_shown_once(
    open_page: OpenPage, folder: str, scripts: bool
) -> None:
    page = open_page(folder, java_script_enabled=scripts)
    page.get_by_role("button", name="Delete one.txt", exact=True).click()
    page.get_by_role("button", name="Move to the trash").locator("visible=true").click()
    expect(page.locator("#notices")).to_contain_text("one.txt is in the trash")
    page.get_by_role("link", name="inner", exact=True).click()
    expect(row(page, "deep.txt")).to_be_visible()
    expect(page.locator("#notices .notice")).to_have_count(0)
    page.get_by_role("navigation", name="Folders").get_by_role("link").last.click()
    expect(row(page, "two.txt")).to_be_visible()
    expect(page.locator("#notices .notice")).to_have_count(0)


def test_a_notice_is_not_shown_again_by_a_reload(
    open_page: OpenPage, server: Installation, folder: str
) -> None:
    with server.client() as client:
        form = {"folder": "/" + folder.partition("=/")[2], "name": "brand new"}
        made = client.post("/folders", data=form, headers={"Accept": "text/html"})
    page = open_page(made.headers["Location"])
    expect(page.locator("#notices")).to_contain_text("There is a new folder brand new")
    page.reload()
    expect(row(page, "brand new")).to_be_visible()
    expect(page.locator("#notices .notice")).to_have_count(0)


@BOTH
def test_the_trash(open_page: OpenPage, server: Installation, scripts: bool) -> None:
    back, gone = f"back {scripts}.txt", f"gone {scripts}.txt"
    with server.client() as client:
        for name in (back, gone):
            client.put(f"/api/v1/files/{name}", content=b"x").raise_for_status()
            client.delete(f"/api/v1/files/{name}").raise_for_status()
    page = open_page("/", java_script_enabled=scripts)
    page.get_by_role("link", name=re.compile("^Trash")).click()
    page.get_by_role("button", name=f"Restore {back}").click()
    expect(page.get_by_role("button", name=f"Restore {back}")).to_have_count(0)
    page.get_by_role("button", name=f"Delete {gone} for good").click()
    page.get_by_role("button", name="Delete for good").locator("visible=true").click()
    expect(page.get_by_role("button", name=f"Restore {gone}")).to_have_count(0)
    page.get_by_role("link", name="All files").click()
    expect(row(page, back)).to_be_visible()


@BOTH
def test_an_older_version_is_made_current(
    open_page: OpenPage, server: Installation, folder: str, scripts: bool
) -> None:
    path = f"/api/v1/files/{folder.partition('=/')[2]}/one.txt"
    with server.client() as client:
        tag = client.head(path).headers["ETag"]
        client.put(path, content=b"second", headers={"If-Match": tag}).raise_for_status()
    page = open_page(folder, java_script_enabled=scripts)
    act(page, "one.txt", "Versions")
    expect(page.get_by_role("heading", level=1)).to_have_text("Versions of one.txt")
    page.get_by_role("button", name="Make current").click()
    expect(page.get_by_text("has that content again")).to_be_visible()
    expect(page.locator("tbody tr").first).to_contain_text("7 B")
    with server.client() as client:
        assert client.get(path).content == b"one.txt"


STATES = [
    "root",
    "folder",
    "empty folder",
    "nothing found",
    "trash",
    "versions",
    "new folder",
    "move",
]


@pytest.mark.parametrize(("viewport", "scheme"), LOOKS)
@pytest.mark.parametrize("state", STATES)
def test_accessible_and_fitting(
    open_page: OpenPage,
    folder: str,
    state: str,
    viewport: dict[str, int],
    scheme: str,
) -> None:
    page = open_page(folder, allow_errors=True, viewport=viewport, color_scheme=scheme)
    reach(page, state)
    assert violations(page) == []
    assert overflow(page) <= 0


def reach(page: Page, state: str) -> None:
    """Bring the page of a folder into a state."""
    if state == "root":
        page.goto("/")
    elif state == "empty folder":
        page.get_by_role("link", name="New folder").click()
        page.get_by_label("Name").fill("empty")
        page.keyboard.press("Enter")
        page.get_by_role("link", name="empty", exact=True).click()
        expect(page.locator(".empty")).to_be_visible()
    elif state == "nothing found":
        page.get_by_label("Find a file").fill("nowhere to be found")
        page.keyboard.press("Enter")
        expect(page.locator(".empty")).to_be_visible()
    elif state == "trash":
        page.get_by_role("link", name=re.compile("^Trash")).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Trash")
    elif state == "versions":
        act(page, "one.txt", "Versions")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Versions of")
    elif state == "new folder":
        page.get_by_role("link", name="New folder").click()
        expect(page.get_by_role("dialog")).to_be_visible()
    elif state == "move":
        act(page, "one.txt", "Move")
        expect(page.get_by_role("dialog")).to_be_visible()

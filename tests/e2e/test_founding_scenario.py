"""The founding scenario: upload, list, download, delete, and find every act under Logs."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import OpenPage
from tests.serving import Installation

pytestmark = pytest.mark.e2e

FOUNDING_FIELDS = {
    "timestamp",
    "level",
    "event",
    "filename",
    "file_size_bytes",
    "content_type",
    "ip_address",
    "user_agent",
}


@pytest.fixture
def example(tmp_path: Path) -> Path:
    path = tmp_path / "example.txt"
    path.write_bytes(random.Random(7).randbytes(12_345))
    return path


def choose(page: Page, *files: Path) -> None:
    page.locator("#file").set_input_files([str(file) for file in files])


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_the_life_of_a_file(
    open_page: OpenPage, server: Installation, example: Path, scripts: bool
) -> None:
    page = open_page("/", java_script_enabled=scripts)
    choose(page, example)
    if not scripts:
        page.get_by_role("button", name="Upload").click()
    listed = page.locator("#rows tr", has_text="example.txt")
    expect(listed).to_have_count(1)
    expect(listed).to_contain_text("12.3 kB")

    with page.expect_download() as download:
        listed.get_by_role("link", name="example.txt", exact=True).click()
    assert Path(download.value.path()).read_bytes() == example.read_bytes()
    assert download.value.suggested_filename == "example.txt"

    listed.get_by_role("button", name="Delete example.txt").click()
    page.get_by_role("button", name="Move to the trash").click()
    expect(page.locator("#rows tr", has_text="example.txt")).to_have_count(0)
    expect(page.locator("#notices")).to_contain_text("example.txt is in the trash")

    for event in ("file_uploaded", "file_downloaded", "file_deleted"):
        record = server.records(f"event:{event}")[0]
        assert record.keys() >= FOUNDING_FIELDS, event
        assert record["filename"] == "example.txt"
        assert record["file_size_bytes"] == 12_345
        assert record["content_type"] == "text/plain"
        assert record["level"] == "info"
        assert record["ip_address"] == "127.0.0.1"
        assert "Mozilla" in record["user_agent"]
    listing = server.records("event:files_listed")[0]
    assert listing.keys() >= {"timestamp", "level", "event", "folder", "count", "user_agent"}


def test_the_logs_show_it(open_page: OpenPage, server: Installation) -> None:
    with server.client() as client:
        client.put("/api/v1/files/shown in the logs.txt", content=b"x").raise_for_status()
    page = open_page("/logs")
    page.get_by_label("Search records").fill('event:file_uploaded "shown in the logs"')
    page.get_by_role("button", name="Search").click()
    rows = page.locator(".records tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("shown in the logs.txt · 1 B")
    rows.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("file_uploaded")
    related = page.get_by_role("complementary", name="The same request").get_by_role("listitem")
    expect(related).to_have_count(3)
    expect(related.nth(2)).to_contain_text("response")
    related.nth(2).get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("response")


def test_refusals_are_told_in_the_tray(open_page: OpenPage, tmp_path: Path) -> None:
    file = tmp_path / "twice.txt"
    file.write_text("first")
    page = open_page("/", allow_errors=True)
    choose(page, file)
    expect(page.locator(".tray li.done")).to_have_count(1)
    file.write_text("other content; the same would be known and left alone")
    choose(page, file)
    failed = page.locator(".tray li.failed")
    expect(failed).to_contain_text("There is a file called “twice.txt” already")
    failed.get_by_role("link", name="receipt").click()
    expect(page.locator(".records")).to_contain_text("upload_failed")
    expect(page.locator(".records")).to_contain_text("filename_taken · twice.txt")


def test_many_files_at_once(open_page: OpenPage, tmp_path: Path) -> None:
    files = [tmp_path / f"many {number}.bin" for number in range(8)]
    for file in files:
        file.write_bytes(b"x" * 100_000)
    page = open_page("/")
    choose(page, *files)
    expect(page.locator(".tray h2")).to_contain_text("8 stored")
    expect(page.locator("#rows tr", has_text="many ")).to_have_count(8)
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#tray")).to_be_hidden()


def test_files_can_be_dropped_on_the_page(open_page: OpenPage) -> None:
    page = open_page("/")
    transfer = page.evaluate_handle(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File(["dropped content"], "dropped.txt", {type: "text/plain"}));
            return transfer;
        }"""
    )
    page.dispatch_event("body", "dragenter", {"dataTransfer": transfer})
    expect(page.locator("#upload")).to_have_class("drop over")
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})
    expect(page.locator("#rows tr", has_text="dropped.txt")).to_contain_text("15 B")


@pytest.mark.parametrize("name", ["日本語.txt", "中文.txt", "a b.txt", "100%.txt", "<b>&amp;.txt"])
def test_any_name_lives_its_whole_life(open_page: OpenPage, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(f"content of {name}")
    page = open_page("/")
    choose(page, file)
    listed = page.locator("#rows tr", has_text=name)
    expect(listed).to_have_count(1)
    with page.expect_download() as download:
        listed.get_by_role("link", name=name, exact=True).click()
    assert download.value.suggested_filename == name.replace("<b>", "_b_")
    assert Path(download.value.path()).read_text() == f"content of {name}"
    listed.get_by_role("button", name=f"Delete {name}").click()
    page.get_by_role("button", name="Move to the trash").click()
    expect(listed).to_have_count(0)

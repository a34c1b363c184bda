"""Uploads in a real browser: folders, breaks and resumption, names that are taken, sessions that end."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from tests.e2e.cable import Cable
from tests.e2e.conftest import OpenPage
from tests.e2e.test_usability import violations
from tests.serving import Installation

pytestmark = pytest.mark.e2e

SIZE = 12_000_000
RATE = 3_000_000

OpenSlowly = Callable[[], Page]


@pytest.fixture
def cable(server: Installation) -> Iterator[Cable]:
    """A slow way to the server that can be cut."""
    cable = Cable(server.port, rate=RATE)
    yield cable
    cable.close()


@pytest.fixture
def open_slowly(browser: Browser, cable: Cable) -> Iterator[OpenSlowly]:
    """Opens the page of files over the cable. A leaving page asks, and is let go."""
    contexts = []

    def open_page() -> Page:
        context = browser.new_context(base_url=cable.url)
        contexts.append(context)
        page = context.new_page()
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto("/")
        return page

    yield open_page
    for context in contexts:
        context.close()


def noise(path: Path, size: int = SIZE) -> str:
    """Write a file that nothing could guess; its SHA-256."""
    content = random.Random(path.name).randbytes(size)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def choose(page: Page, *files: Path) -> None:
    page.locator("#file").set_input_files([str(file) for file in files])


def drop(page: Page, *paths: Path) -> None:
    """Drop files or folders, as the desktop would do it."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        where = {"type": kind, "x": 300, "y": 300}
        session.send("Input.dispatchDragEvent", {**where, "data": data})


def stored_digest(server: Installation, path: str) -> str:
    with server.client() as client:
        return hashlib.sha256(client.get(f"/api/v1/files/{quote(path)}").read()).hexdigest()


def events(server: Installation, name: str) -> list[str]:
    """The events that concern a file of that name, oldest first."""
    found = server.records(f'filename:"{name}"')[::-1]
    return [record["event"] for record in found if record["stream"] == "audit"]


def eventually(holds: Callable[[], bool], within: float = 10.0) -> None:
    """Wait for what the page does not show."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_dropped_folder_keeps_its_shape(
    open_page: OpenPage, server: Installation, tmp_path: Path
) -> None:
    folder = tmp_path / "dropped folder"
    (folder / "a" / "日本").mkdir(parents=True)
    wanted = {
        name: noise(folder / name, 1000) for name in ("top.bin", "a/inner.bin", "a/日本/deep.bin")
    }
    page = open_page("/")
    drop(page, folder)
    expect(page.locator(".tray h2")).to_have_text("3 stored")
    for name, digest in wanted.items():
        assert stored_digest(server, f"dropped folder/{name}") == digest
    page.get_by_role("link", name="dropped folder", exact=True).click()
    expect(page.get_by_role("link", name="top.bin", exact=True)).to_be_visible()
    page.get_by_role("link", name="a", exact=True).click()
    expect(page.get_by_role("link", name="inner.bin", exact=True)).to_be_visible()


def test_a_chosen_folder_goes_into_the_folder_that_is_shown(
    open_page: OpenPage, server: Installation, tmp_path: Path
) -> None:
    with server.client() as client:
        client.put("/api/v1/files/shown/there.txt", content=b"x").raise_for_status()
    (tmp_path / "chosen").mkdir()
    digest = noise(tmp_path / "chosen" / "file.bin", 1000)
    page = open_page("/")
    page.get_by_role("link", name="shown", exact=True).click()
    expect(page.get_by_role("heading", name="shown")).to_be_visible()
    page.locator("#whole-folder").set_input_files(str(tmp_path / "chosen"))
    expect(page.get_by_role("link", name="chosen", exact=True)).to_be_visible()
    assert stored_digest(server, "shown/chosen/file.bin") == digest


def test_cut_reloaded_and_chosen_again_an_upload_resumes_to_the_right_hash(
    open_slowly: OpenSlowly, cable: Cable, server: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "resumed.bin"
    digest = noise(file)
    page = open_slowly()
    choose(page, file)
    expect(page.locator(".tray li .state")).to_contain_text("MB/s")
    page.wait_for_timeout(1000)
    cable.cut()
    expect(page.locator(".tray li .state")).to_contain_text("connection lost, resuming at")
    cable.mend()
    page.reload()
    expect(page.locator(".tray li")).to_contain_text("arrived, for /")
    choose(page, file)
    expect(page.locator(".tray h2")).to_have_text("1 stored", timeout=30_000)
    assert stored_digest(server, file.name) == digest
    assert events(server, file.name)[:3] == ["upload_started", "upload_resumed", "file_uploaded"]
    resumed = server.records(f'event:upload_resumed filename:"{file.name}"')[0]
    assert 0 < resumed["bytes_in"] < SIZE
    page.reload()
    expect(page.locator("#rows tr", has_text=file.name)).to_be_visible()
    expect(page.locator("#tray")).to_be_hidden()


def test_an_upload_survives_a_lost_connection_by_itself(
    open_slowly: OpenSlowly, cable: Cable, server: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "survivor.bin"
    digest = noise(file)
    page = open_slowly()
    choose(page, file)
    expect(page.locator(".tray li .state")).to_contain_text("MB/s")
    cable.cut()
    expect(page.locator(".tray li .state")).to_contain_text("retry in")
    cable.mend()
    expect(page.locator(".tray h2")).to_have_text("1 stored", timeout=30_000)
    assert stored_digest(server, file.name) == digest
    assert events(server, file.name).count("file_uploaded") == 1


def test_a_cut_line_has_no_speed(
    open_slowly: OpenSlowly, cable: Cable, server: Installation, tmp_path: Path
) -> None:
    files = [tmp_path / f"of two {number}.bin" for number in range(2)]
    for file in files:
        noise(file)
    page = open_slowly()
    choose(page, *files)
    left = page.locator('.tray [data-part="left"]')
    expect(left).to_contain_text("left")
    cable.cut()
    lost = page.locator(".tray li", has_text="connection lost")
    expect(lost).to_have_count(2, timeout=20_000)
    expect(left).to_have_text("")
    expect(page.locator('.tray [data-part="sum"]')).not_to_contain_text("/s")
    cable.mend()
    expect(page.locator(".tray h2")).to_have_text("2 stored", timeout=60_000)


def test_a_retry_does_not_wait_once_the_network_is_back(
    open_slowly: OpenSlowly, cable: Cable, server: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "offline.bin"
    digest = noise(file)
    page = open_slowly()
    choose(page, file)
    expect(page.locator(".tray li .state")).to_contain_text("MB/s")
    page.context.set_offline(True)
    cable.cut()
    expect(page.locator(".tray li .state")).to_contain_text("waiting for the network")
    cable.mend()
    page.context.set_offline(False)
    expect(page.locator(".tray h2")).to_have_text("1 stored", timeout=30_000)
    assert stored_digest(server, file.name) == digest


def test_pause_and_resume(open_slowly: OpenSlowly, server: Installation, tmp_path: Path) -> None:
    file = tmp_path / "paused.bin"
    digest = noise(file)
    page = open_slowly()
    choose(page, file)
    state = page.locator(".tray li .state")
    expect(state).to_contain_text("MB/s")
    page.get_by_role("button", name="Pause paused.bin").click()
    expect(state).to_contain_text("paused at")
    before = state.inner_text()
    page.wait_for_timeout(1500)
    assert state.inner_text() == before
    assert violations(page) == []
    page.get_by_role("button", name="Resume paused.bin").click()
    expect(state).to_contain_text("MB/s")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(state).to_contain_text("paused at")
    expect(page.locator(".tray h2")).to_have_text("Paused: 1 file")
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.locator(".tray h2")).to_have_text("1 stored", timeout=30_000)
    assert stored_digest(server, file.name) == digest


def test_what_was_cancelled_is_gone(
    open_slowly: OpenSlowly, server: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "cancelled.bin"
    noise(file)
    page = open_slowly()
    choose(page, file)
    expect(page.locator(".tray li .state")).to_contain_text("MB/s")
    page.get_by_role("button", name="Cancel cancelled.bin").click()
    expect(page.locator(".tray li.failed")).to_contain_text("Cancelled. Nothing was kept.")
    eventually(lambda: "upload_aborted" in events(server, file.name))
    assert "file_uploaded" not in events(server, file.name)
    assert "upload_failed" not in events(server, file.name)
    page.reload()
    expect(page.locator("#list")).to_be_visible()
    expect(page.locator("#tray")).to_be_hidden()


def test_a_download_of_what_is_selected_lets_an_upload_go_on(
    open_slowly: OpenSlowly, server: Installation, tmp_path: Path
) -> None:
    with server.client() as client:
        client.put("/api/v1/files/beside.txt", content=b"beside").raise_for_status()
    file = tmp_path / "meanwhile.bin"
    noise(file)
    page = open_slowly()
    choose(page, file)
    expect(page.locator(".tray li .state")).to_contain_text("MB/s")
    page.get_by_label("Select beside.txt").check()
    asked: list[str] = []

    def refuse(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", refuse)
    page.get_by_role("button", name="Download as zip").click()
    eventually(lambda: "file_downloaded" in events(server, "beside.txt"))
    expect(page.locator(".tray h2")).to_have_text("1 stored", timeout=30_000)
    assert asked == []
    assert "upload_resumed" not in events(server, file.name)


def test_all_are_stopped_at_once(
    open_slowly: OpenSlowly, server: Installation, tmp_path: Path
) -> None:
    files = [tmp_path / f"stopped {number}.bin" for number in range(6)]
    for file in files:
        noise(file)
    page = open_slowly()
    choose(page, *files)
    expect(page.locator(".tray h2")).to_have_text("Uploading 6 files")
    page.get_by_role("button", name="Stop", exact=True).click()
    assert violations(page) == []
    page.get_by_role("button", name="Stop them").click()
    expect(page.locator("#tray")).to_be_hidden()
    page.reload()
    expect(page.locator("#rows tr", has_text="stopped ")).to_have_count(0)
    expect(page.locator("#tray")).to_be_hidden()


def test_leaving_the_page_asks_while_something_is_under_way(
    open_slowly: OpenSlowly, tmp_path: Path
) -> None:
    file = tmp_path / "asked.bin"
    noise(file)
    page = open_slowly()
    asked: list[str] = []

    def note(dialog: Dialog) -> None:
        asked.append(dialog.type)

    page.on("dialog", note)
    page.reload()
    assert asked == []
    choose(page, file)
    expect(page.locator(".tray li .state")).to_contain_text("MB/s")
    page.reload()
    assert asked == ["beforeunload"]


def test_an_unfinished_upload_can_be_gone_on_with_or_discarded(
    open_slowly: OpenSlowly, server: Installation, tmp_path: Path
) -> None:
    kept, other = tmp_path / "kept.bin", tmp_path / "discarded.bin"
    digest = noise(kept)
    noise(other)
    page = open_slowly()
    choose(page, kept, other)
    for name in (kept.name, other.name):
        expect(page.locator(".tray li", has_text=name)).to_contain_text("MB/s")
    page.reload()
    expect(page.locator(".tray li")).to_have_count(2)
    assert violations(page) == []
    page.get_by_role("button", name="Discard discarded.bin").click()
    expect(page.locator(".tray li")).to_have_count(1)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose file kept.bin").click()
    chooser.value.set_files(str(other))
    expect(page.locator(".tray li")).to_contain_text("That is another file")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose file kept.bin").click()
    chooser.value.set_files(str(kept))
    expect(page.locator(".tray h2")).to_have_text("1 stored", timeout=30_000)
    assert stored_digest(server, kept.name) == digest
    eventually(lambda: "upload_aborted" in events(server, other.name))


@pytest.fixture
def taken(server: Installation, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A file whose name is taken by another content."""
    file = tmp_path / f"{request.node.name}.txt"
    file.write_text("new content")
    with server.client() as client:
        client.put(f"/api/v1/files/{file.name}", content=b"old content").raise_for_status()
    return file


def test_replace(open_page: OpenPage, server: Installation, taken: Path) -> None:
    page = open_page("/", allow_errors=True)
    choose(page, taken)
    failed = page.locator(".tray li.failed")
    expect(failed).to_contain_text(f"There is a file called “{taken.name}” already")
    assert violations(page) == []
    failed.get_by_role("button", name=f"Replace {taken.name}", exact=True).click()
    expect(page.locator(".tray li.done")).to_have_count(1)
    expect(failed).to_have_count(0)
    assert stored_digest(server, taken.name) == hashlib.sha256(b"new content").hexdigest()
    record = server.records(f'event:file_uploaded filename:"{taken.name}"')[0]
    assert record["previous_sha256"] == hashlib.sha256(b"old content").hexdigest()


def test_keep_both(open_page: OpenPage, server: Installation, taken: Path) -> None:
    page = open_page("/", allow_errors=True)
    numbered = f"{taken.stem} (2).txt"
    choose(page, taken)
    page.locator(".tray li.failed").get_by_role("button", name="Keep both").click()
    expect(page.locator("#rows tr", has_text=numbered)).to_be_visible()
    assert stored_digest(server, taken.name) == hashlib.sha256(b"old content").hexdigest()
    assert stored_digest(server, numbered) == hashlib.sha256(b"new content").hexdigest()


def test_what_is_there_already_is_no_question(
    open_page: OpenPage, server: Installation, taken: Path
) -> None:
    taken.write_text("old content")
    page = open_page("/", allow_errors=True)
    choose(page, taken)
    expect(page.locator(".tray h2")).to_have_text("1 was there already")
    assert events(server, taken.name).count("file_uploaded") == 1


def test_many_names_that_are_taken_are_one_question(
    open_page: OpenPage, server: Installation, tmp_path: Path
) -> None:
    files = [tmp_path / f"conflict {number}.txt" for number in range(5)]
    with server.client() as client:
        for file in files:
            file.write_text("new")
            client.put(f"/api/v1/files/{file.name}", content=b"old").raise_for_status()
    page = open_page("/", allow_errors=True)
    choose(page, *files)
    expect(page.locator(".tray")).to_contain_text("5 names are taken.")
    assert violations(page) == []
    page.get_by_role("button", name="Keep both of all").click()
    expect(page.locator("#rows tr", has_text="conflict ")).to_have_count(10)


def test_hundreds_of_files_are_counted_not_listed(
    open_page: OpenPage, server: Installation, tmp_path: Path
) -> None:
    folder = tmp_path / "hundreds"
    folder.mkdir()
    for number in range(300):
        (folder / f"{number}.txt").write_text(f"content {number}")
    page = open_page("/")
    drop(page, folder)
    expect(page.locator("[data-part=whole]")).to_contain_text("of 300 files")
    expect(page.locator(".tray h2")).to_have_text("300 stored", timeout=60_000)
    assert page.locator(".tray li").count() <= 24
    with server.client() as client:
        listing = client.get("/api/v1/files", params={"folder": "/", "limit": "1000"}).json()
    counts = {item["name"]: item["count"] for item in listing["folders"]}
    assert counts["hundreds"] == 300


def test_uploads_go_on_while_folders_are_walked(
    open_slowly: OpenSlowly, server: Installation, tmp_path: Path
) -> None:
    with server.client() as client:
        client.put("/api/v1/files/elsewhere/x.txt", content=b"x").raise_for_status()
    file = tmp_path / "walking.bin"
    digest = noise(file)
    page = open_slowly()
    choose(page, file)
    expect(page.locator(".tray li .state")).to_contain_text("MB/s")
    page.get_by_role("link", name="elsewhere", exact=True).click()
    expect(page.get_by_role("heading", name="elsewhere")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="All files")).to_be_visible()
    expect(page.locator(".tray h2")).to_have_text("1 stored", timeout=30_000)
    assert stored_digest(server, file.name) == digest


def test_a_finished_line_leads_to_its_records(open_page: OpenPage, tmp_path: Path) -> None:
    file = tmp_path / "receipt.txt"
    file.write_text("x")
    page = open_page("/")
    choose(page, file)
    page.locator(".tray li.done").get_by_role("link", name="receipt").click()
    expect(page.locator(".records")).to_contain_text("file_uploaded")

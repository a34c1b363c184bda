"""The list of files: for scripts, as a page, as a fragment; all of it, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.serving import Installation
from tests.web.expect import expect
from tests.web.page import is_whole, read, rows
from tests.web.wire import HTML, HTMX, JSON, Answer, api, in_url, put, send

PAGE = 200
COUNT = 2 * PAGE + 5


@pytest.fixture(scope="module")
def many(server: Installation) -> list[str]:
    """The names of many files on the server, oldest first."""
    names = [f"file {number:03}" for number in range(COUNT)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: put(server, name, name.encode()), names))
    return names


def test_an_empty_list(small: Installation) -> None:
    for target in ("/api/v1/files", "/files"):
        answer = send(small, "GET", target, headers=JSON)
        assert answer.json() == {
            "folder": "/", "permission": "manage", "folders": [], "files": [], "next": None,
        }  # fmt: skip
        expect(small, answer, "files_listed", count=0, folder="/")
    answer = send(small, "GET", "/", headers=HTML)
    assert rows(answer) == []
    assert "No files yet" in answer.text
    expect(small, answer, "files_listed", count=0)


def _pages(server: Installation, target: str) -> Iterator[tuple[Answer, dict[str, Any]]]:
    cursor = ""
    while True:
        answer = send(server, "GET", target + cursor, headers=JSON)
        assert answer.status == 200
        page: dict[str, Any] = answer.json()
        yield answer, page
        if page["next"] is None:
            return
        cursor = f"?cursor={in_url(page['next'])}"


@pytest.mark.parametrize("target", ["/api/v1/files", "/files"])
def test_every_file_is_on_one_page(server: Installation, many: list[str], target: str) -> None:
    seen = []
    for answer, page in _pages(server, target):
        expect(server, answer, "files_listed", count=len(page["files"]), folder="/")
        seen.extend(page["files"])
    assert sorted(item["filename"] for item in seen) == many
    times = [item["created_at"] for item in seen]
    assert times == sorted(times, reverse=True)


def test_pages_do_not_shift_when_files_come_and_go(server: Installation, many: list[str]) -> None:
    first = send(server, "GET", "/api/v1/files").json()
    put(server, "newer")
    assert send(server, "DELETE", api(first["files"][0]["filename"])).status == 204
    second = send(server, "GET", f"/api/v1/files?cursor={in_url(first['next'])}").json()
    shown = [item["file_id"] for item in [*first["files"], *second["files"]]]
    assert len(set(shown)) == len(shown) == 2 * PAGE
    send(server, "DELETE", api("newer"))
    put(server, first["files"][0]["filename"])


def test_the_page_shows_the_newest_and_leads_to_the_rest(
    server: Installation, many: list[str]
) -> None:
    page = send(server, "GET", "/", headers=HTML)
    assert is_whole(page)
    assert f"{COUNT} items" in page.text
    shown = rows(page)
    expect(server, page, "files_listed", count=PAGE)
    while more := [
        element.attributes["href"]
        for element in read(page)
        if "cursor=" in element.attributes.get("href", "")
    ]:
        page = send(server, "GET", more[0], headers=HTMX)
        assert not is_whole(page)
        assert "HX-Request" in page.header("Vary")
        shown += rows(page)
        expect(server, page, "files_listed", count=len(rows(page)))
    assert sorted(shown) == many


def test_the_list_alone_is_for_htmx(server: Installation, many: list[str]) -> None:
    fragment = send(server, "GET", "/files", headers=HTMX)
    assert not is_whole(fragment)
    page = send(server, "GET", "/files", headers=HTML)
    assert is_whole(page)
    assert rows(fragment) == rows(page) != []
    for answer in (fragment, page):
        expect(server, answer, "files_listed", count=PAGE)


@pytest.mark.parametrize("cursor", ["", "x", "12-", "-", "1e3-x", "9" * 40 + "-x", "١٢-x", "\x00"])
def test_a_damaged_cursor(server: Installation, cursor: str) -> None:
    for target in ("/api/v1/files", "/files"):
        answer = send(server, "GET", f"{target}?cursor={in_url(cursor)}", headers=JSON)
        if answer.status == 200:  # it may stand for a place before every file
            assert answer.json()["files"] == []
            expect(server, answer, "files_listed")
        else:
            answer.problem(400, "cursor_not_valid")
            expect(server, answer, "list_failed", reason="cursor_not_valid", status=400)


def test_a_folder_that_is_not_there(server: Installation) -> None:
    for target, headers in (("/api/v1/files", JSON), ("/files", JSON), ("/files", HTMX)):
        answer = send(server, "GET", f"{target}?folder=%2Freports", headers=headers)
        assert answer.status == 404
        expect(server, answer, "list_failed", reason="folder_not_found", status=404)
    answer = send(server, "GET", "/api/v1/files?folder=%2F")
    assert answer.status == 200


def test_head_shows_nothing_and_is_recorded(server: Installation) -> None:
    for target in ("/", "/files", "/api/v1/files"):
        answer = send(server, "HEAD", target, headers=HTML)
        assert (answer.status, answer.body) == (200, b"")
        expect(server, answer, "files_listed")

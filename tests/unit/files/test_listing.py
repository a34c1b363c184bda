"""Listings: sorted, in pages, and whole whatever happens between two of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest

from strongroom.errors import Refused
from strongroom.files.model import Level, Listing, Sort
from tests.unit.files.cabinet import EVE, MIA, Cabinet

FOLDERS = ["Zoo", "alps", "Ähre", "b10", "b9"]
FILES = {"Zebra": 3, "apple": 30, "Äpfel": 7, "äpfel": 7, "b": 0, "f10": 1, "f9": 2, "ß": 9}


def fill(cabinet: Cabinet) -> None:
    """More than a page of folders and files, some in another order than their names."""
    for name in FOLDERS:
        cabinet.folder(f"/{name}")
    for name, size in FILES.items():
        cabinet.put(f"/{name}", size)


def shown(listing: Listing) -> list[str]:
    """Names in their order."""
    return [f"{one.filename}/" for one in listing.folders] + [one.filename for one in listing.files]


def pages(
    cabinet: Cabinet, sort: Sort, limit: int, between: Callable[[int], object] = lambda _page: None
) -> list[str]:
    """What is shown on all pages, one after the other."""
    seen: list[str] = []
    cursor, number = None, 0
    while True:
        page = cabinet.files.list("/", MIA, sort=sort, cursor=cursor, limit=limit)
        assert page.count <= limit
        seen += shown(page)
        cursor = page.next
        if cursor is None:
            return seen
        assert page.count == limit
        number += 1
        between(number)


NEWEST_FIRST = [f"{name}/" for name in reversed(FOLDERS)] + list(FILES)[::-1]


def test_folders_come_first_in_every_order(cabinet: Cabinet) -> None:
    fill(cabinet)
    by_name = pages(cabinet, Sort.NAME, 100)
    assert by_name[:5] == ["alps/", "b10/", "b9/", "Zoo/", "Ähre/"]
    assert by_name[5:9] == ["apple", "b", "f10", "f9"]
    assert by_name[9:11] == ["ß", "Zebra"]  # as "ss"
    assert set(by_name[11:]) == {"Äpfel", "äpfel"}
    assert pages(cabinet, Sort.CHANGED, 100) == NEWEST_FIRST
    by_size = pages(cabinet, Sort.SIZE, 100)
    assert set(by_size[:5]) == {f"{name}/" for name in FOLDERS}
    assert [FILES[name] for name in by_size[5:]] == sorted(FILES.values(), reverse=True)


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 12, 13])
def test_pages_show_everything_once(cabinet: Cabinet, sort: Sort, limit: int) -> None:
    fill(cabinet)
    assert pages(cabinet, sort, limit) == pages(cabinet, sort, 100)
    assert cabinet.files.list(sort=sort, limit=limit).total == len(FOLDERS) + len(FILES)


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("limit", [1, 3, 4])
def test_what_changes_between_pages_disturbs_nothing_else(
    cabinet: Cabinet, sort: Sort, limit: int
) -> None:
    fill(cabinet)
    for number in range(6):
        cabinet.put(f"/gone{number}", number)
        cabinet.folder(f"/Gone{number}")

    def change(number: int) -> None:
        """Some come, some go, some get content of another size, or another name."""
        cabinet.put(f"/new{number}", number * 5)
        cabinet.folder(f"/New{number}")
        if number <= 6:
            cabinet.files.trash(
                [cabinet.id(f"/gone{number - 1}"), cabinet.id(f"/Gone{number - 1}")]
            )

    seen = pages(cabinet, sort, limit, change)
    assert len(set(seen)) == len(seen)
    stayed = {f"{name}/" for name in FOLDERS} | set(FILES)
    assert stayed <= set(seen)
    assert [name for name in seen if name in stayed] == [
        name for name in pages(cabinet, sort, 100) if name in stayed
    ]


@pytest.mark.parametrize("sort", Sort)
def test_the_file_at_which_a_page_ended_may_go(cabinet: Cabinet, sort: Sort) -> None:
    fill(cabinet)
    whole = pages(cabinet, sort, 100)

    def remove(number: int) -> None:
        cabinet.files.trash([cabinet.id("/" + whole[number - 1].rstrip("/"))])

    assert pages(cabinet, sort, 1, remove) == whole


def test_a_hidden_folder_takes_no_place_on_a_page(cabinet: Cabinet) -> None:
    for number in range(9):
        cabinet.folder(f"/f{number}")
    for number in range(0, 9, 2):
        cabinet.share(f"/f{number}", eve=Level.MANAGE)
    assert pages(cabinet, Sort.NAME, 2) == ["f1/", "f3/", "f5/", "f7/"]
    page = cabinet.files.list("/", MIA, sort=Sort.NAME, limit=4)
    assert (page.total, page.next) == (4, None)
    assert cabinet.files.list("/", EVE).total == 9


def written(*parts: object) -> str:
    """A cursor that says so."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "日-a",
        "=" * 40,
        "A" * 50_000,
        base64.urlsafe_b64encode(b"[" * 20_000).decode(),
        written(),
        written("changed", "file", 1),
        written("name", "file", "a", "x"),  # of another order
        written("changed", "thing", 1, "x"),
        written("changed", ["file"], 1, "x"),
        written("changed", "file", "1", "x"),
        written("changed", "file", -1, "x"),
        written("changed", "file", True, "x"),
        written("changed", "file", 1.5, "x"),
        written("changed", "file", 2**63, "x"),
        written("changed", "file", 1, None),
        written("changed", "file", 1, "\ud800"),
        base64.urlsafe_b64encode(b'["changed","file",' + b"1" * 5000 + b',"x"]').decode(),
    ],
)
def test_a_cursor_that_is_not_ours(cabinet: Cabinet, cursor: str) -> None:
    for query in ("", "x"):
        with pytest.raises(Refused) as refused:
            cabinet.files.list("/", cursor=cursor, query=query)
        assert (refused.value.reason, refused.value.status) == ("cursor_not_valid", 400)


def test_half_a_character_in_a_cursor(cabinet: Cabinet) -> None:
    with pytest.raises(Refused) as refused:
        cabinet.files.list("/", sort=Sort.NAME, cursor=written("name", "file", "\ud800", "x"))
    assert refused.value.reason == "cursor_not_valid"


def test_a_cursor_of_one_folder_shows_nothing_of_another(cabinet: Cabinet) -> None:
    for name in ("/a/1", "/a/2", "/hidden/3", "/hidden/4"):
        cabinet.put(name)
    cabinet.share("/hidden", eve=Level.MANAGE)
    cursor = cabinet.files.list("/hidden", EVE, limit=1).next
    assert cursor is not None
    assert {one.filename for one in cabinet.files.list("/a", MIA, cursor=cursor).files} <= {
        "1",
        "2",
    }

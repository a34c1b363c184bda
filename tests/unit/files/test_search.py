"""Search: by part of a name, in a folder and below, and only what may be seen."""

from __future__ import annotations

import pytest

from strongroom.files.model import Level
from strongroom.files.service import searching
from tests.unit.files.cabinet import EVE, MIA, Cabinet


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("%", ["100%.txt"]),
        ("_", ["a_b.txt"]),
        ("a_b", ["a_b.txt"]),
        ("0%.", ["100%.txt"]),
        ("%%", []),
        ("\\", []),
        ("\\%", []),
        ("'", ["o'hara"]),
        ("*", ["star*"]),
        ("?", []),
        ("[a]", ["[a]"]),
        ("\x00", []),
    ],
)
def test_no_character_stands_for_others(cabinet: Cabinet, query: str, found: list[str]) -> None:
    for name in ("100%.txt", "a_b.txt", "axb.txt", "o'hara", "star*", "[a]", "plain"):
        cabinet.put(f"/{name}")
    assert cabinet.names("/", query=query) == found


@pytest.mark.parametrize(
    ("name", "queries"),
    [
        ("Report.PDF", ["report", "REPORT", "t.p", "pdf"]),
        ("gr\u00f6\u00dfer", ["gro\u0308\u00df", "GR\u00d6SSER", "\u00d6", "ss"]),
        ("gro\u0308\u00dfer", ["gr\u00f6\u00df", "GRO\u0308"]),
        ("\uff41bc", ["abc", "\uff22c"]),
        ("\u0391\u03a3.txt", ["\u03b1\u03c2", "\u03b1\u03c3"]),
        ("日本語.txt", ["本"]),
        ("😀.png", ["😀"]),
    ],
)
def test_neither_case_nor_form_matters(cabinet: Cabinet, name: str, queries: list[str]) -> None:
    cabinet.put(f"/a/{name}")
    cabinet.folder(f"/b/{name}")
    for query in queries:
        assert cabinet.names("/", query=query) == [f"{name}/", name], query
    assert cabinet.names("/", query="zzz") == []


def test_it_looks_in_the_folder_and_below(cabinet: Cabinet) -> None:
    for path in ("/plan", "/a/plan", "/a/b/plan", "/ab/plan", "/a/b/plan2/x"):
        cabinet.put(path)
    found = cabinet.files.list("/a", query="plan")
    assert [one.path for one in found.folders] == ["/a/b/plan2"]
    assert [one.path for one in found.files] == ["/a/b/plan", "/a/plan"]
    assert (found.total, found.query, found.next) == (None, "plan", None)
    assert cabinet.names("/a/b/plan2", query="plan") == []


def test_what_is_in_the_trash_is_not_found(cabinet: Cabinet) -> None:
    cabinet.put("/a/plan")
    cabinet.put("/a/b/plan")
    cabinet.files.trash([cabinet.id("/a/b")])
    assert len(cabinet.names("/", query="plan")) == 1
    assert cabinet.names("/", query="b") == []
    cabinet.files.trash([cabinet.id("/a")])
    assert cabinet.names("/", query="plan") == []


@pytest.mark.parametrize("scanned", [3, 7, 1_000])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_of_hits_show_each_once(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch, scanned: int, limit: int
) -> None:
    """Also where most hits lie in folders that may not be seen."""
    monkeypatch.setattr(searching, "SCANNED", scanned)
    for number in range(12):
        cabinet.put(f"/open/x{number}")
        cabinet.put(f"/hidden/x{number}")
        cabinet.folder(f"/open/X{number}")
    cabinet.share("/hidden", eve=Level.MANAGE)
    seen: list[str] = []
    cursor = None
    while True:
        page = cabinet.files.list("/", MIA, query="x", cursor=cursor, limit=limit)
        seen += [one.path for one in page.folders] + [one.path for one in page.files]
        cursor = page.next
        if cursor is None:
            break
        assert page.count == limit
    assert len(seen) == len(set(seen))
    assert set(seen) == {f"/open/{x}{number}" for x in "xX" for number in range(12)}


def test_a_query_of_any_length(cabinet: Cabinet) -> None:
    cabinet.put("/" + "x" * 255)
    assert len(cabinet.names("/", query="x" * 255)) == 1
    assert cabinet.names("/", query="x" * 256) == []


def test_a_folder_of_ones_own_in_a_hidden_one(cabinet: Cabinet) -> None:
    cabinet.put("/hidden/mine/plan")
    cabinet.share("/hidden", eve=Level.MANAGE)
    cabinet.share("/hidden/mine", mia=Level.READ, eve=Level.MANAGE)
    assert cabinet.names("/", MIA, "plan") == ["plan"]
    assert cabinet.names("/", MIA, "hidden") == []
    assert cabinet.names("/", EVE, "hidden") == ["hidden/"]

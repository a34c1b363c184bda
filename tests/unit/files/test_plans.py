"""How the database finds what is shown: by indexes that are in its order, so that large folders are
as quick as small ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event

from strongroom.files.model import Level, Sort
from strongroom.files.service import searching
from tests.unit.files.cabinet import ADA, MIA, Cabinet

INDEX = {Sort.CHANGED: "node_by_change", Sort.NAME: "node_by_key", Sort.SIZE: "node_by_size"}


@contextmanager
def plans(cabinet: Cabinet) -> Iterator[list[str]]:
    """How each statement of the block about files and folders is carried out, once it has ended.

    The one that goes up from a folder to the root is left out: it sorts a path.
    """
    asked: list[tuple[str, Any]] = []
    steps: list[str] = []

    def note(_c: Connection, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if " node" in statement and statement.startswith("SELECT"):
            asked.append((statement, values))

    event.listen(cabinet.store.engine, "before_cursor_execute", note)
    try:
        yield steps
    finally:
        event.remove(cabinet.store.engine, "before_cursor_execute", note)
    with cabinet.store.read() as connection:
        for statement, values in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            steps += [row.detail for row in plan]


def fill(cabinet: Cabinet) -> None:
    """More than a page of each kind, of which some may not be seen."""
    for number in range(8):
        cabinet.put(f"/a/x{number}", number + 1)
        cabinet.folder(f"/a/X{number}")
    cabinet.share("/a/X1", eve=Level.MANAGE)


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("by", [MIA, ADA, None], ids=["member", "admin", "machine"])
def test_every_page_is_read_in_the_order_of_its_index(
    cabinet: Cabinet, sort: Sort, by: Any
) -> None:
    fill(cabinet)
    cursor, pages = None, 0
    while True:
        with plans(cabinet) as steps:
            page = cabinet.files.list("/a", by, sort=sort, cursor=cursor, limit=3)
        assert not [step for step in steps if "TEMP B-TREE" in step]
        assert not [step for step in steps if step.startswith("SCAN")]
        assert any(INDEX[sort] in step for step in steps), steps
        cursor, pages = page.next, pages + 1
        if cursor is None:
            break
    assert pages >= 5


def test_a_sort_is_noticed(cabinet: Cabinet) -> None:
    """The test above can fail."""
    fill(cabinet)
    with plans(cabinet) as steps, cabinet.store.read() as connection:
        connection.exec_driver_sql("SELECT name FROM node ORDER BY created_at").all()
    assert any("TEMP B-TREE" in step for step in steps)
    assert any(step.startswith("SCAN") for step in steps)


def test_a_search_of_everything_is_in_the_order_of_an_index(cabinet: Cabinet) -> None:
    fill(cabinet)
    with plans(cabinet) as steps:
        assert cabinet.files.list("/", MIA, query="x").count == 15
    assert not [step for step in steps if "TEMP B-TREE" in step]
    assert sum("node_by_age (kind=?)" in step for step in steps) >= 2


def test_a_search_of_a_small_folder_looks_at_its_own_names(cabinet: Cabinet) -> None:
    fill(cabinet)
    with plans(cabinet) as steps:
        assert cabinet.files.list("/a", MIA, query="x").count == 15
    assert not [step for step in steps if "node_by_age" in step]
    assert any("parent_id=? AND kind=?" in step for step in steps)


@pytest.mark.parametrize("act", ["trash", "trash_count"])
def test_the_trash_is_read_in_the_order_of_its_index(cabinet: Cabinet, act: str) -> None:
    fill(cabinet)
    cabinet.files.trash([cabinet.id("/a/x1"), cabinet.id("/a/X2")], MIA)
    asked: dict[str, Callable[[], Any]] = {
        "trash": lambda: len(cabinet.files.trashed(MIA).items),
        "trash_count": lambda: cabinet.files.trash_count(MIA),
    }
    with plans(cabinet) as steps:
        assert asked[act]() == 2
    assert any("node_trashed" in step for step in steps)
    assert not [step for step in steps if "TEMP B-TREE" in step]


@pytest.mark.parametrize("visited", [1, 2, 3, 7])
@pytest.mark.parametrize("limit", [1, 2, 50])
@pytest.mark.parametrize("folder", ["/", "/a"])
def test_a_search_that_stops_early_says_so_and_goes_on(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch, visited: int, limit: int, folder: str
) -> None:
    """However little is looked through for a page, all pages together show each hit once."""
    monkeypatch.setattr(searching, "VISITED", visited)
    fill(cabinet)
    cabinet.put("/a/other")
    cabinet.put("/x elsewhere")
    seen: list[str] = []
    cursor, partial = None, 0
    while True:
        page = cabinet.files.list(folder, MIA, query="x", cursor=cursor, limit=limit)
        assert page.count <= limit
        seen += [one.path for one in page.folders] + [one.path for one in page.files]
        partial += page.partial
        cursor = page.next
        if cursor is None:
            break
        assert page.partial or page.count == limit
    wanted = {f"/a/x{n}" for n in range(8)} | {f"/a/X{n}" for n in range(8) if n != 1}
    assert sorted(seen) == sorted(wanted | ({"/x elsewhere"} if folder == "/" else set()))
    assert partial or limit < 50
    assert not page.partial


def test_hits_in_very_many_folders_are_looked_up_some_at_a_time(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "PLACES", 2)
    for number in range(6):
        cabinet.put(f"/f{number}/x")
    seen: list[str] = []
    cursor = None
    while True:
        page = cabinet.files.list("/", MIA, query="x", cursor=cursor)
        seen += [one.path for one in page.files]
        cursor = page.next
        if cursor is None:
            break
        assert page.partial
        assert page.count == 2
    assert seen == [f"/f{number}/x" for number in reversed(range(6))]

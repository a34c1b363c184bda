"""However much there is, one act, one step and one page touch so much and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event, func, select

from strongroom.files.model import Level
from strongroom.files.service import inside, purge_steps, trash, trashed
from strongroom.files.tables import node
from tests.unit.files.cabinet import EVE, MIA, Cabinet


@contextmanager
def statements(cabinet: Cabinet) -> Iterator[list[str]]:
    """What the database was asked in the block."""
    asked: list[str] = []

    def note(_c: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(cabinet.store.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(cabinet.store.engine, "before_cursor_execute", note)


def folders(cabinet: Cabinet, *paths: str) -> None:
    """New folders, in one transaction."""
    cabinet.store.write(lambda _c: [cabinet.folder(path) for path in paths])


def count_nodes(connection: Connection) -> int:
    """How many files and folders there are, the root included."""
    return int(connection.execute(select(func.count()).select_from(node)).scalar_one())


@pytest.mark.parametrize("shape", ["/a/{}", "/a/b/{}", "/a/{}/x"])
def test_folders_are_bounded_as_files_are(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    for module in (trash, inside):
        monkeypatch.setattr(module, "AT_ONCE", 10)
    folders(cabinet, *(shape.format(number) for number in range(11)))
    with cabinet.refused("too_many_at_once", 409):
        cabinet.files.trash([cabinet.id("/a")], MIA)


def test_folders_of_all_that_is_deleted_together_are_bounded(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (trash, inside):
        monkeypatch.setattr(module, "AT_ONCE", 10)
    folders(cabinet, *(f"/{above}/{number}" for above in "abc" for number in range(4)))
    with cabinet.refused("too_many_at_once", 409):
        cabinet.files.trash([cabinet.id(f"/{above}") for above in "abc"], MIA)
    cabinet.files.trash([cabinet.id(f"/{above}") for above in "ab"], MIA)


@pytest.mark.parametrize("act", ["trash", "restore", "move", "purge"])
def test_folders_are_not_asked_for_one_by_one(cabinet: Cabinet, act: str) -> None:
    folders(cabinet, *(f"/a/{number}/b" for number in range(150)), "/elsewhere")
    cabinet.share("/", everyone=Level.MANAGE)
    target, top = cabinet.id("/elsewhere"), cabinet.id("/a")
    if act in ("restore", "purge"):
        cabinet.files.trash([top], MIA)
    with statements(cabinet) as asked:
        acts: dict[str, Callable[[], object]] = {
            "trash": lambda: cabinet.files.trash([top], MIA),
            "restore": lambda: cabinet.files.restore([top], MIA),
            "move": lambda: cabinet.files.move(top, MIA, folder_id=target),
            "purge": lambda: cabinet.files.purge([top], MIA),
        }
        acts[act]()
    assert len(asked) < 100


def test_a_step_deletes_so_many_folders(cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wide and deep ones, with files on the way down: others come between any two steps."""
    monkeypatch.setattr(purge_steps, "IN_STEPS", 5)
    folders(cabinet, *(f"/a/wide/{number}" for number in range(40)))
    folders(cabinet, *(f"/a/{number}" + "/d" * 20 for number in range(4)))
    for path in ("/a/x", "/a/wide/7/x", "/a/2/d/d/d/x", "/a/2" + "/d" * 20 + "/x"):
        cabinet.put(path, path)
    folder_id = cabinet.id("/a")
    cabinet.files.trash([folder_id])
    gone: list[int] = []
    run = purge_steps.Step.run

    def counted(self: purge_steps.Step, connection: Connection) -> tuple[bool, int]:
        before = count_nodes(connection)
        done = run(self, connection)
        gone.append(before - count_nodes(connection))
        return done

    monkeypatch.setattr(purge_steps.Step, "run", counted)
    with cabinet.recording() as during:
        assert cabinet.files.purge([folder_id], None) == 4
    assert sum(gone) == 1 + 1 + 40 + 4 * 21 + 4
    assert max(gone) <= 10
    assert min(gone) >= 1
    assert [one["event"] for one in during] == ["file_purged"] * 4 + ["folder_purged"]
    assert {one["folder"] for one in during} == {
        "/a", "/a/wide/7", "/a/2/d/d/d", "/a/2" + "/d" * 20
    }  # fmt: skip
    cabinet.check()


def test_nothing_goes_where_something_below_may_not(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge_steps, "IN_STEPS", 2)
    for number in range(6):
        cabinet.put(f"/a/{number}/x", number + 1)
    folders(cabinet, "/a/0/deep/theirs")
    cabinet.share("/", everyone=Level.MANAGE)
    folder_id = cabinet.id("/a")
    cabinet.share("/a/0/deep/theirs", eve=Level.MANAGE)
    cabinet.files.trash([folder_id])
    with cabinet.refused("permission_missing", 403):
        cabinet.files.purge([folder_id], MIA)
    cabinet.files.restore([folder_id])
    cabinet.share("/a/0/deep/theirs")
    cabinet.files.trash([folder_id], MIA)
    assert cabinet.files.purge([folder_id], MIA) == 6


def all_pages(cabinet: Cabinet, by: Any, limit: int) -> tuple[list[str], int]:
    """Names of all that is in the trash, and how many pages that were."""
    names: list[str] = []
    cursor, pages = None, 0
    while True:
        page = cabinet.files.trashed(by, cursor=cursor, limit=limit)
        assert len(page.items) <= limit
        names += [one.filename for one in page.items]
        cursor, pages = page.next, pages + 1
        if cursor is None:
            return names, pages
        assert page.partial or len(page.items) == limit


@pytest.mark.parametrize("limit", [1, 3, 12, 13])
@pytest.mark.parametrize("rows", [1, 4, 1_000])
@pytest.mark.parametrize("places", [1, 1_000])
def test_the_trash_is_shown_to_its_end(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch, limit: int, rows: int, places: int
) -> None:
    monkeypatch.setattr(trashed, "PAGE_ROWS", rows)
    monkeypatch.setattr(trashed, "PAGE_PLACES", places)
    mine: list[str] = []
    for number in range(12):
        cabinet.files.trash([cabinet.put(f"/hidden/{number}").file_id])
        cabinet.files.trash([cabinet.put(f"/open{number % 3}/{number}").file_id])
        mine.insert(0, str(number))
    cabinet.share("/hidden", eve=Level.MANAGE)
    names, pages = all_pages(cabinet, MIA, limit)
    assert names == mine
    assert pages >= 12 / limit
    assert all_pages(cabinet, EVE, limit)[0] == [name for name in mine for _ in "oh"]


@pytest.mark.parametrize(
    "cursor", ["", "x", "W10", "WzEsMl0", "WyJhIiwiYiJd", "WzEsImEiLDFd", "\ud800"]
)
def test_a_damaged_cursor(cabinet: Cabinet, cursor: str) -> None:
    file_id = cabinet.put("/x").file_id
    with cabinet.refused("cursor_not_valid", 400):
        cabinet.files.trashed(MIA, cursor=cursor)
    with cabinet.refused("cursor_not_valid", 400):
        cabinet.files.versions(file_id, MIA, cursor=cursor)


def test_rows_of_the_trash_are_not_asked_for_one_by_one(cabinet: Cabinet) -> None:
    """Those that may not be seen; what is shown needs its place."""
    for number in range(100):
        cabinet.folder(f"/hidden/{number}")
        cabinet.files.trash([cabinet.id(f"/hidden/{number}")])
    cabinet.share("/hidden", eve=Level.MANAGE)
    with statements(cabinet) as asked:
        assert cabinet.files.trashed(MIA).items == []
    assert len(asked) < 20


def test_what_is_in_trashed_folders_is_counted_as_far_as_it_may_be_seen(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("/s/x", "/s/b/y", "/s/hid/1", "/s/hid/2", "/s/hid/deep/3"):
        cabinet.put(path)
    cabinet.share("/s/hid", eve=Level.MANAGE)
    folder_id = cabinet.id("/s")
    cabinet.files.trash([folder_id])
    counts = [cabinet.files.trashed(by).items[0].count for by in (MIA, EVE, None)]
    assert counts == [2, 5, 5]
    with cabinet.refused("permission_missing", 403) as refusal:
        cabinet.files.restore([folder_id], MIA)
    assert "hid" not in refusal.value.message
    monkeypatch.setattr(trashed, "TALLIED", 4)
    assert cabinet.files.trashed(None).items[0].count is None
    assert cabinet.files.trashed(MIA).items[0].count == 2
    (back,) = cabinet.files.restore([folder_id], EVE)
    assert back.count == 5


def test_emptying_goes_on_past_what_may_not_go(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge_steps, "IN_STEPS", 3)
    cabinet.share("/", everyone=Level.MANAGE)
    for number in range(10):
        cabinet.put(f"/mine{number}/x", number + 1)
        cabinet.files.trash([cabinet.id(f"/mine{number}")], MIA)
        cabinet.put(f"/both{number}/theirs/x", number + 1)
        cabinet.share(f"/both{number}/theirs", mia=Level.WRITE, eve=Level.MANAGE)
        cabinet.files.trash([cabinet.id(f"/both{number}")], MIA)
    assert cabinet.files.empty_trash(MIA) == 10
    assert sorted(cabinet.trashed()) == [f"/both{number}" for number in range(10)]
    with cabinet.recording() as during:
        assert cabinet.files.empty_trash(MIA) == 0
    assert [one["event"] for one in during] == ["change_not_needed"]
    with cabinet.recording() as during:
        assert cabinet.files.empty_trash(None) == 10
    assert len(during) == 20


@pytest.mark.parametrize("limit", [1, 2, 5, 6, 7])
def test_versions_are_shown_in_pages_the_present_one_first(cabinet: Cabinet, limit: int) -> None:
    first = cabinet.put("/x", 1)
    for size in range(2, 7):
        cabinet.replace("/x", size)
    third = cabinet.files.versions(first.file_id).items[3]
    cabinet.files.restore_version(first.file_id, third.version_id)
    sizes: list[int] = []
    cursor, pages = None, 0
    while True:
        page = cabinet.files.versions(first.file_id, cursor=cursor, limit=limit)
        sizes += [one.file_size_bytes for one in page.items]
        cursor, pages = page.next, pages + 1
        if cursor is None:
            break
        if pages == 1:  # what is shown may change between two pages
            cabinet.files.restore_version(first.file_id, first.version_id)
    assert sizes == [3, 6, 5, 4, 2, 1]
    assert pages == -(-6 // limit)


def test_one_version_is_found_by_its_id(cabinet: Cabinet) -> None:
    first = cabinet.put("/x", "1", MIA)
    cabinet.replace("/x", "22")
    old = cabinet.files.version(first.file_id, str(first.version_id), MIA)
    assert (old.sha256, old.file_size_bytes, old.path) == (first.sha256, 1, "/x")
    other = cabinet.put("/y").version_id
    for version_id in ("none", other):
        with cabinet.refused("version_not_found", 404):
            cabinet.files.version(first.file_id, str(version_id))
    cabinet.share("/", eve=Level.MANAGE)
    with cabinet.refused("file_not_found", 404):
        cabinet.files.version(first.file_id, str(first.version_id), MIA)

"""Folders: made, found by path and by id, never deeper than can be walked."""

from __future__ import annotations

import pytest

from strongroom.errors import Refused
from strongroom.files.names import MAX_DEPTH
from tests.unit.files.cabinet import MIA, Cabinet

DEEPEST = "/f" * MAX_DEPTH


@pytest.mark.parametrize("path", ["/", ""])
def test_the_root_is_there(cabinet: Cabinet, path: str) -> None:
    root = cabinet.files.folder(path)
    assert (root.path, root.name, root.is_root) == ("/", "", True)
    assert cabinet.files.folder_by_id(root.folder_id).path == "/"
    assert cabinet.files.place(path, make=True).folder_id == root.folder_id
    assert cabinet.events() == []


def test_a_folder_is_made_in_one_that_is_there(cabinet: Cabinet) -> None:
    made = cabinet.files.make_folder("/a", MIA)
    below = cabinet.files.make_folder("/a/Ünter", MIA)
    assert cabinet.files.folder("/a/Ünter").folder_id == below.folder_id
    assert below.chain == (cabinet.id("/"), made.folder_id, below.folder_id)
    (row,) = cabinet.files.list("/a").folders
    assert (row.path, row.count, row.created_by) == ("/a/Ünter", 0, "u-mia")
    assert [record["folder"] for record in cabinet.records()] == ["/a", "/a/Ünter"]
    with cabinet.refused("folder_not_found", 404):
        cabinet.files.make_folder("/b/c")


def test_missing_ones_on_the_way_are_each_recorded(cabinet: Cabinet) -> None:
    with cabinet.recording() as during:
        cabinet.folder("a/b/c/")
        cabinet.folder("/a/b/c")
    assert [(one["event"], one["folder"]) for one in during] == [
        ("folder_created", "/a"),
        ("folder_created", "/a/b"),
        ("folder_created", "/a/b/c"),
    ]
    with cabinet.refused("folder_not_found", 404):
        cabinet.files.place("/a/x")


@pytest.mark.parametrize("path", ["//", "/a//b", "a/../b", "/./a", "/a\\b", "/ /a", "///"])
def test_a_path_that_cannot_be(cabinet: Cabinet, path: str) -> None:
    for use in (
        cabinet.files.folder,
        cabinet.files.find,
        cabinet.files.list,
        cabinet.files.node_at,
        cabinet.files.make_folder,
        lambda path: cabinet.files.place(path, make=True),
    ):
        before = cabinet.state()
        with pytest.raises(Refused) as refusal:
            use(path)
        assert refusal.value.status == 400
        assert cabinet.state() == before


def test_as_deep_as_possible_and_no_deeper(cabinet: Cabinet) -> None:
    folder = cabinet.folder(DEEPEST)
    assert len(folder.chain) == MAX_DEPTH + 1
    assert cabinet.files.folder_by_id(folder.folder_id).path == DEEPEST
    for make in (cabinet.folder, cabinet.files.make_folder):
        with cabinet.refused("path_too_deep", 400):
            make(f"{DEEPEST}/f")


def test_a_file_in_the_deepest_folder_can_be_had(cabinet: Cabinet) -> None:
    stored = cabinet.put(f"{DEEPEST}/a.txt")
    assert stored.path == f"{DEEPEST}/a.txt"
    assert cabinet.files.find(stored.path) == stored
    assert cabinet.files.file_by_id(stored.file_id) == stored
    assert cabinet.files.node_at(stored.path) == stored.file_id
    assert cabinet.files.list(DEEPEST).files == [stored]
    assert cabinet.files.list("/", query="a.txt").files == [stored]


def test_a_file_is_no_folder(cabinet: Cabinet) -> None:
    stored = cabinet.put("/a")
    for use in (
        lambda: cabinet.files.folder("/a"),
        lambda: cabinet.files.list("/a"),
        lambda: cabinet.files.folder_by_id(stored.file_id),
        lambda: cabinet.files.move(cabinet.put("/b").file_id, folder_id=stored.file_id),
    ):
        with pytest.raises(Refused) as refusal:
            use()
        assert (refusal.value.reason, refusal.value.status) == ("folder_not_found", 404)


def test_counts_are_of_what_is_listed(cabinet: Cabinet) -> None:
    cabinet.put("/a/1")
    cabinet.put("/a/b/2")
    cabinet.files.trash([cabinet.put("/a/3").file_id])
    (row,) = cabinet.files.list("/").folders
    assert row.count == cabinet.files.count("/a") == 2

"""Moving and renaming: the same file with its history, never out of the tree, never too deep."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from strongroom.errors import Refused
from strongroom.files.model import Level
from strongroom.files.names import MAX_DEPTH
from tests.unit.files.cabinet import ADA, MIA, Cabinet


def test_a_renamed_file_is_the_same_file(cabinet: Cabinet) -> None:
    before = cabinet.put("/a/old.txt")
    with cabinet.recording() as during:
        assert cabinet.files.move(before.file_id, MIA, name="new.txt") == "/a/new.txt"
    after = cabinet.files.find("/a/new.txt")
    assert (after.file_id, after.sha256, after.changed_at) == (
        before.file_id,
        before.sha256,
        before.changed_at,
    )
    (record,) = during
    assert (record["event"], record["previous_filename"], record["filename"], record["folder"]) == (
        "file_renamed",
        "old.txt",
        "new.txt",
        "/a",
    )
    with cabinet.refused("file_not_found", 404):
        cabinet.files.find("/a/old.txt")
    assert cabinet.put("/a/old.txt").file_id != before.file_id


def test_a_moved_file_takes_its_versions_along(cabinet: Cabinet) -> None:
    cabinet.put("/a/x", "1", MIA)
    stored = cabinet.replace("/a/x", "2", MIA)
    target = cabinet.folder("/b")
    with cabinet.recording() as during:
        path = cabinet.files.move(stored.file_id, MIA, name="y", folder_id=target.folder_id)
    assert path == "/b/y"
    assert len(cabinet.files.versions(stored.file_id).items) == 2
    (record,) = during
    assert [record[f] for f in ("event", "previous_folder", "folder", "previous_filename")] == [
        "file_moved",
        "/a",
        "/b",
        "x",
    ]


def test_a_moved_folder_takes_everything_along(cabinet: Cabinet) -> None:
    stored = cabinet.put("/a/b/c/x")
    with cabinet.recording() as during:
        cabinet.files.move(cabinet.id("/a/b"), name="B", folder_id=cabinet.id("/"))
    assert cabinet.files.file_by_id(stored.file_id).path == "/B/c/x"
    (record,) = during
    assert [record[f] for f in ("event", "previous_folder", "folder")] == [
        "folder_moved",
        "/a/b",
        "/B",
    ]
    assert cabinet.names("/a") == []


def test_nothing_moves_where_it_is_already(cabinet: Cabinet) -> None:
    stored = cabinet.put("/a/x")
    with cabinet.recording() as during:
        assert cabinet.files.move(stored.file_id) == "/a/x"
        assert cabinet.files.move(stored.file_id, name="x") == "/a/x"
        assert cabinet.files.move(stored.file_id, folder_id=stored.folder_id) == "/a/x"
        assert cabinet.files.move_all([stored.file_id] * 2, stored.folder_id) == 1
    assert [one["event"] for one in during] == ["change_not_needed"] * 4
    assert {(one["folder"], one["filename"], one["file_id"]) for one in during} == {
        ("/a", "x", stored.file_id)
    }
    with cabinet.recording() as during:
        assert cabinet.files.move(stored.folder_id, name="a") == "/a"
    (record,) = during
    assert (record["event"], record["folder"]) == ("change_not_needed", "/a")


def test_a_folder_that_may_not_be_deleted_is_not_taken_away(cabinet: Cabinet) -> None:
    """For what is in it, which somebody else has."""
    cabinet.put("/F/G/x", by=ADA)
    cabinet.share("/F/G", eve=Level.MANAGE)
    cabinet.folder("/P")
    cabinet.share("/P", mia=Level.MANAGE)
    moved, target = cabinet.id("/F"), cabinet.id("/P")
    with cabinet.refused("permission_missing", 403) as refusal:
        cabinet.files.move(moved, MIA, folder_id=target)
    assert "G" not in refusal.value.message
    with cabinet.refused("permission_missing", 403):
        cabinet.files.move_all([moved], target, MIA)
    with cabinet.refused("permission_missing", 403):
        cabinet.files.trash([moved], MIA)
    assert cabinet.files.move(moved, MIA, name="renamed") == "/renamed"
    cabinet.share("/renamed/G", eve=Level.MANAGE, mia=Level.WRITE)
    assert cabinet.files.move(moved, MIA, folder_id=target) == "/P/renamed"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_taken_name_stays_whose_it_is(cabinet: Cabinet, kind: str) -> None:
    stored = cabinet.put("/a/x", "mine")
    folder_id = cabinet.folder("/a/y").folder_id
    if kind == "file":
        cabinet.put("/b/x", "theirs")
        cabinet.put("/b/y", "theirs")
    else:
        cabinet.folder("/b/x")
        cabinet.folder("/b/y")
    for act in (
        lambda: cabinet.files.move(stored.file_id, folder_id=cabinet.id("/b")),
        lambda: cabinet.files.move(folder_id, folder_id=cabinet.id("/b")),
        lambda: cabinet.files.move(stored.file_id, name="y"),
        lambda: cabinet.files.move(folder_id, name="x"),
        lambda: cabinet.files.move_all([folder_id, stored.file_id], cabinet.id("/b")),
    ):
        with cabinet.refused("filename_taken", 409):
            act()


def test_all_are_moved_or_none(cabinet: Cabinet) -> None:
    ids = [cabinet.put(f"/a/{number}").file_id for number in range(5)]
    cabinet.put("/b/3")
    with cabinet.refused("filename_taken", 409):
        cabinet.files.move_all(ids, cabinet.id("/b"))
    with cabinet.refused("file_not_found", 404):
        cabinet.files.move_all([*ids[:2], "none"], cabinet.id("/b"))
    assert cabinet.files.move_all([*ids[:3], ids[0]], cabinet.id("/b")) == 3
    assert cabinet.names("/b") == ["0", "1", "2", "3"]


def test_a_folder_and_something_in_it_can_be_moved_together(cabinet: Cabinet) -> None:
    """As a search lists them side by side."""
    for first in (True, False):
        name = f"a{first}"
        inner = cabinet.put(f"/{name}/x{first}").file_id
        chosen = [cabinet.id(f"/{name}"), inner]
        cabinet.files.move_all(chosen if first else chosen[::-1], cabinet.folder("/b").folder_id)
    assert cabinet.names("/b") == ["aFalse/", "aTrue/", "xFalse", "xTrue"]


def test_a_folder_never_goes_into_itself(cabinet: Cabinet) -> None:
    cabinet.folder("/a/b/c")
    for target in ("/a", "/a/b", "/a/b/c"):
        with cabinet.refused("folder_into_itself", 409):
            cabinet.files.move(cabinet.id("/a"), name="new", folder_id=cabinet.id(target))
    with cabinet.refused("root_folder", 409):
        cabinet.files.move(cabinet.id("/"), name="new")
    with cabinet.refused("root_folder", 409):
        cabinet.files.move(cabinet.id("/"), folder_id=cabinet.id("/a"))


def test_two_moves_at_once_make_no_circle(cabinet: Cabinet) -> None:
    for round_number in range(15):
        first = cabinet.folder(f"/a{round_number}").folder_id
        second = cabinet.folder(f"/b{round_number}/inner").folder_id

        def move(pair: tuple[str, str]) -> bool:
            try:
                cabinet.files.move(pair[0], folder_id=pair[1])
            except Refused as refusal:
                return _is(refusal, "folder_into_itself")
            return True

        above = cabinet.id(f"/b{round_number}")
        with ThreadPoolExecutor(2) as pool:
            moved = list(pool.map(move, [(first, second), (above, first)]))
        assert sorted(moved) == [False, True]
        for folder_id in (first, second, above):
            assert cabinet.files.folder_by_id(folder_id).folder_id == folder_id


def test_nothing_is_moved_too_deep(cabinet: Cabinet) -> None:
    half = MAX_DEPTH // 2
    cabinet.folder("/upper" + "/u" * (half - 1))
    cabinet.folder("/lower" + "/l" * (half - 1))
    lower = cabinet.id("/lower")
    cabinet.files.move(lower, folder_id=cabinet.id("/upper" + "/u" * (half - 1)))
    deepest = "/upper" + "/u" * (half - 1) + "/lower" + "/l" * (half - 1)
    assert len(cabinet.files.folder(deepest).chain) == MAX_DEPTH + 1
    cabinet.files.move(lower, folder_id=cabinet.id("/"))
    cabinet.files.make_folder("/lower" + "/l" * (half - 1) + "/more")
    with cabinet.refused("path_too_deep", 400):
        cabinet.files.move(lower, folder_id=cabinet.id("/upper" + "/u" * (half - 1)))
    # Nor with what is in the trash: it can come back.
    cabinet.files.trash([cabinet.id("/lower" + "/l" * (half - 1) + "/more")])
    with cabinet.refused("path_too_deep", 400):
        cabinet.files.move(lower, folder_id=cabinet.id("/upper" + "/u" * (half - 1)))


def test_nothing_moves_into_or_out_of_the_trash(cabinet: Cabinet) -> None:
    inner = cabinet.put("/a/b/x")
    outer = cabinet.put("/y")
    folder_id = cabinet.id("/a/b")
    cabinet.files.trash([cabinet.id("/a")])
    for node_id in (inner.file_id, folder_id):
        with cabinet.refused("file_not_found", 404):
            cabinet.files.move(node_id, folder_id=cabinet.id("/"))
    with cabinet.refused("folder_not_found", 404):
        cabinet.files.move(outer.file_id, folder_id=folder_id)
    cabinet.files.trash([outer.file_id])
    with cabinet.refused("file_not_found", 404):
        cabinet.files.move(outer.file_id, name="new")


def _is(refusal: Refused, reason: str) -> bool:
    """False, if it was refused for this reason."""
    assert refusal.reason == reason
    return False

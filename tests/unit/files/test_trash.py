"""The trash: what is deleted comes back as it was, where it was, or says why it cannot."""

from __future__ import annotations

from collections import Counter

import pytest

from strongroom.errors import Refused
from strongroom.files.model import Level
from strongroom.files.service import inside, trash, trashed
from tests.unit.files.cabinet import BEN, EVE, MIA, Cabinet


def test_a_deleted_file_is_gone_and_its_name_free(cabinet: Cabinet) -> None:
    first = cabinet.put("/a/x", "1")
    (deleted,) = cabinet.files.trash([first.file_id], MIA)
    assert (deleted.filename, deleted.folder, deleted.count) == ("x", "/a", 1)
    for use in (
        lambda: cabinet.files.find("/a/x"),
        lambda: cabinet.files.file_by_id(first.file_id),
        lambda: cabinet.files.versions(first.file_id),
        lambda: cabinet.files.trash([first.file_id]),
        lambda: cabinet.files.move(first.file_id, name="y"),
        lambda: cabinet.files.node_at("/a/x"),
    ):
        with cabinet.refused("file_not_found", 404):
            use()
    second = cabinet.put("/a/x", "2")
    cabinet.files.trash([second.file_id])
    assert cabinet.trashed() == ["/a/x", "/a/x"]
    (newer, older) = cabinet.files.trashed().items
    assert (newer.node_id, older.node_id) == (second.file_id, first.file_id)
    assert (older.trashed_by, newer.trashed_by) == ("u-mia", None)
    assert (older.file_size_bytes, older.count, older.kind) == (1, None, "file")


def test_a_folder_takes_everything_in_it_along(cabinet: Cabinet) -> None:
    paths = ["/a/x", "/a/b/y", "/a/b/c/z"]
    stored = [cabinet.put(path, path) for path in paths]
    folder_id = cabinet.id("/a")
    with cabinet.recording() as during:
        (deleted,) = cabinet.files.trash([folder_id], MIA)
    assert deleted.count == 3
    assert Counter(one["event"] for one in during) == {"file_deleted": 3, "folder_deleted": 1}
    assert {f"{one['folder']}/{one['filename']}" for one in during[:3]} == set(paths)
    assert (during[3]["folder"], during[3]["count"]) == ("/a", 3)
    (shown,) = cabinet.files.trashed().items
    assert (shown.kind, shown.count, shown.filename) == ("folder", 3, "a")
    for one in stored:
        with cabinet.refused("file_not_found", 404):
            cabinet.files.file_by_id(one.file_id)
    with cabinet.refused("folder_not_found", 404):
        cabinet.files.folder("/a/b")
    with cabinet.recording() as during:
        cabinet.files.restore([folder_id], MIA)
    assert Counter(one["event"] for one in during) == {"file_restored": 3, "folder_restored": 1}
    assert [cabinet.files.find(path).file_id for path in paths] == [one.file_id for one in stored]


def test_what_was_deleted_before_does_not_come_back_with_the_folder(cabinet: Cabinet) -> None:
    earlier = cabinet.put("/a/earlier").file_id
    cabinet.put("/a/later")
    folder_id = cabinet.id("/a")
    cabinet.files.trash([earlier])
    with cabinet.recording() as during:
        cabinet.files.trash([folder_id])
    assert [one["event"] for one in during] == ["file_deleted", "folder_deleted"]
    assert cabinet.trashed() == ["/a", "/a/earlier"]
    with cabinet.refused("folder_in_trash", 409) as refusal:
        cabinet.files.restore([earlier])
    assert "/a" in refusal.value.message
    cabinet.files.restore([folder_id])
    assert cabinet.names("/a") == ["later"]
    cabinet.files.restore([earlier])
    assert cabinet.names("/a") == ["earlier", "later"]


@pytest.mark.parametrize("folder_first", [True, False])
def test_a_folder_and_something_in_it_together(cabinet: Cabinet, folder_first: bool) -> None:
    """As a search lists them side by side; and undo puts both back."""
    inner = cabinet.put("/a/b/x").file_id
    chosen = [cabinet.id("/a"), cabinet.id("/a/b"), inner]
    chosen = chosen if folder_first else chosen[::-1]
    with cabinet.recording() as during:
        deleted = cabinet.files.trash(chosen)
    assert [one.node_id for one in deleted] == chosen
    assert [one["event"] for one in during].count("file_deleted") == 1
    back = cabinet.files.restore(chosen)
    assert [one.node_id for one in back] == chosen
    assert cabinet.files.find("/a/b/x").file_id == inner
    assert cabinet.trashed() == []


def test_restored_onto_a_taken_name(cabinet: Cabinet) -> None:
    old = cabinet.put("/a/x", "old").file_id
    cabinet.files.trash([old])
    new = cabinet.put("/a/x", "new")
    with cabinet.refused("filename_taken", 409) as refusal:
        cabinet.files.restore([old])
    assert refusal.value.extra == {"sha256": new.sha256}
    with cabinet.recording() as during:
        (back,) = cabinet.files.restore([old], name="x (old)")
    assert back.filename == "x (old)"
    assert (during[0]["filename"], during[0]["previous_filename"]) == ("x (old)", "x")
    cabinet.files.trash([old])
    cabinet.folder("/a/x (old)")
    with cabinet.refused("filename_taken", 409) as refusal:
        cabinet.files.restore([old])
    assert not refusal.value.extra
    with cabinet.refused("filename_taken", 409):
        cabinet.files.restore([old], name="x")
    assert cabinet.names("/", query="x (old)") == ["x (old)/"]


def test_a_folder_that_comes_back_under_another_name_says_what_it_was_called(
    cabinet: Cabinet,
) -> None:
    cabinet.put("/a/b/x", "1")
    folder_id = cabinet.id("/a/b")
    cabinet.files.trash([folder_id])
    cabinet.folder("/a/b")
    with cabinet.recording() as during:
        cabinet.files.restore([folder_id], name="b (old)")
    assert (during[-1]["event"], during[-1]["folder"]) == ("folder_restored", "/a/b (old)")
    assert during[-1]["previous_folder"] == "/a/b"
    cabinet.files.trash([folder_id])
    with cabinet.recording() as during:
        cabinet.files.restore([folder_id])
    assert "previous_folder" not in during[-1]


def test_all_are_restored_or_none(cabinet: Cabinet) -> None:
    ids = [cabinet.put(f"/a/{number}").file_id for number in range(4)]
    cabinet.files.trash(ids)
    cabinet.put("/a/2")
    with cabinet.refused("filename_taken", 409):
        cabinet.files.restore(ids)
    with cabinet.refused("file_not_found", 404):
        cabinet.files.restore([*ids[:2], cabinet.id("/a/2")])
    same = [cabinet.put("/b/x", "1").file_id]
    cabinet.files.trash(same)
    same.append(cabinet.put("/b/x", "2").file_id)
    cabinet.files.trash(same[1:])
    with cabinet.refused("filename_taken", 409):
        cabinet.files.restore(same)


def test_all_are_deleted_or_none(cabinet: Cabinet) -> None:
    cabinet.put("/a/x")
    for other in ("none", cabinet.id("/")):
        for chosen in ([cabinet.id("/a"), other], [other, cabinet.id("/a")]):
            before = cabinet.state()
            with pytest.raises(Refused):
                cabinet.files.trash(chosen)
            assert cabinet.state() == before
    with cabinet.refused("root_folder", 409):
        cabinet.files.trash([cabinet.id("/")])


def test_the_trash_shows_what_one_could_restore(cabinet: Cabinet) -> None:
    for name in ("read", "write", "manage", "hidden"):
        node_id = cabinet.put(f"/{name}/x").file_id
        cabinet.files.trash([node_id])
    cabinet.share("/read", mia=Level.READ)
    cabinet.share("/write", mia=Level.WRITE)
    cabinet.share("/manage", mia=Level.MANAGE)
    cabinet.share("/hidden", eve=Level.MANAGE)
    shown = {one.folder: one.can_purge for one in cabinet.files.trashed(MIA).items}
    assert shown == {"/write": False, "/manage": True}
    assert {one.folder for one in cabinet.files.trashed(BEN).items} == set()
    assert {one.folder for one in cabinet.files.trashed(EVE).items} == {"/hidden"}
    assert len(cabinet.files.trashed().items) == 4
    assert len(cabinet.files.trashed(limit=3).items) == 3


def test_a_folder_in_a_trashed_one_is_found_under_its_old_path(cabinet: Cabinet) -> None:
    cabinet.put("/a/b/c/x")
    inner = cabinet.id("/a/b/c")
    cabinet.files.trash([inner])
    cabinet.files.move(cabinet.id("/a/b"), name="B")
    cabinet.files.trash([cabinet.id("/a")])
    assert cabinet.trashed() == ["/a", "/a/B/c"]


def test_more_than_one_act_can_record(cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (trash, inside):
        monkeypatch.setattr(module, "AT_ONCE", 5)
    ids = [cabinet.put(f"/a/{number}").file_id for number in range(6)]
    others = [cabinet.put(f"/b{number}/{name}").folder_id for number in "12" for name in "345"]
    with cabinet.refused("too_many_at_once", 409) as refusal:
        cabinet.files.trash([cabinet.id("/a")])
    assert refusal.value.message.startswith("That would be more than 5 files or folders")
    with cabinet.refused("too_many_at_once", 409):
        cabinet.files.trash(ids)
    with cabinet.refused("too_many_at_once", 409):
        cabinet.files.trash(others)
    cabinet.files.trash(ids[:5])
    cabinet.files.trash(ids[5:])
    with cabinet.refused("too_many_at_once", 409):
        cabinet.files.restore(ids)
    cabinet.files.restore(ids[:5])


def test_more_folders_than_one_statement_names(cabinet: Cabinet) -> None:
    count = 1_100
    cabinet.store.write(lambda _c: [cabinet.put(f"/a/{number}/x") for number in range(count)])
    folder_id = cabinet.id("/a")
    (deleted,) = cabinet.files.trash([folder_id])
    assert deleted.count == count
    (back,) = cabinet.files.restore([folder_id])
    assert back.count == count
    assert cabinet.files.count("/a") == count


def test_how_many_there_are_is_told_as_far_as_they_may_be_seen(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        cabinet.put(f"/open/x{number}")
        cabinet.put(f"/hidden/x{number}")
        cabinet.folder(f"/open/f{number}")
    cabinet.share("/hidden", eve=Level.MANAGE)
    cabinet.share("/open/f0", eve=Level.MANAGE)
    assert cabinet.files.trash_count(MIA) == 0
    for number in range(5):
        cabinet.files.trash([cabinet.id(f"/open/{kind}{number}") for kind in "xf"])
    assert (cabinet.files.trash_count(MIA), cabinet.files.trash_count(EVE)) == (9, 10)
    for number in range(5):
        cabinet.files.trash([cabinet.id(f"/hidden/x{number}")])
    assert (cabinet.files.trash_count(MIA), cabinet.files.trash_count(EVE)) == (9, 15)
    assert len(cabinet.files.trashed(MIA).items) == 9
    monkeypatch.setattr(trashed, "COUNTED", 4)
    assert cabinet.files.trash_count(MIA) == 4
    monkeypatch.setattr(trashed, "LOOKED_AT", 5)  # the hidden ones
    assert (cabinet.files.trash_count(MIA), cabinet.files.trash_count(EVE)) == (0, 4)

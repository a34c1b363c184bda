"""Gone for good: in steps, each whole by itself, and nothing that is still wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, select, update

from strongroom.errors import Refused
from strongroom.files.model import Level
from strongroom.files.service import content_sizes, purge_steps
from strongroom.files.service.part import DAY, Limits
from strongroom.files.tables import ROOT_ID, file_version, folder_permission, node
from strongroom.files.tree import TRASHED
from tests.unit.files.cabinet import ADA, BEN, EVE, MIA, Cabinet


def nodes(cabinet: Cabinet) -> int:
    """How many files and folders there are in whatever state, without the root."""
    with cabinet.store.read() as connection:
        return len(connection.execute(select(node)).all()) - 1


def versions(cabinet: Cabinet) -> int:
    """How many contents are named."""
    with cabinet.store.read() as connection:
        return len(connection.execute(select(file_version)).all())


def deleted(cabinet: Cabinet, path: str) -> str:
    """What was there, now in the trash."""
    node_id = cabinet.id(path)
    cabinet.files.trash([node_id])
    return node_id


def age(cabinet: Cabinet, days: float) -> None:
    """Let so many days go by for what is in the trash or was replaced."""
    past = int(days * DAY)

    def unit(connection: Connection) -> None:
        connection.execute(
            update(node).where(node.c.state == TRASHED).values(changed_at=node.c.changed_at - past)
        )
        replaced = file_version.c.replaced_at.is_not(None)
        connection.execute(
            update(file_version)
            .where(replaced)
            .values(replaced_at=file_version.c.replaced_at - past)
        )

    cabinet.store.write(unit)


@contextmanager
def steps_of(monkeypatch: pytest.MonkeyPatch, size: int) -> Iterator[None]:
    """So many contents in a step."""
    with monkeypatch.context() as patch:
        patch.setattr(purge_steps, "IN_STEPS", size)
        yield


def test_a_purged_file_is_gone_with_all_versions(cabinet: Cabinet) -> None:
    cabinet.put("/a/x", "1", MIA)
    cabinet.replace("/a/x", "22", BEN)
    cabinet.replace("/a/x", "1", MIA)
    node_id = deleted(cabinet, "/a/x")
    with cabinet.recording() as during:
        assert cabinet.files.purge([node_id, node_id]) == 3
    assert [one["event"] for one in during] == ["file_purged"] * 3
    assert sorted(one["file_size_bytes"] for one in during) == [1, 1, 2]
    assert {(one["filename"], one["folder"]) for one in during} == {("x", "/a")}
    assert content_sizes(cabinet.store) == {}
    assert (cabinet.used(MIA), cabinet.used(BEN)) == (0, 0)
    for act in (cabinet.files.purge, cabinet.files.restore):
        with cabinet.refused("file_not_found", 404):
            act([node_id])


def test_only_what_is_in_the_trash_is_purged(cabinet: Cabinet) -> None:
    stored = cabinet.put("/a/x")
    inner = cabinet.put("/b/y").file_id
    deleted(cabinet, "/b")
    for node_id in (stored.file_id, stored.folder_id, inner, ROOT_ID, "none"):
        with cabinet.refused("file_not_found", 404):
            cabinet.files.purge([node_id])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_a_folder_goes_with_everything_that_was_ever_in_it(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    for number in range(4):
        cabinet.put(f"/a/{number}", f"{number}", MIA)
        cabinet.replace(f"/a/{number}", f"{number}{number}", BEN)
        cabinet.put(f"/a/b/{number}/x", "xxx", MIA)
    cabinet.share("/a/b/1", everyone=Level.WRITE)
    deleted(cabinet, "/a/0")
    deleted(cabinet, "/a/b/0")
    cabinet.put("/kept", "kept", MIA)
    folder_id = deleted(cabinet, "/a")
    with steps_of(monkeypatch, size), cabinet.recording() as during:
        assert cabinet.files.purge([folder_id], ADA) == 12
    assert Counter(one["event"] for one in during) == {"file_purged": 12, "folder_purged": 1}
    assert (during[-1]["folder"], during[-1]["count"]) == ("/a", 12)
    assert {one["folder"] for one in during[:-1]} == {"/a", *(f"/a/b/{n}" for n in range(4))}
    assert (nodes(cabinet), versions(cabinet)) == (1, 1)
    assert (cabinet.used(MIA), cabinet.used(BEN)) == (4, 0)
    with cabinet.store.read() as connection:
        assert len(connection.execute(select(folder_permission)).all()) == 1


@pytest.mark.soak
def test_more_than_a_thousand_contents(cabinet: Cabinet) -> None:
    def fill(_connection: object) -> None:
        for number in range(1_300):
            cabinet.put(f"/a/{number % 600}/{number}", number, MIA)

    cabinet.store.write(fill)
    for number in range(1_050):
        cabinet.replace("/a/0/0", number + 1, MIA)
    folder_id = deleted(cabinet, "/a")
    before = len(cabinet.records())
    assert cabinet.files.purge([folder_id]) == 2_350
    assert len(cabinet.records()) - before == 2_351
    assert (nodes(cabinet), versions(cabinet), cabinet.used(MIA)) == (0, 0, 0)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_what_is_left_after_a_step_can_still_be_restored(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """A server may stop between two steps, and somebody may be quicker than the next."""
    for number in range(4):
        cabinet.put(f"/a/{number}", "1", MIA)
        cabinet.replace(f"/a/{number}", "22", MIA)
        cabinet.replace(f"/a/{number}", "333", MIA)
    folder_id = deleted(cabinet, "/a")
    taken: list[str] = []
    steps = cabinet.files.drop_versions

    def stop(connection: object, rows: object, path_in: object) -> None:
        if taken:
            raise OSError("power cut")
        taken.append("step")
        steps(connection, rows, path_in)  # type: ignore[arg-type]

    with steps_of(monkeypatch, size), monkeypatch.context() as patch:
        patch.setattr(cabinet.files, "drop_versions", stop)
        with pytest.raises(OSError, match="power cut"):
            cabinet.files.purge([folder_id])
    assert versions(cabinet) == 12 - size
    cabinet.check()
    cabinet.files.restore([folder_id])
    listing = cabinet.files.list("/a")
    assert len(listing.files) == listing.total
    for stored in listing.files:
        assert (stored.file_size_bytes, cabinet.files.find(stored.path)) == (3, stored)
        assert cabinet.files.versions(stored.file_id).items


@pytest.mark.parametrize("order", [1, -1])
def test_a_folder_and_something_in_it_together(cabinet: Cabinet, order: int) -> None:
    cabinet.put("/a/b/x")
    chosen = [deleted(cabinet, path) for path in ("/a/b/x", "/a/b", "/a")][::order]
    assert cabinet.files.purge(chosen) == 1
    assert nodes(cabinet) == 0


def test_the_whole_trash_with_what_is_in_trashed_folders(cabinet: Cabinet) -> None:
    for path in ("/a/b/x", "/a/y", "/z"):
        cabinet.put(path)
    for path in ("/a/b/x", "/a/b", "/a", "/z"):
        deleted(cabinet, path)
    assert cabinet.trashed() == ["/z", "/a", "/a/b", "/a/b/x"]
    assert cabinet.files.empty_trash(ADA) == 3
    assert (cabinet.trashed(), nodes(cabinet)) == ([], 0)
    assert cabinet.files.empty_trash(ADA) == 0


def test_everybody_empties_what_they_manage(cabinet: Cabinet) -> None:
    for name in ("write", "manage", "hidden"):
        cabinet.put(f"/{name}/x")
        cabinet.put(f"/{name}/sub/y")
    cabinet.share("/write", mia=Level.WRITE, eve=Level.MANAGE)
    cabinet.share("/manage", mia=Level.MANAGE)
    cabinet.share("/hidden", eve=Level.MANAGE)
    for name in ("write", "manage", "hidden"):
        deleted(cabinet, f"/{name}/x")
        deleted(cabinet, f"/{name}/sub")
    assert cabinet.files.empty_trash(MIA) == 2
    assert sorted(cabinet.trashed()) == ["/hidden/sub", "/hidden/x", "/write/sub", "/write/x"]
    assert cabinet.files.empty_trash(BEN) == 0
    assert cabinet.files.empty_trash(EVE) == 4


def test_one_may_not_purge_the_rooms_of_others_with_ones_own(cabinet: Cabinet) -> None:
    cabinet.put("/mine/box/theirs/x")
    cabinet.put("/mine/other")
    cabinet.share("/mine", mia=Level.MANAGE)
    cabinet.share("/mine/box/theirs", mia=Level.WRITE, eve=Level.MANAGE)
    box, other = deleted(cabinet, "/mine/box"), deleted(cabinet, "/mine/other")
    with cabinet.refused("permission_missing", 403):
        cabinet.files.purge([box], MIA)
    assert cabinet.files.empty_trash(MIA) == 1
    assert cabinet.trashed() == ["/mine/box"]
    with cabinet.refused("file_not_found", 404):
        cabinet.files.purge([other], MIA)


def test_more_in_the_trash_than_is_shown(cabinet: Cabinet) -> None:
    """The newest thousand are not one's own."""
    cabinet.share("/", everyone=Level.WRITE, eve=Level.MANAGE)
    cabinet.put("/mine/x")
    cabinet.share("/mine", mia=Level.MANAGE)
    deleted(cabinet, "/mine/x")
    ids = cabinet.store.write(lambda _c: [cabinet.put(f"/{n}").file_id for n in range(1_001)])
    cabinet.files.trash(ids)
    assert cabinet.files.empty_trash(MIA) == 1
    assert cabinet.files.empty_trash(MIA) == 0


def test_the_old_goes_and_the_new_stays(cabinet: Cabinet) -> None:
    cabinet.files.limits = Limits(trash_days=30)
    for path in ("/a/b/x", "/a/y", "/z", "/kept"):
        cabinet.put(path, path)
    cabinet.replace("/kept", "new")
    for path in ("/a/b/x", "/a/b", "/a", "/z"):
        deleted(cabinet, path)
    age(cabinet, 29.9)
    assert cabinet.files.purge_old() == 0
    age(cabinet, 0.2)
    deleted(cabinet, "/kept")
    with cabinet.recording() as during:
        assert cabinet.files.purge_old() == 4  # three files, and the first content of the fourth
    assert Counter(one["event"] for one in during) == {"file_purged": 4, "folder_purged": 2}
    assert cabinet.trashed() == ["/kept"]
    cabinet.files.restore([cabinet.files.trashed().items[0].node_id])
    (version,) = cabinet.files.versions(cabinet.id("/kept")).items
    assert version.replaced_at is None


def test_what_was_deleted_again_meanwhile_is_not_old(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    cabinet.files.limits = Limits(trash_days=30)
    cabinet.put("/x")
    node_id = deleted(cabinet, "/x")
    age(cabinet, 31)
    purge = cabinet.files._act

    def later(*args: object) -> object:
        """Between the look at the trash and the first step."""
        monkeypatch.setattr(cabinet.files, "_act", purge)
        cabinet.files.restore([node_id])
        cabinet.files.trash([node_id])
        return purge(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(cabinet.files, "_act", later)
    assert cabinet.files.purge_old() == 0
    assert cabinet.trashed() == ["/x"]


def test_nothing_is_ever_old_where_all_is_kept(cabinet: Cabinet) -> None:
    cabinet.files.limits = Limits(trash_days=0)
    cabinet.put("/x")
    cabinet.replace("/x", "new")
    deleted(cabinet, "/x")
    age(cabinet, 4_000)
    assert cabinet.files.purge_old() == 0
    assert versions(cabinet) == 2
    assert cabinet.files.trashed().items[0].purged_at is None


def test_a_version_that_came_back_is_not_old(cabinet: Cabinet) -> None:
    cabinet.files.limits = Limits(trash_days=30)
    first = cabinet.put("/x", "1")
    cabinet.replace("/x", "22")
    cabinet.replace("/x", "333")
    age(cabinet, 31)
    cabinet.files.restore_version(first.file_id, first.version_id)
    assert cabinet.files.purge_old() == 1
    assert cabinet.files.find("/x").file_size_bytes == 1
    assert [v.file_size_bytes for v in cabinet.files.versions(first.file_id).items] == [1, 3]


def test_who_loses_the_right_between_steps_purges_no_more(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        cabinet.put(f"/a/b/{number}")
    cabinet.share("/a", mia=Level.MANAGE)
    folder_id = deleted(cabinet, "/a/b")
    steps = cabinet.files.drop_versions

    def lose(connection: object, rows: object, path_in: object) -> None:
        steps(connection, rows, path_in)  # type: ignore[arg-type]
        cabinet.gone.add("u-mia")

    monkeypatch.setattr(cabinet.files, "drop_versions", lose)
    with steps_of(monkeypatch, 1), pytest.raises(Refused) as refusal:
        cabinet.files.purge([folder_id], MIA)
    assert refusal.value.reason == "permission_revoked"
    assert versions(cabinet) == 3

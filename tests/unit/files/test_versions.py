"""Versions: what is replaced is kept, and can be had back, by name of the content it replaces."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from strongroom.errors import Refused
from tests.unit.files.cabinet import BEN, MIA, Cabinet, blob_of


def sizes(cabinet: Cabinet, path: str) -> list[int]:
    """Of all versions, newest first."""
    return [one.file_size_bytes for one in cabinet.files.versions(cabinet.id(path)).items]


def test_a_replaced_content_is_kept(cabinet: Cabinet) -> None:
    first = cabinet.put("/a/x", "1", MIA)
    with cabinet.recording() as during:
        second = cabinet.replace("/a/x", "22", BEN)
    assert second.file_id == first.file_id
    assert (second.created_by, second.file_size_bytes) == ("u-mia", 2)
    (record,) = during
    assert (record["event"], record["sha256"], record["previous_sha256"]) == (
        "file_uploaded",
        second.sha256,
        first.sha256,
    )
    page = cabinet.files.versions(first.file_id)
    assert page.file == second
    new, old = page.items
    assert (new.version_id, new.created_by, new.replaced_at) == (second.version_id, "u-ben", None)
    assert (old.version_id, old.created_by, old.sha256) == (
        first.version_id,
        "u-mia",
        first.sha256,
    )
    assert old.replaced_at is not None
    assert old.replaced_at >= new.created_at


def test_wherever_a_file_is_shown_it_is_said_whose_content_it_holds(cabinet: Cabinet) -> None:
    first = cabinet.put("/a/x", "1", MIA)
    assert (first.changed_at, first.changed_by) == (first.created_at, "u-mia")
    second = cabinet.replace("/a/x", "22", BEN)
    files = cabinet.files
    for shown in (
        second,
        files.find("/a/x"),
        files.file_by_id(first.file_id),
        *files.list("/a").files,
        *files.list("/", query="x").files,
    ):
        assert (shown.created_at, shown.created_by) == (first.created_at, "u-mia")
        assert (shown.changed_at, shown.changed_by) == (second.changed_at, "u-ben")
        assert shown.changed_at > shown.created_at


def test_only_the_content_that_was_named_is_replaced(cabinet: Cabinet) -> None:
    first = cabinet.put("/x", "1")
    second = cabinet.replace("/x", "2")
    folder_id = first.folder_id
    for name, replaces in (("x", first.sha256), ("x", "0" * 64), ("x", ""), ("y", second.sha256)):
        for act in (
            lambda name=name, replaces=replaces: cabinet.files.add(
                folder_id, name, "text/plain", blob_of("3"), MIA, replaces=replaces
            ),
            lambda name=name, replaces=replaces: cabinet.files.check_free(
                folder_id, name, MIA, replaces
            ),
        ):
            with cabinet.refused("version_not_current", 412):
                act()
    cabinet.files.trash([first.file_id])
    with cabinet.refused("version_not_current", 412):
        cabinet.files.add(folder_id, "x", "text/plain", blob_of("3"), replaces=second.sha256)


def test_one_of_many_at_once_replaces_it(cabinet: Cabinet) -> None:
    first = cabinet.put("/x", "first", MIA)

    def replace(number: int) -> bool:
        try:
            cabinet.files.add(
                first.folder_id,
                "x",
                "text/plain",
                blob_of(number + 100),
                MIA,
                replaces=first.sha256,
            )
        except Refused as refusal:
            return _is(refusal, "version_not_current")
        return True

    with ThreadPoolExecutor(20) as pool:
        replaced = list(pool.map(replace, range(60)))
    assert replaced.count(True) == 1
    assert sizes(cabinet, "/x") == [replaced.index(True) + 100, 5]
    assert cabinet.used(MIA) == replaced.index(True) + 105


def test_the_same_content_again_is_a_version_of_its_own(cabinet: Cabinet) -> None:
    cabinet.put("/x", "same", MIA)
    cabinet.replace("/x", "same", MIA)
    assert sizes(cabinet, "/x") == [4, 4]
    assert cabinet.used(MIA) == 8


def test_an_old_content_comes_back(cabinet: Cabinet) -> None:
    first = cabinet.put("/x", "1", MIA)
    second = cabinet.replace("/x", "22", MIA)
    with cabinet.recording() as during:
        back = cabinet.files.restore_version(first.file_id, first.version_id, BEN)
    assert (back.sha256, back.version_id) == (first.sha256, first.version_id)
    (record,) = during
    assert [record[f] for f in ("event", "sha256", "previous_sha256")] == [
        "version_restored",
        first.sha256,
        second.sha256,
    ]
    shown = {v.version_id: v.replaced_at for v in cabinet.files.versions(first.file_id).items}
    assert shown[first.version_id] is None
    assert shown[second.version_id] is not None
    assert cabinet.used(MIA) == 3
    assert cabinet.used(BEN) == 0
    # And forth, and to what is there already.
    cabinet.files.restore_version(first.file_id, second.version_id)
    with cabinet.recording() as during:
        assert cabinet.files.restore_version(first.file_id, second.version_id).file_size_bytes == 2
    assert [one["event"] for one in during] == ["change_not_needed"]


def test_a_version_of_another_file_is_none(cabinet: Cabinet) -> None:
    stored, other = cabinet.put("/x"), cabinet.put("/y")
    cabinet.replace("/y", "new")
    for version_id in (other.version_id, "none"):
        with cabinet.refused("version_not_found", 404):
            cabinet.files.restore_version(stored.file_id, version_id)
    with cabinet.refused("file_not_found", 404):
        cabinet.files.restore_version(stored.folder_id, other.version_id)


def test_a_replacement_is_listed_as_new(cabinet: Cabinet) -> None:
    for name in "abc":
        cabinet.put(f"/{name}")
    cabinet.replace("/a", "new")
    assert [one.filename for one in cabinet.files.list().files] == ["a", "c", "b"]


@pytest.mark.parametrize("back", [True, False])
def test_all_versions_go_to_the_trash_and_come_back(cabinet: Cabinet, back: bool) -> None:
    stored = cabinet.put("/x", "1", MIA)
    cabinet.replace("/x", "22", MIA)
    cabinet.files.trash([stored.file_id])
    assert cabinet.used(MIA) == 3
    if back:
        cabinet.files.restore([stored.file_id])
        assert sizes(cabinet, "/x") == [2, 1]
    else:
        cabinet.files.purge([stored.file_id])
        assert cabinet.used(MIA) == 0


def _is(refusal: Refused, reason: str) -> bool:
    """False, if it was refused for this reason."""
    assert refusal.reason == reason
    return False

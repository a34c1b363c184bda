"""Files are added: listed and recorded together, or neither; one name, one file."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from strongroom.errors import Refused, Unavailable
from strongroom.files.service import content_sizes
from tests.unit.files.cabinet import MIA, Cabinet, blob_of

THREADS = 20


def test_an_added_file_is_listed_and_recorded(cabinet: Cabinet) -> None:
    stored = cabinet.put("/a/日本語.txt", "content", MIA)
    assert cabinet.files.find("/a/日本語.txt") == stored
    assert cabinet.files.file_by_id(stored.file_id) == stored
    listing = cabinet.files.list("/a")
    assert (listing.files, listing.folders, listing.total) == ([stored], [], 1)
    record = cabinet.records()[-1]
    assert record["event"] == "file_uploaded"
    for field in ("file_id", "filename", "folder", "file_size_bytes", "detected_type", "sha256"):
        assert record[field] == getattr(stored, field)
    assert stored.created_by == "u-mia"
    assert stored.path == "/a/日本語.txt"
    assert content_sizes(cabinet.store) == {stored.sha256: 7}


def test_a_name_in_use_is_refused(cabinet: Cabinet) -> None:
    first = cabinet.put("/a.txt")
    folder_id = first.folder_id
    for refuse in (
        lambda: cabinet.files.add(folder_id, "a.txt", "text/html", blob_of("other")),
        lambda: cabinet.files.check_free(folder_id, "a.txt"),
        lambda: cabinet.files.make_folder("/a.txt"),
        lambda: cabinet.folder("/a.txt"),
        lambda: cabinet.folder("/a.txt/below"),
    ):
        with cabinet.refused("filename_taken", 409) as refusal:
            refuse()
        assert refusal.value.extra == {"sha256": first.sha256}
    assert cabinet.files.find("/a.txt") == first


def test_a_name_that_a_folder_has(cabinet: Cabinet) -> None:
    folder = cabinet.folder("/a")
    for refuse in (
        lambda: cabinet.put("/a"),
        lambda: cabinet.files.check_free(cabinet.id("/"), "a"),
        lambda: cabinet.files.make_folder("/a"),
        lambda: cabinet.files.make_folder("/a/"),
        lambda: cabinet.files.make_folder("/"),
    ):
        with cabinet.refused("filename_taken", 409) as refusal:
            refuse()
        assert not refusal.value.extra
    with cabinet.refused("version_not_current", 412):
        cabinet.files.add(cabinet.id("/"), "a", "text/plain", blob_of("x"), replaces="0" * 64)
    with cabinet.refused("file_not_found", 404):
        cabinet.files.find("/a")
    assert cabinet.folder("/a") == folder


def test_one_of_many_at_once_gets_the_name(cabinet: Cabinet) -> None:
    folder_id = cabinet.folder("/a").folder_id

    def add(number: int) -> bool:
        try:
            if number % 5 == 4:
                cabinet.files.make_folder("/a/b")
            else:
                cabinet.files.add(folder_id, "b", "text/plain", blob_of(number), MIA)
        except Refused as refusal:
            return _is(refusal, "filename_taken")
        return True

    with ThreadPoolExecutor(THREADS) as pool:
        added = list(pool.map(add, range(100)))
    assert added.count(True) == 1
    first = added.index(True)
    kind = "folder_created" if first % 5 == 4 else "file_uploaded"
    assert cabinet.events() == ["folder_created", kind]
    assert cabinet.files.count("/a") == 1
    assert cabinet.used(MIA) == (0 if kind == "folder_created" else first)


def test_folders_on_the_way_are_made_once_by_many(cabinet: Cabinet) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        stored = list(pool.map(lambda number: cabinet.put(f"/a/b/c/{number}"), range(40)))
    assert len({one.folder_id for one in stored}) == 1
    assert cabinet.events().count("folder_created") == 3
    assert cabinet.files.count("/a/b/c") == 40


def test_names_that_differ_in_any_way_are_different_files(cabinet: Cabinet) -> None:
    wanted = [
        "a.txt",
        "A.txt",
        "a.txt ",
        " a.txt",
        "gr\u00f6\u00df",
        "gro\u0308\u00df",
        "\uff41.txt",
    ]
    for name in wanted:
        cabinet.put(name, name)
    for name in wanted:
        assert cabinet.files.find(name).sha256 == blob_of(name).sha256
    assert sorted(cabinet.names()) == sorted(wanted)


def test_one_name_in_several_folders(cabinet: Cabinet) -> None:
    paths = ["/x", "/a/x", "/a/a/x", "/ab/x"]
    stored = [cabinet.put(path, path) for path in paths]
    assert [cabinet.files.find(path) for path in paths] == stored
    assert [one.path for one in stored] == paths


@pytest.mark.parametrize("name", ["", "..", ".", "a/b", "a\nb", "x" * 300, "\ud800"])
def test_a_name_that_cannot_be(cabinet: Cabinet, name: str) -> None:
    folder_id = cabinet.folder("/a").folder_id
    before = cabinet.state()
    for use in (
        lambda: cabinet.files.add(folder_id, name, "text/plain", blob_of("x")),
        lambda: cabinet.files.check_free(folder_id, name),
        lambda: cabinet.files.make_folder(f"/a/{name}" if name != "a/b" else "/a/a/../b"),
        lambda: cabinet.files.move(folder_id, name=name),
        lambda: cabinet.files.restore([folder_id], name=name),
    ):
        with pytest.raises(Refused) as refusal:
            use()
        wanted = ("filename_taken",) if name == "" else ()  # "/a/" is the folder itself
        assert refusal.value.status == 400 or refusal.value.reason in wanted
    assert cabinet.state() == before


def test_where_nothing_can_be_recorded_nothing_happens(cabinet: Cabinet) -> None:
    kept = cabinet.put("/a/kept.txt", "1", MIA)
    cabinet.replace("/a/kept.txt", "2", MIA)
    old = cabinet.files.versions(kept.file_id).items[-1]
    gone = cabinet.put("/gone.txt", "3", MIA)
    cabinet.files.trash([gone.file_id])
    before = cabinet.state()
    other = sqlite3.connect(cabinet.store.path)
    other.execute("alter table journal rename to journal_away")
    folder_id = kept.folder_id
    for act in (
        lambda: cabinet.files.add(folder_id, "b", "text/plain", blob_of("x"), MIA),
        lambda: cabinet.files.make_folder("/b"),
        lambda: cabinet.files.move(kept.file_id, name="other"),
        lambda: cabinet.files.trash([folder_id]),
        lambda: cabinet.files.restore([gone.file_id]),
        lambda: cabinet.files.restore_version(kept.file_id, old.version_id),
        lambda: cabinet.files.purge([gone.file_id]),
        lambda: cabinet.files.set_quota("u-mia", 5),
    ):
        with pytest.raises(Unavailable):
            act()
    other.execute("alter table journal_away rename to journal")
    other.close()
    assert cabinet.state() == before


def test_who_may_no_more_changes_nothing(cabinet: Cabinet) -> None:
    kept = cabinet.put("/a/kept.txt", "1", MIA)
    cabinet.replace("/a/kept.txt", "2", MIA)
    old = cabinet.files.versions(kept.file_id).items[-1]
    gone = cabinet.put("/gone.txt", "3", MIA)
    cabinet.files.trash([gone.file_id], MIA)
    cabinet.gone.add("u-mia")
    folder_id = kept.folder_id
    for act in (
        lambda: cabinet.files.add(folder_id, "b", "text/plain", blob_of("x"), MIA),
        lambda: cabinet.files.make_folder("/b", MIA),
        lambda: cabinet.files.place("/c/d", MIA, make=True),
        lambda: cabinet.files.move(kept.file_id, MIA, name="other"),
        lambda: cabinet.files.move_all([kept.file_id], cabinet.id("/"), MIA),
        lambda: cabinet.files.trash([folder_id], MIA),
        lambda: cabinet.files.restore([gone.file_id], MIA),
        lambda: cabinet.files.restore_version(kept.file_id, old.version_id, MIA),
        lambda: cabinet.files.purge([gone.file_id], MIA),
        lambda: cabinet.files.permit(folder_id, {}, MIA),
    ):
        with cabinet.refused("permission_revoked", 403):
            act()


def test_what_is_beside_commits_with_it_or_neither_does(cabinet: Cabinet) -> None:
    folder_id = cabinet.folder("/a").folder_id
    before = cabinet.state()

    def fail(_connection: object, _stored: object) -> None:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        cabinet.files.add(folder_id, "b", "text/plain", blob_of("x"), MIA, beside=fail)
    assert cabinet.state() == before


def _is(refusal: Refused, reason: str) -> bool:
    """False, if it was refused for this reason."""
    assert refusal.reason == reason
    return False

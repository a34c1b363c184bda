"""Content that no file has goes; content that an upload is just adopting never does."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from strongroom.files.tables import ROOT_ID
from strongroom.files.upkeep.collect import IN_STEPS, collect
from strongroom.objects.folders import kept_from_publishing, kept_from_removing, open_folder
from strongroom.objects.local import LocalObjects
from tests.unit.kept import Kept

ROUNDS = 60


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "data")


def test_what_nobody_names_goes_once_it_is_old(kept: Kept) -> None:
    named = kept.add("a.txt", b"named")
    kept.age(named.sha256, 100)
    old, young = kept.orphan(b"old"), kept.orphan(b"young", hours=0.9)
    assert kept.collect() == 1
    assert set(kept.blobs.all()) == {named.sha256, young.sha256}
    kept.age(young.sha256, 1.1)
    assert kept.collect() == 1
    assert kept.blobs.size(old.sha256) is kept.blobs.size(young.sha256) is None


def test_the_content_of_purged_files_goes_unless_another_has_it(kept: Kept) -> None:
    alone, shared = kept.add("alone", b"alone"), kept.add("shared", b"shared")
    again = kept.add("again", b"shared")
    replaced = kept.add("replaced", b"before")
    kept.add("replaced", b"after", replaces=replaced.sha256)
    for sha256 in {one.sha256 for one in (alone, shared, replaced)}:
        kept.age(sha256, 2)
    kept.files.trash([alone.file_id, shared.file_id])
    assert kept.collect() == 0  # the trash and older versions name theirs
    kept.files.purge([alone.file_id, shared.file_id])
    assert kept.collect() == 1
    assert kept.blobs.size(alone.sha256) is None
    with kept.files.open_content(again) as content:
        assert content.read() == b"shared"


def test_an_old_orphan_that_an_upload_has_just_published_again(kept: Kept) -> None:
    """It is not committed so far, so only its age tells."""
    blob = kept.orphan(b"once more", hours=1_000)
    assert kept.publish(b"once more") == blob
    assert kept.collect() == 0
    added = kept.files.add(ROOT_ID, "a", "text/plain", blob)
    kept.age(added.sha256, 1_000)
    assert kept.collect() == 0
    with kept.files.open_content(added) as content:
        assert content.read() == b"once more"


def test_uploads_and_collections_at_the_same_moment(kept: Kept) -> None:
    """However they meet, what was uploaded is there, and what is left is whole."""
    removed = 0
    for number in range(ROUNDS):
        content = b"content %d" % number
        kept.orphan(content)
        together = threading.Barrier(2)

        def upload(together: threading.Barrier, name: str, content: bytes) -> None:
            together.wait()
            kept.add(name, content)

        name = f"file {number}"
        uploading = threading.Thread(target=upload, args=(together, name, content))
        uploading.start()
        together.wait()
        removed += kept.collect()
        uploading.join()
        with kept.files.open_content(kept.files.find(name)) as stream:
            assert stream.read() == content
    print(f"removed first: {removed} of {ROUNDS}")  # noqa: T201  # shown when the test fails


def test_nothing_is_removed_while_somebody_publishes_there(kept: Kept) -> None:
    blob = kept.orphan(b"old")
    with open_folder(kept.root, f"blobs/{blob.sha256[:2]}/{blob.sha256[2:4]}/x") as (folder, _):
        kept_from_removing(folder)
        assert kept.collect() == 0
    assert kept.collect() == 1


def test_nothing_is_published_while_somebody_removes_there(kept: Kept) -> None:
    """Between the look at the old object and its removal nobody may put a new one in its place."""
    blob = kept.orphan(b"old")
    before = kept.blobs.stamp(blob.sha256)
    publishing = threading.Thread(target=kept.publish, args=(b"old",))
    with open_folder(kept.root, f"blobs/{blob.sha256[:2]}/{blob.sha256[2:4]}/x") as (folder, _):
        assert kept_from_publishing(folder)
        publishing.start()
        publishing.join(0.2)
        assert publishing.is_alive()
        assert kept.blobs.stamp(blob.sha256) == before
        kept.path(blob.sha256).unlink()
    publishing.join()
    assert kept.path(blob.sha256).read_bytes() == b"old"


def test_a_complete_upload_that_could_not_be_listed_keeps_its_content(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there are no second names, what it was published as is all there is of it."""

    def no_links(*_arguments: object, **_options: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr("os.link", no_links)
    blob = kept.orphan(b"whole")
    kept.path(blob.sha256).unlink()
    resumable = kept.objects.begin("00000000-0000-7000-8000-000000000000")
    writer = resumable.take_over(0)
    writer.write(b"whole")
    writer.finish(whole=True)
    key = f"blobs/{blob.sha256[:2]}/{blob.sha256[2:4]}/{blob.sha256}"
    resumable.publish(key)
    kept.age(blob.sha256, 20)
    assert kept.collect() == 0
    assert kept.path(blob.sha256).read_bytes() == b"whole"
    resumable.discard()
    assert kept.collect() == 1


def test_what_is_no_content_of_ours_is_left_alone(kept: Kept) -> None:
    """A link in its place is neither followed nor removed, and ends nothing."""
    old, other = kept.orphan(b"old"), kept.orphan(b"other")
    aside = kept.root / "aside"
    kept.path(other.sha256).rename(aside)
    kept.path(other.sha256).symlink_to(aside)
    foreign = kept.root / "blobs" / "notes.txt"
    foreign.write_text("of somebody")
    assert kept.collect() == 1
    assert kept.blobs.size(old.sha256) is None
    assert aside.read_bytes() == b"other"
    assert foreign.read_text() == "of somebody"


def test_stopping(kept: Kept) -> None:
    """It stops at the next step, and the rest goes the next time."""
    for number in range(50):
        kept.orphan(b"orphan %d" % number)
    assert collect(kept.store, kept.objects, pause=lambda _seconds: True) == IN_STEPS
    assert kept.collect() == 50 - IN_STEPS


def test_removed_while_somebody_reads(kept: Kept, tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path / "others")
    with objects.receive() as arriving:
        arriving.write(b"content")
        arriving.publish("blobs/a/b")
    with objects.open("blobs/a/b") as stream:
        assert objects.remove("blobs/a/b", published_before=float("inf"))
        assert stream.read() == b"content"
    assert not objects.remove("blobs/a/b", published_before=float("inf"))
    assert objects.stamp("blobs/a/b") is None

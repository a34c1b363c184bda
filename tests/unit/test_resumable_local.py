"""Resumable objects on a local disk: power cuts, full disks, links, file systems of few talents."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from strongroom.audit.pipeline.clock import new_id
from strongroom.objects import LocalObjects, Overtaken, Resumable, sidecar
from tests.contract.test_object_store import KEY, content
from tests.contract.test_resumable_objects import append, assert_absent, read


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def objects(root: Path) -> LocalObjects:
    return LocalObjects(root)


@pytest.fixture
def upload_id() -> str:
    return new_id()


@pytest.fixture
def begun(objects: LocalObjects, upload_id: str) -> Resumable:
    return objects.begin(upload_id)


def start_again(monkeypatch: pytest.MonkeyPatch, boot: str | None = "another") -> None:
    """As if the machine had lost its power and had been started again."""
    monkeypatch.setattr(sidecar, "boot_id", lambda: boot)
    monkeypatch.setattr("strongroom.objects.partial.boot_id", lambda: boot)


def test_after_a_power_cut_only_what_was_synced_counts(
    begun: Resumable, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(begun, 0, b"synced ")
    writer = begun.take_over(7)
    writer.write(b"perhaps zeros by now")
    writer.close()
    assert begun.arrived().size == 27
    start_again(monkeypatch)
    assert begun.arrived().size == 7
    with pytest.raises(Overtaken):
        begun.take_over(27)
    append(begun, 7, b"sent again")
    assert read(begun) == b"synced sent again"


def test_a_second_power_cut_finds_the_same(
    begun: Resumable, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(begun, 0, b"synced")
    for boot in ("second", "third"):
        start_again(monkeypatch, boot)
        writer = begun.take_over(6)
        writer.write(b" lost")
        writer.close()
    start_again(monkeypatch, "fourth")
    assert begun.arrived().size == 6


def test_where_no_boot_can_be_told_nothing_unsynced_counts(
    begun: Resumable, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_again(monkeypatch, None)
    append(begun, 0, b"synced")
    assert begun.arrived().size == 6
    writer = begun.take_over(6)
    writer.write(b" not yet")
    writer.close()
    assert begun.arrived().size == 6


@pytest.mark.parametrize("block", [b"", b"\0" * 512, b"{", b'{"synced":"x","other":1}', b"[]"])
def test_a_damaged_sidecar_means_that_nothing_is_relied_on(
    root: Path, begun: Resumable, upload_id: str, block: bytes
) -> None:
    append(begun, 0, b"some")
    (root / "uploads" / f"{upload_id}.writer").write_bytes(block)
    assert begun.arrived().size == 0
    append(begun, 0, b"anew")
    assert read(begun) == b"anew"


def test_an_object_is_never_changed_by_what_the_sidecar_does_not_know(
    root: Path, objects: LocalObjects, begun: Resumable, upload_id: str
) -> None:
    """The power went after the object had its name, and before the sidecar was on disk."""
    path = root / "uploads" / f"{upload_id}.writer"
    before = path.read_bytes()
    append(begun, 0, b"whole", whole=True)
    begun.publish(KEY)
    path.write_bytes(before.replace(b'"boot":"', b'"boot":"0'))
    assert begun.arrived().size == 5
    assert begun.arrived().whole
    for offset in (0, 5):
        with pytest.raises(Overtaken):
            begun.take_over(offset)
    assert content(objects, KEY) == b"whole"


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK])
def test_without_hard_links_it_is_renamed(
    objects: LocalObjects, begun: Resumable, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, "no links")

    monkeypatch.setattr(os, "link", refuse)
    append(begun, 0, b"whole", whole=True)
    begun.publish(KEY)
    assert begun.arrived().size == 5
    with pytest.raises(FileNotFoundError):
        begun.open()
    begun.seal(5)
    begun.publish(KEY)
    begun.discard()
    assert content(objects, KEY) == b"whole"
    assert_absent(begun)
    assert list(objects.resumables()) == []


def test_a_failed_link_leaves_no_name_behind(
    objects: LocalObjects, begun: Resumable, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(begun, 0, b"whole", whole=True)
    with monkeypatch.context() as fault:
        fault.setattr(os, "rename", _full)
        with pytest.raises(OSError, match="full"):
            begun.publish(KEY)
    assert objects.leftovers() == 0
    begun.publish(KEY)
    assert content(objects, KEY) == b"whole"


def test_publishing_makes_an_old_upload_new(root: Path, begun: Resumable, upload_id: str) -> None:
    """Else it would be collected as an object that nobody names, before somebody can name it."""
    append(begun, 0, b"whole", whole=True)
    os.utime(root / "uploads" / upload_id, (1, 1))
    begun.publish(KEY)
    assert (root / KEY).stat().st_mtime > 1
    os.utime(root / KEY, (1, 1))
    begun.publish(KEY)
    assert (root / KEY).stat().st_mtime > 1


def test_of_a_chunk_on_a_full_disk_nothing_stays(
    begun: Resumable, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = begun.take_over(0)
    writer.write(b"good")
    real = os.pwrite

    def half(file: int, data: bytes, at: int) -> int:
        if at > 4:
            raise OSError(errno.ENOSPC, "full")
        return real(file, bytes(data)[:2], at)

    with monkeypatch.context() as fault:
        fault.setattr(os, "pwrite", half)
        with pytest.raises(OSError, match="full"):
            writer.write(b"too much")
    assert writer.finish(orderly=False) == 4
    assert read(begun) == b"good"


def _full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "full")


@pytest.mark.parametrize("suffix", ["", ".writer"])
@pytest.mark.parametrize("trap", ["link", "folder", "pipe"])
def test_what_stands_in_its_place_is_not_touched(
    root: Path, begun: Resumable, upload_id: str, trap: str, suffix: str
) -> None:
    append(begun, 0, b"some")
    secret = root.parent / "secret"
    secret.write_bytes(b"keep")
    path = root / "uploads" / f"{upload_id}{suffix}"
    path.unlink()
    if trap == "link":
        path.symlink_to(secret)
    elif trap == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    for act in (begun.arrived, lambda: begun.take_over(4), lambda: begun.seal(4)):
        with pytest.raises(FileNotFoundError):
            act()
    assert secret.read_bytes() == b"keep"


def test_a_folder_that_is_a_link_is_not_followed(
    root: Path, tmp_path: Path, objects: LocalObjects, upload_id: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (root / "uploads").rmdir()
    (root / "uploads").symlink_to(elsewhere)
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        objects.begin(upload_id)
    assert list(elsewhere.iterdir()) == []

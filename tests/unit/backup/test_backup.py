"""What a backup has, and what it does not have."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import Result

from strongroom.backup import making
from strongroom.backup.layout import object_name
from strongroom.backup.looking import read_manifest
from strongroom.backup.making import Backup
from strongroom.backup.snapshot import Named
from strongroom.backup.source import Source
from strongroom.errors import Corrupt, SettingsError, Unavailable
from tests.unit.backup.office import Office, run, told


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_it_has_what_its_manifest_names(backup: Path) -> None:
    manifest, _ = read_manifest(backup)
    assert files(backup) == {*manifest.entries, "manifest.jsonl", "manifest.signed"}
    kinds = {name.partition("/")[0] for name in manifest.entries}
    assert kinds == {"strongroom.db", "archive", "objects"}
    assert sum(name.startswith("objects/") for name in manifest.entries) == 22
    assert {name.split("/")[1] for name in manifest.entries if "archive" in name} == {
        "segments",
        "entries",
    }


def test_nobody_else_can_read_it(backup: Path) -> None:
    for path in (backup, *filter(Path.is_file, backup.rglob("*"))):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_it_is_recorded(office: Office, tmp_path: Path) -> None:
    office.put("/a/1.txt")
    office.sign()
    made = told(office.run("backup", tmp_path / "backup", "--json"))
    [record] = office.events("backup_made")
    assert record["extra"]["manifest"] == made["manifest"]
    assert record["count"] == made["records"] == record["seq"]
    assert record["extra"]["by"] == "command line"


def test_one_that_failed_is_recorded(office: Office, tmp_path: Path) -> None:
    office.put("/a/1.txt")
    done = office.run("backup", office.data / "backup")
    assert done.exit_code == 2
    assert "elsewhere" in done.output
    assert [record["reason"] for record in office.events("backup_failed")] == ["not_possible"]
    assert not (office.data / "backup").exists()


def test_the_key_is_in_it_only_if_asked_for(office: Office, tmp_path: Path) -> None:
    office.put("/a/1.txt")
    office.sign()
    secret = (office.data / "ledger.key").read_bytes()
    told(office.run("backup", tmp_path / "without", "--json"))
    done = office.run("backup", tmp_path / "with", "--with-key")
    assert "can forge checkpoints" in done.output
    assert (tmp_path / "with" / "ledger.key").read_bytes() == secret
    assert secret not in b"".join(
        path.read_bytes() for path in (tmp_path / "without").rglob("*") if path.is_file()
    )


def test_a_name_that_is_taken(office: Office, tmp_path: Path) -> None:
    for place in (tmp_path / "file", tmp_path / "folder", tmp_path / "link"):
        match place.name:
            case "file":
                place.write_text("mine")
            case "folder":
                place.mkdir()
            case _:
                place.symlink_to(tmp_path / "nowhere")
        done = office.run("backup", place)
        assert done.exit_code == 2
        assert "already" in done.output
    assert (tmp_path / "file").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


def test_too_little_room(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office.put("/a/1.txt")
    monkeypatch.setattr(making, "SPARE", 2**60)
    done = office.run("backup", tmp_path / "backup")
    assert done.exit_code == 3
    assert "there is room for" in done.output
    assert {path.name for path in tmp_path.iterdir()} == {"data"}


def test_what_is_the_same_shares_its_room(office: Office, tmp_path: Path) -> None:
    office.fill()
    told(office.run("backup", tmp_path / "one", "--json"))
    office.purge("/a/3.txt")
    new = office.put("/c/new.txt", b"new")
    two = told(office.run("backup", tmp_path / "two", "--previous", tmp_path / "one", "--json"))
    before, after = files(tmp_path / "one"), files(tmp_path / "two")
    assert after - before == {object_name(new)}
    assert len(before - after) == 1
    same = {
        name
        for name in before & after
        if (tmp_path / "one" / name).samefile(tmp_path / "two" / name)
    }
    assert same == before & after - {"strongroom.db", "manifest.jsonl", "manifest.signed"}
    assert two["linked"] == len(same)


def test_what_is_damaged_in_the_backup_before_is_not_shared(office: Office, tmp_path: Path) -> None:
    office.fill()
    told(office.run("backup", tmp_path / "one", "--json"))
    names = [name for name in files(tmp_path / "one") if "blobs" in name or "archive" in name]
    for name in names:
        path = tmp_path / "one" / name
        path.write_bytes(b"X" + path.read_bytes()[1:])
    two = told(office.run("backup", tmp_path / "two", "--previous", tmp_path / "one", "--json"))
    assert two["linked"] == 0
    assert two["absent"] == []


def test_a_file_of_the_archive_that_is_another_now_is_not_shared(
    office: Office, tmp_path: Path
) -> None:
    """Its name does not promise its content: after a restoration it may be of another history."""
    office.fill()
    told(office.run("backup", tmp_path / "one", "--json"))
    [segment] = (office.data / "strongroom.db.archive").rglob("*.parquet")
    segment.write_bytes(segment.read_bytes() + b" ")
    told(office.run("backup", tmp_path / "two", "--previous", tmp_path / "one", "--json"))
    [copied] = (tmp_path / "two").rglob("*.parquet")
    assert copied.read_bytes() == segment.read_bytes()


def test_content_that_is_missing_or_damaged_already(office: Office, tmp_path: Path) -> None:
    gone, damaged = office.put("/a/1.txt", b"one"), office.put("/a/2.txt", b"two")
    office.put("/a/3.txt", b"three")
    blobs = office.data / "objects" / "blobs"
    next(blobs.rglob(gone)).unlink()
    next(blobs.rglob(damaged)).write_bytes(b"owt")
    done = office.run("backup", tmp_path / "backup", "--json")
    assert done.exit_code == 1
    absent = json.loads(done.stdout)["absent"]
    assert absent == sorted([object_name(gone), object_name(damaged)])
    assert read_manifest(tmp_path / "backup")[0].absent == tuple(absent)


@pytest.mark.parametrize(("step", "left"), [("files", 27), ("database", 30)])
def test_what_is_purged_meanwhile(office: Office, tmp_path: Path, step: str, left: int) -> None:
    """Before the state that is copied: neither its database nor its files have it. After: both."""
    for number in range(30):
        office.put(f"/a/{number}.txt", b"content %d" % number)
    purged = iter(range(3))

    def meddle(now: str, _done: int, _total: int) -> None:
        if now == step:
            for number in purged:
                office.purge(f"/a/{29 - number}.txt")

    source = Source(office.store, office.settings.objects_folder)
    made = Backup(source, tmp_path / "backup", progress=meddle).make()
    assert next(purged, None) is None
    assert not made.manifest.absent
    assert sum("blobs" in name for name in files(tmp_path / "backup")) == left
    with closing(sqlite3.connect(tmp_path / "backup" / "strongroom.db")) as connection:
        [(named,)] = connection.execute("SELECT count(DISTINCT sha256) FROM file_version")
    assert named == left
    assert len(office.names()) == 27
    assert told(restored(tmp_path))["holds"]


def test_files_that_go_faster_than_they_are_copied(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each state of the database names what has gone already by the time it is looked for."""
    sha256 = office.put("/a/1.txt")
    next((office.data / "objects").rglob(sha256)).unlink()
    monkeypatch.setattr(making, "named_now", lambda _store: Named({}, {}))
    with pytest.raises(Unavailable, match="faster"):
        Backup(Source(office.store, office.settings.objects_folder), tmp_path / "backup").make()
    assert {path.name for path in tmp_path.iterdir()} == {"data"}


def restored(folder: Path) -> Result:
    """Put back what is in the folder."""
    return run("restore", folder / "backup", "--json", data=folder / "restored")


def test_leftovers_of_one_that_was_killed(office: Office, tmp_path: Path) -> None:
    left = tmp_path / ".backup.partial-0123abcd"
    left.mkdir()
    (left / "strongroom.db").write_bytes(b"half")
    other = tmp_path / ".other.partial-0123abcd"
    other.mkdir()
    told(office.run("backup", tmp_path / "backup", "--json"))
    assert not left.exists()
    assert other.exists()


def test_a_backup_before_that_is_none(office: Office, tmp_path: Path) -> None:
    half = tmp_path / "half"
    half.mkdir()
    (half / "strongroom.db").write_bytes(b"half")
    with pytest.raises(SettingsError, match="no whole backup"):
        read_manifest(half)
    done = office.run("backup", tmp_path / "backup", "--previous", half)
    assert done.exit_code == 2
    (half / "manifest.jsonl").write_bytes(b"{}\n")
    with pytest.raises(Corrupt):
        read_manifest(half)

"""A backup that is put back: what is there then, and what a backup cannot bring in."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from strongroom.audit.ledger.keyfile import read_key
from strongroom.audit.ledger.verify import Trust, verify
from strongroom.audit.merkle import SigningKey
from strongroom.backup import manifest as manifests
from strongroom.backup.copying import hashed
from strongroom.backup.looking import read_manifest
from strongroom.backup.manifest import Entry, Manifest
from tests.unit.backup.office import Office, run, told

DATABASE = "strongroom.db"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where it is put back to."""
    return tmp_path / "restored"


def is_empty(place: Path) -> bool:
    """Whether nothing was put back: only what keeps a server out may be left."""
    return {path.name for path in place.rglob("*")} <= {"server.lock", "objects"}


def forge(backup: Path, *names: str) -> None:
    """Let the manifest say that these files are what they should be."""
    manifest, _ = read_manifest(backup)
    entries = dict(manifest.entries)
    for name in names:
        entries[name] = Entry(name, *hashed(backup, name))
    told = {slot: getattr(manifest, slot) for slot in Manifest.__slots__}
    (backup / "manifest.jsonl").write_bytes(Manifest(**told | {"entries": entries}).to_bytes())


def test_everything_is_there_again(filled: Path, backup: Path, place: Path) -> None:
    shutil.copy(filled / "data" / "ledger.key", place.parent)
    done = told(run("restore", backup, "--json", data=place))
    assert done["holds"]
    assert done["signed"]
    assert (done["sessions_ended"], done["tokens_ended"]) == (1, 1)
    shutil.copy(place.parent / "ledger.key", place)
    before, after = Office(filled / "data"), Office(place)
    try:
        assert after.names() == before.names()
        assert len(after.names()) == 22
        assert (after.count("account"), after.count("account_session")) == (1, 0)
        assert after.count("account_token") == 0
        assert len(after.events("session_revoked", "token_revoked")) == 2
        [record] = after.events("backup_restored")
        assert record["count"] == record["seq"] == done["records"]
        assert record["extra"]["manifest"] == manifests.digest(read_manifest(backup)[1])
        assert after.events("ledger_rolled_back") == []
        signed = after.sign()
        assert signed.size > done["records"]
        key = read_key("", place / "ledger.key")
        assert key is not None
        report = verify(after.store, trust=Trust.of_machine(key))
        assert report.failure is None
        assert after.seal() == 0
    finally:
        before.close()
        after.close()


def test_nothing_else_is_left_there(backup: Path, place: Path) -> None:
    told(run("restore", backup, "--json", data=place))
    assert {path.name for path in place.iterdir()} == {
        "strongroom.db",
        "strongroom.db.archive",
        "objects",
        "ledger.key.signed",
        "server.lock",
    }
    assert not (place / "ledger.key").exists()
    done = run("ledger", "rotate", "--lost", data=place)
    assert done.exit_code == 0, done.output
    assert run("verify", data=place).exit_code == 0


def test_with_the_key_in_it(office: Office, tmp_path: Path, place: Path) -> None:
    office.fill()
    told(office.run("backup", tmp_path / "backup", "--with-key", "--json"))
    told(run("restore", tmp_path / "backup", "--json", data=place))
    assert (place / "ledger.key").stat().st_mode & 0o777 == 0o600
    assert (place / "ledger.key").read_bytes() == (office.data / "ledger.key").read_bytes()
    assert run("verify", "--files", data=place).exit_code == 0


def test_after_a_key_was_lost(office: Office, tmp_path: Path, place: Path) -> None:
    office.fill()
    (office.data / "ledger.key").unlink()
    assert office.run("ledger", "rotate", "--lost").exit_code == 0
    told(office.run("backup", tmp_path / "backup", "--json"))
    done = told(run("restore", tmp_path / "backup", "--json", data=place))
    assert "lost" in done["trust"]
    kept = (office.data / "ledger.key.lost").read_bytes()
    assert (place / "ledger.key.lost").read_bytes() == kept


def test_tokens_can_be_kept(backup: Path, place: Path) -> None:
    done = told(run("restore", backup, "--keep-tokens", "--json", data=place))
    assert (done["sessions_ended"], done["tokens_ended"]) == (1, 0)
    after = Office(place)
    assert after.count("account_token") == 1
    after.close()


def test_other_places_for_objects_and_database(
    backup: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRONGROOM_OBJECTS", str(tmp_path / "far" / "objects"))
    monkeypatch.setenv("STRONGROOM_DATABASE", f"sqlite:///{tmp_path}/else/other.db")
    told(run("restore", backup, "--json", data=place))
    assert (tmp_path / "far" / "objects" / "blobs").is_dir()
    assert {path.name for path in (tmp_path / "else").iterdir()} == {
        "other.db",
        "other.db.archive",
    }
    assert run("verify", "--files", data=place).exit_code == 0


@pytest.mark.parametrize(
    "left", ["strongroom.db", "objects/blobs/x", "ledger.key", "strongroom.db.archive/x", "notes"]
)
def test_a_place_that_is_not_empty(backup: Path, place: Path, left: str) -> None:
    path = place / left
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    done = run("restore", backup, data=place)
    assert done.exit_code == 2
    assert "empty" in done.output
    assert path.read_text() == "mine"
    assert not (place / ".restoring").exists()


def test_a_place_that_a_server_uses(backup: Path, place: Path) -> None:
    place.mkdir()
    with (place / "server.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run("restore", backup, data=place)
    assert done.exit_code == 2
    assert "using" in done.output
    assert is_empty(place)


def test_what_a_killed_restoration_left_goes(backup: Path, place: Path) -> None:
    (place / ".restoring").mkdir(parents=True)
    (place / ".restoring" / "strongroom.db").write_bytes(b"half")
    told(run("restore", backup, "--json", data=place))
    assert not (place / ".restoring").exists()


@pytest.mark.parametrize("moves", range(4))
def test_killed_while_what_was_restored_is_moved(backup: Path, place: Path, moves: int) -> None:
    """After so many moves: what was moved goes, and the backup is put back as if nothing had been."""
    child = os.fork()
    if child == 0:  # pragma: no cover  # another process
        left, rename = iter(range(moves)), Path.rename

        def stop_or_rename(source: Path, goal: Path) -> Path:
            if ".restoring" in str(source) and next(left, None) is None:
                os._exit(9)
            return rename(source, goal)

        Path.rename = stop_or_rename  # type: ignore[method-assign, assignment]
        run("restore", backup, data=place)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert (place / ".restoring" / "moving").exists()
    told(run("restore", backup, "--json", data=place))
    assert not (place / ".restoring").exists()
    assert run("verify", "--files", data=place).exit_code == 0


@pytest.mark.parametrize(
    ("pattern", "how"),
    [
        ("strongroom.db", "flip"),
        ("strongroom.db", "link"),
        ("archive/segments/audit/*.parquet", "flip"),
        ("archive/segments/audit/*.parquet", "folder link"),
        ("archive/entries/*.zip", "cut"),
        ("objects/blobs/*/*/*", "flip"),
        ("objects/blobs/*/*/*", "cut"),
        ("objects/blobs/*/*/*", "remove"),
        ("objects/blobs/*/*/*", "link"),
        ("objects/blobs/*/*/*", "pipe"),
        ("objects/blobs/*/*/*", "folder link"),
    ],
)
def test_a_file_that_was_tampered_with(backup: Path, place: Path, pattern: str, how: str) -> None:
    path = min(backup.glob(pattern))
    content = path.read_bytes()
    match how:
        case "flip":
            half = len(content) // 2
            path.write_bytes(content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :])
        case "cut":
            path.write_bytes(content[:-1])
        case "remove":
            path.unlink()
        case "link":  # to the very same content
            path.rename(backup.parent / "aside")
            path.symlink_to(backup.parent / "aside")
        case "pipe":
            path.unlink()
            os.mkfifo(path)
        case _:
            path.parent.rename(backup.parent / "aside")
            path.parent.symlink_to(backup.parent / "aside")
    done = run("restore", backup, data=place)
    assert done.exit_code == 1, done.output
    assert is_empty(place)


def test_a_manifest_that_was_tampered_with(backup: Path, place: Path) -> None:
    path = backup / "manifest.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"records":', b'"records":1'))
    done = run("restore", backup, data=place)
    assert done.exit_code == 1
    assert "another manifest" in done.output
    assert is_empty(place)


def test_an_administrator_who_was_put_in(filled: Path, backup: Path, place: Path) -> None:
    """Accounts are in no ledger; the signature of the manifest covers them."""
    with closing(sqlite3.connect(backup / DATABASE)) as connection:
        connection.execute("UPDATE account SET role = 'admin', password_hash = 'x'")
        connection.commit()
    forge(backup, DATABASE)
    done = run("restore", backup, data=place)
    assert done.exit_code == 1
    assert "another manifest" in done.output
    (backup / "manifest.signed").unlink()
    [key] = _verifiers(filled / "data")
    refused = run("restore", backup, "--key", key, data=place)
    assert refused.exit_code == 1
    assert "not signed" in refused.output
    assert is_empty(place)
    allowed = run("restore", backup, data=place)
    assert allowed.exit_code == 0
    assert "is not signed" in allowed.output


def test_a_record_that_was_altered_in_it(backup: Path, place: Path) -> None:
    """Though the manifest was made to fit, and the signature taken away."""
    with closing(sqlite3.connect(backup / DATABASE)) as connection:
        connection.execute(
            "UPDATE journal SET entry = replace(entry, 'file_uploaded', 'file_downloaded') "
            "WHERE stream = 'audit'"
        )
        connection.commit()
    forge(backup, DATABASE)
    (backup / "manifest.signed").unlink()
    done = run("restore", backup, data=place)
    assert done.exit_code == 1
    assert "does not hold" in done.output
    assert is_empty(place)


def test_another_key_than_the_one_given(backup: Path, place: Path) -> None:
    other = SigningKey("example.org/other", b"o" * 32).verifier
    done = run("restore", backup, "--key", other, data=place)
    assert done.exit_code == 1
    assert "never signed with the keys given" in done.output
    assert is_empty(place)


def test_what_is_left_of_a_damaged_backup(backup: Path, place: Path) -> None:
    path = min(backup.glob("objects/blobs/*/*/*"))
    path.write_bytes(b"damaged")
    done = run("restore", backup, "--accept-damage", data=place)
    assert done.exit_code == 0, done.output
    assert f"left out, since it is not what it was: {path.relative_to(backup)}" in done.output
    after = Office(place)
    [record] = after.events("backup_restored")
    assert record["extra"]["left_out"] == 1
    assert path.name in record["extra"]["failure"]
    after.close()
    database = backup / DATABASE
    database.write_bytes(database.read_bytes() + b"x")
    shutil.rmtree(place)
    assert run("restore", backup, "--accept-damage", data=place).exit_code == 1


def test_content_that_was_missing_before(office: Office, tmp_path: Path, place: Path) -> None:
    """It is no fault of the backup."""
    gone = office.put("/a/1.txt", b"one")
    office.put("/a/2.txt", b"two")
    next((office.data / "objects").rglob(gone)).unlink()
    assert office.run("backup", tmp_path / "backup").exit_code == 1
    done = run("restore", tmp_path / "backup", data=place)
    assert done.exit_code == 0, done.output
    assert gone in done.output


def test_a_half_backup(backup: Path, place: Path) -> None:
    (backup / "manifest.jsonl").unlink()
    done = run("restore", backup, data=place)
    assert done.exit_code == 2
    assert "no whole backup" in done.output
    assert is_empty(place)


def _verifiers(data: Path) -> list[str]:
    with closing(sqlite3.connect(data / DATABASE)) as connection:
        return [row[0] for row in connection.execute("SELECT verifier_key FROM ledger_key")]

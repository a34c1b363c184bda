"""An older state is never put back unnoticed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.audit.ledger.ledger import Signed
from strongroom.audit.merkle import Checkpoint, SigningKey
from tests.serving import free_port
from tests.unit.backup.office import Office, run, told
from tests.unit.backup.test_restore import is_empty

ACCEPT = "--accept-loss"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """With a place for copies; a backup was made, and then more was recorded and signed."""
    made = Office(tmp_path / "data", tmp_path / "copies")
    made.put("/a/1.txt", b"one")
    made.publish()
    told(made.run("backup", tmp_path / "backup", "--with-key", "--json"))
    made.put("/a/2.txt", b"two")
    made.put("/a/3.txt", b"three")
    yield made
    made.close()


@pytest.fixture
def later(office: Office) -> Signed:
    """What was published after the backup."""
    return office.publish()


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """The backup."""
    return tmp_path / "backup"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where it is put back to."""
    return tmp_path / "restored"


def refused(place: Path, backup: Path, *options: object, copies: Path | None = None) -> str:
    """What is said to it; nothing was put back."""
    done = run("restore", backup, *options, data=place, copies=copies)
    assert done.exit_code == 1, done.output
    assert is_empty(place)
    return done.output


def test_a_later_copy_in_the_place_that_is_set(
    office: Office, later: Signed, backup: Path, place: Path
) -> None:
    told_so = refused(place, backup, copies=office.copies)
    records = told(run("restore", backup, "--json", data=place))["records"]
    assert f"the records {records:,} to {later.size - 1:,} would be lost" in told_so


def test_a_later_copy_in_a_file(later: Signed, backup: Path, place: Path, tmp_path: Path) -> None:
    file = tmp_path / "newest"
    file.write_bytes(later.note.to_bytes())
    assert "would be lost" in refused(place, backup, "--against", file)


def test_the_installation_that_was_there(
    office: Office, later: Signed, backup: Path, place: Path
) -> None:
    """Its anchor tells, and so does its database."""
    assert "would be lost" in refused(place, backup, "--against", office.data)
    office.store.close()
    (office.data / "ledger.key.signed").unlink()
    assert "would be lost" in refused(place, backup, "--against", office.data)


def test_the_anchor_beside_a_key_elsewhere(
    office: Office, later: Signed, backup: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = backup.parent / "keys"
    keys.mkdir()
    for name in ("ledger.key", "ledger.key.signed"):
        shutil.copy(office.data / name, keys)
    monkeypatch.setenv("STRONGROOM_LEDGER_KEY", str(keys / "ledger.key"))
    assert "would be lost" in refused(place, backup)
    told(run("restore", backup, ACCEPT, "--json", data=place))
    kept = keys / f"ledger.key.signed.{later.size}"
    assert kept.read_bytes() == later.note.to_bytes()
    assert Checkpoint.parse((keys / "ledger.key.signed").read_text().split("\n\n")[0] + "\n").size
    assert not (place / "ledger.key").exists()  # the one that the settings name counts


def test_a_loss_that_is_accepted_is_recorded(
    office: Office, later: Signed, backup: Path, place: Path
) -> None:
    done = told(run("restore", backup, ACCEPT, "--json", data=place, copies=office.copies))
    assert done["lost_records"] == later.size - done["records"] > 0
    after = Office(place)
    [record] = after.events("ledger_rolled_back")
    assert record["level"] == "critical"
    assert record["count"] == done["lost_records"]
    assert record["extra"]["first_lost"] == done["records"]
    assert record["extra"]["last_lost"] == later.size - 1
    assert record["extra"]["checkpoint"] == later.note.to_bytes().decode()
    assert after.names() == {"/a/1.txt"}
    assert after.sign().size > done["records"]  # it goes on with its key
    after.close()
    assert run("verify", "--files", data=place).exit_code == 0
    against = run("verify", "--against", office.copies, data=place)
    assert against.exit_code == 1  # and the copy goes on to show it
    assert "✗ against" in against.output


def test_nothing_is_lost_with_the_newest_backup(
    office: Office, later: Signed, place: Path, tmp_path: Path
) -> None:
    told(office.run("backup", tmp_path / "newest", "--json"))
    done = told(run("restore", tmp_path / "newest", "--json", data=place, copies=office.copies))
    assert (done["lost_records"], done["compared"]) == (0, 1)
    after = Office(place)
    assert after.events("ledger_rolled_back") == []
    after.close()


def test_a_copy_that_the_backup_contradicts(
    office: Office, later: Signed, backup: Path, place: Path, tmp_path: Path
) -> None:
    """No wish makes it fit: one of the two is of another history."""
    key = SigningKey.parse((office.data / "ledger.key").read_text().strip())
    other = Checkpoint(key.name, 1, b"x" * 32).sign(key)
    file = tmp_path / "other"
    file.write_bytes(other.to_bytes())
    for options in ((), (ACCEPT,)):
        assert "not those signed there" in refused(place, backup, "--against", file, *options)


def test_a_later_copy_that_no_known_key_has_signed(
    later: Signed, backup: Path, place: Path, tmp_path: Path
) -> None:
    """The key may have been changed after the backup."""
    origin = later.note.text.partition("\n")[0]
    stranger = SigningKey(origin, b"s" * 32)
    file = tmp_path / "newest"
    file.write_bytes(Checkpoint(origin, 1_000, b"x" * 32).sign(stranger).to_bytes())
    assert "does not know" in refused(place, backup, "--against", file)


def test_a_place_that_cannot_be_asked(
    office: Office, backup: Path, place: Path, tmp_path: Path
) -> None:
    """Silence is no good news."""
    gone = tmp_path / "unmounted"
    assert "cannot be told" in refused(place, backup, copies=gone)
    done = told(run("restore", backup, ACCEPT, "--json", data=place, copies=gone))
    assert len(done["unasked"]) == 1
    after = Office(place)
    [record] = after.events("backup_restored")
    assert str(gone) in record["extra"]["unasked"][0]
    assert after.events("ledger_rolled_back") == []
    after.close()


def test_a_place_that_cannot_be_reached(
    office: Office, backup: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"http://127.0.0.1:{free_port()}/checkpoint"
    monkeypatch.setenv("STRONGROOM_CHECKPOINT_COPIES", address)
    assert address in refused(place, backup)


def test_nobody_can_be_asked(office: Office, backup: Path, place: Path) -> None:
    done = run("restore", backup, data=place)
    assert done.exit_code == 0
    assert "no checkpoint held elsewhere was compared" in done.output


def test_a_file_without_a_checkpoint_of_this_ledger(
    office: Office, backup: Path, place: Path, tmp_path: Path
) -> None:
    stranger = SigningKey("example.org/other", b"s" * 32)
    for content in (b"nothing", Checkpoint(stranger.name, 9, b"x" * 32).sign(stranger).to_bytes()):
        file = tmp_path / "file"
        file.write_bytes(content)
        done = run("restore", backup, "--against", file, data=place)
        assert done.exit_code == 2
        assert "no checkpoint of the ledger" in done.output
        assert is_empty(place)

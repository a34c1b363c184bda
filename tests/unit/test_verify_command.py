"""``strongroom verify``: exit codes, what it prints, what it records, and stored files."""

from __future__ import annotations

import json
import sqlite3
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from strongroom.audit.extension import AuditLog
from strongroom.audit.ledger.keyfile import create_key
from strongroom.audit.merkle import SigningKey
from strongroom.bootstrap import OWN_CATALOGUE, Installation
from strongroom.cli import main
from strongroom.files.blobs import Blob, Blobs
from strongroom.files.service import FileService
from strongroom.files.tables import ROOT_ID
from strongroom.settings import load


class Installed:
    """An installation whose ledger was signed, not served by any process."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.installation = Installation.open(load(data=data))
        self.store = self.installation.store
        self.blobs = Blobs(self.installation.objects)
        self.audit = AuditLog(store=self.store, catalogue=OWN_CATALOGUE, name="strongroom")
        self.files = FileService(self.store, self.blobs, self.audit, lambda *_: True)
        self.key: SigningKey = create_key(data / "ledger.key", "example.org/log")

    def add(self, name: str, content: bytes, replaces: str | None = None) -> Blob:
        """Upload a file, and sign."""
        with self.blobs.receive() as incoming:
            for line in BytesIO(content):
                incoming.write(line)
            blob = incoming.publish()
        self.files.add(ROOT_ID, name, "text/plain", blob, replaces=replaces)
        self.sign()
        return blob

    def sign(self) -> None:
        """Sign what is there."""
        self.audit.ledger.advance(self.key)

    def path(self, blob: Blob) -> Path:
        """Where the content lies."""
        (found,) = (self.data / "objects").rglob(blob.sha256)
        return found

    def alter(self, statement: str) -> None:
        """Behind the product's back."""
        with sqlite3.connect(self.store.path) as connection:
            connection.execute(statement)
        connection.close()

    def recorded(self) -> list[dict[str, Any]]:
        """What verification has recorded."""
        return self.audit.records("event:log_verified") + self.audit.records(
            "event:verification_failed"
        )

    def verify(self, *options: str) -> Result:
        """Run the command."""
        return CliRunner().invoke(main, ["verify", "--data", str(self.data), *options])


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path / "data")


def test_what_holds(installed: Installed) -> None:
    installed.add("a.txt", b"one\n")
    result = installed.verify()
    assert result.exit_code == 0, result.output
    assert "Everything holds." in result.output
    assert "checked against this machine's signing key" in result.output
    assert result.output.splitlines()[-1].startswith("Signed by this machine only")
    (record,) = installed.recorded()
    assert (record["event"], record["level"], record["count"]) == ("log_verified", "info", 1)
    assert record["extra"]["checks"]["tiles"] == "holds, 1"


def test_what_does_not_hold(installed: Installed) -> None:
    installed.add("a.txt", b"one\n")
    installed.alter("UPDATE journal SET content = x'7b7d' WHERE seq = 0 AND stream = 'audit'")
    result = installed.verify()
    assert result.exit_code == 1
    assert "✗ parts" in result.output
    assert "record 0: the part content or its salt was altered" in result.output
    assert "DOES NOT HOLD: parts" in result.output
    (record,) = installed.recorded()
    assert (record["event"], record["level"]) == ("verification_failed", "critical")
    assert (record["outcome"], record["reason"]) == ("failed", "parts_failed")


def test_json_and_no_record(installed: Installed) -> None:
    installed.add("a.txt", b"one\n")
    result = installed.verify("--json", "--no-record")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told["holds"] is True
    assert told["keys"] == [str(installed.key.verifier)]
    assert {check["name"] for check in told["checks"]} >= {"tiles", "checkpoints", "parts"}
    assert installed.recorded() == []


def test_the_outcome_stands_though_it_cannot_be_recorded(installed: Installed) -> None:
    installed.add("a.txt", b"one\n")
    installed.alter(
        "CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'full'); END"
    )
    result = installed.verify()
    assert result.exit_code == 1, result.output  # a trigger is no part of the schema
    assert "DOES NOT HOLD: schema\n" in result.output
    assert "could not be recorded" in result.stderr
    installed.alter("DROP TRIGGER full")


def test_keys_and_copies_brought_along(installed: Installed, tmp_path: Path) -> None:
    installed.add("a.txt", b"one\n")
    newest = installed.audit.ledger.newest()
    assert newest is not None
    copy = tmp_path / "checkpoint"
    copy.write_bytes(newest.note.to_bytes())
    vkey = str(installed.key.verifier)
    good = installed.verify("--key", vkey, "--against", str(copy), "--no-record")
    assert good.exit_code == 0, good.output
    assert "checked against the keys given" in good.output
    other = str(SigningKey("example.org/log", b"o" * 32).verifier)
    assert installed.verify("--key", other, "--no-record").exit_code == 1
    copy.write_bytes(b"nothing of the kind")
    assert installed.verify("--against", str(copy), "--no-record").exit_code == 1


def test_without_the_key_file_the_database_is_believed(installed: Installed) -> None:
    installed.add("a.txt", b"one\n")
    (installed.data / "ledger.key").chmod(0o644)
    result = installed.verify("--no-record")
    assert result.exit_code == 0
    assert "Note: this machine's key was not used: ledger_key: others can read" in result.output
    (installed.data / "ledger.key").unlink()
    assert "against the keys in the database itself" in installed.verify("--no-record").output


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--key", "no key"], 2),
        (["--against", "no file"], 2),
        (["--against", "http://127.0.0.1:1/checkpoint"], 3),
    ],
)
def test_what_cannot_be_carried_out(installed: Installed, options: list[str], code: int) -> None:
    result = installed.verify(*options)
    assert result.exit_code == code
    assert "Error" in result.output
    assert installed.recorded() == []


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "strongroom.db").write_bytes(b"no database at all" * 500)
    result = CliRunner().invoke(main, ["verify", "--data", str(tmp_path)])
    assert result.exit_code == 3, result.output


# Stored files


def files(installed: Installed) -> tuple[int, str, int | None]:
    """Exit code, and what is said of the files."""
    result = installed.verify("--files", "--json", "--no-record")
    (check,) = [item for item in json.loads(result.stdout)["checks"] if item["name"] == "files"]
    return result.exit_code, str(check["reason"]), check["seq"]


def test_stored_files_hold(installed: Installed) -> None:
    assert files(installed) == (0, "there are no files", None)
    installed.add("a.txt", b"one\n")
    installed.add("b.txt", b"two\n")
    installed.add("again.txt", b"one\n")
    installed.files.trash([installed.files.find("b.txt").file_id])
    assert files(installed) == (0, "None", None)


def test_stored_files_that_do_not_hold(installed: Installed) -> None:
    installed.add("a.txt", b"one\n")
    blob = installed.add("b.txt", b"two\n")
    path = installed.path(blob)
    for content in (b"twO\n", b"two", b"two\n\n", b""):
        path.write_bytes(content)
        code, reason, seq = files(installed)
        assert (code, seq) == (1, 1)
        assert reason.endswith("is not what was uploaded")
    path.unlink()
    assert files(installed) == (1, f"the content {blob.sha256} is gone", 1)


def test_what_was_purged_is_missed_by_nobody(installed: Installed) -> None:
    """As often as a content was uploaded to a file, so often it must have been purged."""
    service, replaced = installed.files, None
    for content in (b"one\n", b"two\n", b"one\n", b"one\n"):
        blob = installed.add("a.txt", content, replaced)
        replaced = blob.sha256
    installed.add("b.txt", b"one\n")
    file = service.find("a.txt")
    first = service.versions(file.file_id).items[-1]
    service.restore_version(file.file_id, first.version_id)
    assert files(installed)[0] == 0
    service.trash([file.file_id])
    service.purge([file.file_id])
    installed.sign()
    assert len(installed.audit.records("event:file_purged")) == 4
    assert files(installed) == (0, "None", None)
    service.trash([service.find("b.txt").file_id])
    service.empty_trash()
    (installed.data / "objects" / "blobs").rename(installed.data / "gone")
    installed.sign()
    assert files(installed) == (0, "there are no files", None)


@pytest.mark.parametrize("which", ["the first", "the last"])
def test_one_purge_too_few(installed: Installed, which: str) -> None:
    """Two uploads of one content to a file, and one purge: the other version has just vanished."""
    blob = installed.add("a.txt", b"one\n")
    installed.add("a.txt", b"one\n", blob.sha256)
    installed.add("a.txt", b"two\n", blob.sha256)
    installed.alter("UPDATE file_version SET replaced_at = 5 WHERE replaced_at IS NOT NULL")
    order = "created_at" if which == "the first" else "created_at DESC"
    installed.alter(
        "DELETE FROM file_version WHERE version_id = (SELECT version_id FROM file_version "
        f"WHERE file_size_bytes = 4 AND replaced_at IS NOT NULL ORDER BY {order} LIMIT 1)"
    )
    assert installed.files.purge_old() == 1
    installed.sign()
    code, reason, seq = files(installed)
    assert (code, seq) == (1, 0)
    assert reason == "the file uploaded then is gone, or has other content"


def test_a_purge_of_another_file_excuses_nothing(installed: Installed) -> None:
    installed.add("a.txt", b"one\n")
    other = installed.add("b.txt", b"one\n")
    installed.files.trash([installed.files.find("b.txt").file_id])
    installed.files.empty_trash()
    installed.alter(f"DELETE FROM file_version WHERE sha256 = '{other.sha256}'")
    installed.sign()
    assert files(installed)[::2] == (1, 0)


def test_damage_is_remembered_and_forgotten(installed: Installed) -> None:
    """As by the scrub, if the outcome is recorded at all."""
    blob = installed.add("b.txt", b"two\n")
    installed.path(blob).write_bytes(b"twO\n")
    assert installed.verify("--files", "--no-record").exit_code == 1
    assert installed.files.known_damage() == []
    for _ in range(2):
        assert installed.verify("--files").exit_code == 1
    assert installed.files.known_damage() == [blob.sha256]
    [record] = installed.audit.records("event:content_damaged")
    assert (record["level"], record["filename"]) == ("critical", "b.txt")
    installed.path(blob).write_bytes(b"two\n")
    installed.sign()
    assert installed.verify("--files").exit_code == 0
    assert installed.files.known_damage() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE file_version SET sha256 = (SELECT min(sha256) FROM file_version)",
        "UPDATE file_version SET sha256 = 'none' WHERE file_size_bytes = 6",
        "UPDATE file_version SET file_size_bytes = 5 WHERE file_size_bytes = 6",
        "DELETE FROM file_version WHERE file_size_bytes = 6",
    ],
)
def test_versions_that_are_not_those_recorded(installed: Installed, statement: str) -> None:
    installed.add("a.txt", b"one\n")
    installed.add("b.txt", b"three\n")
    installed.alter(statement)
    assert files(installed)[0] == 1

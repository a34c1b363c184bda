"""``strongroom ledger``: checkpoint, keys, proofs, bundles, and another key, as their users call them."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from strongroom.audit.ledger.keyfile import read_key
from tests.serving import Installation
from tests.unit.evidence import check
from tests.web.wire import put, send

PATIENCE = 30.0
ALONE = "signed by this machine only"

Serve = Callable[..., Installation]
Record = dict[str, Any]


def until_signed(server: Installation) -> None:
    """Wait until every record is signed; nothing changes then until somebody acts."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with closing(sqlite3.connect(server.data / "strongroom.db")) as database:
            [(count,)] = database.execute(
                "SELECT next_seq FROM journal_head WHERE stream = 'audit'"
            ).fetchall()
        answer = send(server, "GET", "/ledger/checkpoint")
        if answer.status == 200 and int(answer.text.split("\n")[1]) == count:
            return
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)


@pytest.fixture(scope="module")
def uploads(server: Installation) -> list[Record]:
    """The records of four uploads, oldest first, signed."""
    for number in range(4):
        put(server, f"report {number}.txt", b"x" * number)
    records = server.records("event:file_uploaded")[::-1]
    until_signed(server)
    return records


def refused(server: Installation, code: int, *arguments: str) -> str:
    """What a command says that must end with this code."""
    told = server.run("ledger", *arguments, check=False)
    assert told.returncode == code, told
    assert "Traceback" not in told.stderr
    assert told.stdout == ""
    return told.stderr


def test_checkpoint(server: Installation, uploads: list[Record]) -> None:
    until_signed(server)
    served = send(server, "GET", "/ledger/checkpoint").text
    told = server.run("ledger", "checkpoint")
    assert told.stdout == served
    size = int(served.split("\n")[1])
    assert re.fullmatch(
        rf"checkpoint of {size} records signed \d+ \w+ ago · {ALONE}\n", told.stderr
    )
    found = json.loads(server.run("ledger", "checkpoint", "--json").stdout)
    assert found["note"] == served
    assert [found["origin"], str(found["size"]), found["root"]] == served.split("\n")[:3]
    assert found["copies"] == []
    assert found["assurance"].endswith(ALONE)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", found["signed_at"])


def test_vkey(server: Installation, uploads: list[Record]) -> None:
    served = send(server, "GET", "/ledger/vkey").text
    assert server.run("ledger", "vkey").stdout == served
    [found] = json.loads(server.run("ledger", "vkey", "--json").stdout)
    assert found["verifier_key"] == served.strip()
    assert found["first_size"] >= 1


def test_proof_by_number_and_by_id(
    server: Installation, uploads: list[Record], tmp_path: Path
) -> None:
    record = uploads[2]
    served = send(server, "GET", f"/api/v1/records/{record['id']}/proof").text
    until_signed(server)
    by_number = server.run("ledger", "proof", str(record["seq"])).stdout
    by_id = server.run("ledger", "proof", record["id"]).stdout
    assert by_number == by_id
    assert by_number.split("\n")[:2] == served.split("\n")[:2]
    file = tmp_path / "proof"
    told = server.run("ledger", "proof", record["id"], "--output", str(file))
    assert (told.stdout, file.read_text()) == ("", by_id)
    found = json.loads(server.run("ledger", "proof", record["id"], "--json").stdout)
    assert (found["proof"], found["index"]) == (by_id, record["seq"])
    assert "\n".join(found["hashes"]) in by_id
    assert by_id.endswith("\n\n" + found["checkpoint"])


def bundled(server: Installation, file: Path, *arguments: str) -> dict[str, Any]:
    """Write a bundle, check it by the program inside, and return what was said of it."""
    told = server.run("ledger", "bundle", *arguments, "--output", str(file), "--json")
    found: dict[str, Any] = json.loads(told.stdout)
    assert ALONE in told.stderr
    assert found["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    folder = file.with_suffix("")
    shutil.unpack_archive(file, folder)
    key = server.run("ledger", "vkey").stdout.strip()
    assert check(folder, "--key", key).returncode == 0
    found["seqs"] = sorted(int(item.name) for item in (folder / "records").iterdir())
    return found


def test_bundles(server: Installation, uploads: list[Record], tmp_path: Path) -> None:
    seqs = [record["seq"] for record in uploads]
    found = bundled(server, tmp_path / "a.zip", "event:file_uploaded")
    assert (found["seqs"], found["records"], found["left_out"]) == (seqs, 4, [])
    found = bundled(server, tmp_path / "b.zip", 'event:file_uploaded "report 2"')
    assert found["seqs"] == [seqs[2]]
    found = bundled(server, tmp_path / "c.zip", uploads[3]["id"], str(seqs[0]))
    assert found["seqs"] == [seqs[0], seqs[3]]
    assert (tmp_path / "c" / "records" / str(seqs[0]) / "content.json").exists()
    without = ["--without", "network", "--without", "content"]
    bundled(server, tmp_path / "f.zip", str(seqs[0]), *without)
    assert not list((tmp_path / "f").rglob("*.salt"))
    when = uploads[2]["timestamp"]
    found = bundled(server, tmp_path / "d.zip", "event:file_uploaded", "--to", when)
    assert found["seqs"] == seqs[:2]
    found = bundled(server, tmp_path / "e.zip", str(seqs[0]), "999999")
    assert (found["seqs"], found["left_out"]) == ([seqs[0]], [999_999])


def test_a_bundle_for_people(server: Installation, uploads: list[Record], tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "strongroom", "ledger", "bundle", *arguments],
            env=server.environment(),
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )

    told = run(uploads[0]["id"])
    assert told.returncode == 0
    digest = hashlib.sha256((tmp_path / "evidence.zip").read_bytes()).hexdigest()
    assert told.stdout == f"evidence.zip: 1 record, SHA-256 {digest}\n"
    again = run(uploads[1]["id"])
    assert again.returncode == 2
    assert "--output" in again.stderr
    assert hashlib.sha256((tmp_path / "evidence.zip").read_bytes()).hexdigest() == digest
    assert [item.name for item in tmp_path.iterdir()] == ["evidence.zip"]
    # Records of a search that the checkpoint does not cover yet are left out, and that is said.
    file = tmp_path / "more.zip"
    told = run(str(uploads[0]["seq"]), "999999", "--output", str(file))
    assert "1 record, 999999 among them" in told.stderr


@pytest.mark.parametrize(
    ("code", "hint", "arguments"),
    [
        (3, "Try again", ["proof", "999999"]),
        (3, "no record", ["proof", "01980000-0000-7000-8000-000000000000"]),
        (3, "no record", ["proof", "nonsense"]),
        (2, "SEQ|ID", ["proof"]),
        (3, "matches", ["bundle", "event:file_purged nothing"]),
        (2, "column 1", ["bundle", "evnt:x"]),
        (2, "QUERY", ["bundle", "event:file_uploaded", "report"]),
        (2, "QUERY", ["bundle"]),
        (2, "span of time", ["bundle", "report", "--time", "1y"]),
        (3, "Try again", ["bundle", "999999"]),
        (2, "--nonsense", ["checkpoint", "--nonsense"]),
    ],
)
@pytest.mark.usefixtures("uploads")
def test_wrong_usage_and_what_there_is_not(
    server: Installation, tmp_path: Path, code: int, hint: str, arguments: list[str]
) -> None:
    if arguments[0] == "bundle":
        arguments = [*arguments, "--output", str(tmp_path / "evidence.zip")]
    assert hint in refused(server, code, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_evidence(server: Installation, uploads: list[Record]) -> None:
    ops = server.records("event:request event:request", limit=1)[0]
    assert "no evidence" in refused(server, 3, "proof", ops["id"])


@pytest.mark.parametrize("command", [["checkpoint"], ["vkey"], ["proof", "0"], ["bundle", "x"]])
def test_nothing_there(tmp_path: Path, command: list[str]) -> None:
    nothing = Installation(tmp_path / "data")
    assert str(nothing.data) in refused(nothing, 2, *command)
    assert not nothing.data.exists()


@pytest.mark.parametrize("command", [["checkpoint"], ["vkey"], ["proof", "0"], ["bundle", "x"]])
def test_nothing_signed_yet(serve: Serve, command: list[str]) -> None:
    server = serve(workers=1)
    server.stop()
    with closing(sqlite3.connect(server.data / "strongroom.db", isolation_level=None)) as database:
        for table in ("ledger_checkpoint", "ledger_key"):
            database.execute(f"DELETE FROM {table}")
    assert "start it with strongroom serve" in refused(server, 3, *command)


def test_no_private_key_is_needed_to_read(serve: Serve, tmp_path: Path) -> None:
    server = serve(workers=1)
    put(server, "x")
    until_signed(server)
    server.stop()
    (server.data / "ledger.key").unlink()
    assert server.run("ledger", "checkpoint").stdout
    bundled(server, tmp_path / "a.zip", "event:file_uploaded")
    assert "no key" in refused(server, 2, "rotate")


def test_another_key(serve: Serve, tmp_path: Path) -> None:
    server = serve(workers=1)
    put(server, "before")
    [before] = server.records("event:file_uploaded")
    until_signed(server)
    assert "stop it first" in refused(server, 3, "rotate")
    server.stop()

    old = server.run("ledger", "vkey").stdout.strip()
    told = server.run("ledger", "rotate")
    new = told.stdout.strip()
    assert server.run("ledger", "vkey").stdout.split() == [old, new]
    key = read_key("", server.data / "ledger.key")
    assert key is not None
    assert str(key.verifier) == new
    kept = server.data / f"ledger.key.{old.split('+')[1]}.old"
    assert str(kept) in told.stderr
    assert kept.stat().st_mode & 0o777 == 0o600
    both = server.run("ledger", "checkpoint").stdout
    assert both.count("\n— ") == 2

    server.start()
    put(server, "after")
    after = server.records("event:file_uploaded")[0]
    until_signed(server)
    assert server.records("event:signing_key_changed")[0]["verifier_key"] == new
    assert server.records("event:verification_failed") == []
    found = bundled_with(server, tmp_path / "a.zip", new, before["id"], after["id"])
    assert found == [before["seq"], after["seq"]]


def bundled_with(server: Installation, file: Path, key: str, *ids: str) -> list[int]:
    """The records of a bundle that this key must have signed."""
    server.run("ledger", "bundle", *ids, "--output", str(file))
    folder = file.with_suffix("")
    shutil.unpack_archive(file, folder)
    assert check(folder, "--key", key).returncode == 0
    return sorted(int(item.name) for item in (folder / "records").iterdir())


def test_a_key_in_the_settings_is_changed_there(serve: Serve) -> None:
    server = serve(workers=1)
    server.stop()
    text = (server.data / "ledger.key").read_text().strip()
    settings = Installation(server.data, ledger_key=text)
    told = refused(settings, 2, "rotate")
    assert "holds the key itself" in told
    assert text not in told

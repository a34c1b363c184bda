"""``strongroom doctor`` on installations that something has damaged."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.fault.stored import check_sound, database, incoming
from tests.serving import Installation
from tests.web.tus.client import TusClient
from tests.web.wire import api, put, send


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of an installation with some files, whose server has stopped."""
    installation = Installation(tmp_path_factory.mktemp("pristine") / "data", workers=1).start()
    for number in range(5):
        put(installation, f"file {number}", b"content %d" % number)
    send(installation, "DELETE", api("file 4"))
    installation.stop()
    check_sound(installation)
    return installation.data


@pytest.fixture
def stopped(pristine: Path, tmp_path: Path) -> Iterator[Installation]:
    """A copy of it, to be damaged."""
    installation = Installation(shutil.copytree(pristine, tmp_path / "data"), workers=1)
    yield installation
    installation.stop()


def bad(server: Installation) -> dict[str, str]:
    """What must be mended, by check; the exit code must say so too."""
    told = server.run("doctor", check=False)
    found = {f["check"]: f["text"] for f in server.doctor() if f["state"] == "bad"}
    assert told.returncode == (1 if found else 0)
    assert told.stdout.count("✗") == len(found)
    return found


def blobs(server: Installation) -> list[Path]:
    """The stored pieces of content."""
    return [path for path in (server.data / "objects" / "blobs").rglob("*") if path.is_file()]


def change(server: Installation, statement: str) -> None:
    """Change the database behind everybody's back."""
    with closing(sqlite3.connect(database(server))) as connection:
        assert connection.execute(statement).rowcount == 1
        connection.commit()


def test_content_that_is_gone(stopped: Installation) -> None:
    blobs(stopped)[0].unlink()
    assert "1 of 5" in bad(stopped)["content"]


def test_content_that_is_cut(stopped: Installation) -> None:
    blobs(stopped)[0].write_bytes(b"con")
    assert "1 of 5" in bad(stopped)["content"]


@pytest.mark.parametrize("stream", ["audit", "ops"])
@pytest.mark.parametrize("which", ["0", "2", "(SELECT max(seq) FROM journal WHERE stream = '{}')"])
def test_a_record_that_is_gone(stopped: Installation, stream: str, which: str) -> None:
    place = which.format(stream)
    change(stopped, f"DELETE FROM journal WHERE stream = '{stream}' AND seq = {place}")
    assert list(bad(stopped)) == [f"journal {stream}"]


def test_a_record_that_was_changed(stopped: Installation) -> None:
    change(
        stopped,
        "UPDATE journal SET entry = replace(entry, 'file_uploaded', 'file_deleted') "
        "WHERE stream = 'audit' AND seq = 1",
    )
    assert list(bad(stopped)) == ["journal audit"]


def test_a_head_that_was_changed(stopped: Installation) -> None:
    change(stopped, "UPDATE journal_head SET next_seq = next_seq + 1 WHERE stream = 'ops'")
    assert list(bad(stopped)) == ["journal ops"]


def test_what_is_too_much_is_noted(stopped: Installation) -> None:
    (stopped.data / "objects" / "incoming" / "half").write_bytes(b"half")
    orphan = stopped.data / "objects" / "blobs" / "00" / "00" / ("0" * 64)
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"nobody's")
    assert bad(stopped) == {}
    notes = {f["check"]: f["text"] for f in stopped.doctor() if f["state"] == "note"}
    assert "1, 8 B" in notes["orphans"]
    assert "1" in notes["leftovers"]
    stopped.start()
    assert incoming(stopped) == []


def test_content_that_was_found_damaged(stopped: Installation) -> None:
    path = blobs(stopped)[0]
    content, times = path.read_bytes(), path.stat()
    path.write_bytes(content[:-1] + b"?")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert bad(stopped) == {}  # doctor reads no content
    assert stopped.run("verify", "--files", check=False).returncode == 1
    found = bad(stopped)
    assert found.keys() == {"damaged", "evidence"}
    assert path.name in found["damaged"]
    path.write_bytes(content)
    stopped.run("verify", "--files")
    assert bad(stopped) == {}


def test_what_people_store_is_counted(stopped: Installation) -> None:
    change(stopped, "INSERT INTO user_storage (user_id, used_bytes) VALUES ('somebody', 7)")
    assert "somebody" in bad(stopped)["usage"]
    change(stopped, "UPDATE user_storage SET used_bytes = 0")
    assert bad(stopped) == {}


def test_uploads_that_have_half_arrived(stopped: Installation) -> None:
    stopped.start()
    client = TusClient(stopped)
    address = client.begin("large.bin", 1_000)
    assert client.patch(address, 0, b"x" * 300).status == 204
    notes = {f["check"]: f["text"] for f in stopped.doctor() if f["state"] == "note"}
    assert notes["uploads"] == "half arrived, to be resumed: 1, 300 B"
    assert bad(stopped) == {}


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    nothing = Installation(tmp_path / "data")
    assert {f["state"] for f in nothing.doctor()} <= {"ok", "note"}
    assert not nothing.data.exists()


def ledger_findings(server: Installation, state: str) -> dict[str, str]:
    """What is said of the ledger in this state, by check."""
    about = ("signing key", "checkpoint", "evidence", "copies")
    return {
        f["check"]: f["text"]
        for f in server.doctor()
        if (f["check"] in about) & (f["state"] == state)
    }


def test_the_ledger_is_looked_at(stopped: Installation) -> None:
    assert ledger_findings(stopped, "ok").keys() == {"signing key", "checkpoint"}
    assert "checkpoint of" in ledger_findings(stopped, "ok")["checkpoint"]
    [note] = ledger_findings(stopped, "note").values()
    assert note.startswith("signed by this machine only")
    assert "checkpoint_copies" in note
    assert bad(stopped) == {}


def test_a_signing_key_that_is_gone(stopped: Installation) -> None:
    key = stopped.data / "ledger.key"
    key.rename(stopped.data / "elsewhere")
    assert "rotate --lost" in bad(stopped)["signing key"]
    shutil.copy(stopped.data / "elsewhere", key)
    key.chmod(0o644)
    assert "others can read" in bad(stopped)["signing key"]
    key.chmod(0o600)
    key.write_text("nonsense")
    assert bad(stopped).keys() == {"signing key"}


def test_records_that_nobody_signs(stopped: Installation) -> None:
    with closing(sqlite3.connect(database(stopped))) as connection:
        connection.execute("DELETE FROM ledger_checkpoint")
        connection.execute("UPDATE journal SET timestamp = timestamp - 301000000")
        connection.commit()
    assert "does the server run?" in ledger_findings(stopped, "note")["checkpoint"]


def test_a_verdict_that_it_does_not_hold(stopped: Installation) -> None:
    with closing(sqlite3.connect(database(stopped))) as connection:
        connection.execute("DELETE FROM ledger_verdict")
        connection.execute("INSERT INTO ledger_verdict VALUES (1, 5, 'tiles: 0/000 is missing')")
        connection.commit()
    assert bad(stopped) == {"evidence": "does not hold: tiles: 0/000 is missing"}


def test_places_for_copies(stopped: Installation, tmp_path: Path) -> None:
    places = {
        "beside": stopped.data / "copies",
        "away": tmp_path / "away",
        "gone": tmp_path / "gone",
    }
    with closing(sqlite3.connect(database(stopped))) as connection:
        row = "INSERT INTO ledger_copy VALUES (?, ?, 1709251199000001, ?)"
        connection.execute(row, (str(places["beside"]), 7, None))
        connection.execute(row, (str(places["away"]), 8, None))
        connection.execute(row, (str(places["gone"]), None, "FileNotFoundError: gone"))
        connection.execute(row, ("never set", 9, None))
        connection.commit()

    def told(*names: str) -> list[tuple[str, str]]:
        given = ",".join(str(places[name]) for name in names)
        server = Installation(stopped.data, workers=1, checkpoint_copies=given)
        return [(f["state"], f["text"]) for f in server.doctor() if f["check"] == "copies"]

    assert "its copies are on this machine too" in told("beside")[0][1]
    [(state, text)] = told("away")
    assert (state, text.startswith(f"copy held at {places['away']}")) == ("ok", True)
    assert told("gone")[1] == ("note", f"not copied to {places['gone']}: FileNotFoundError: gone")
    assert "never set" not in str(told("beside") + told())

"""``strongroom doctor`` on installations that something has damaged."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.fault.stored import check_sound, database, incoming
from tests.serving import Installation
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
    assert "1" in notes["orphans"]
    assert "1" in notes["leftovers"]
    stopped.start()
    assert incoming(stopped) == []


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    nothing = Installation(tmp_path / "data")
    assert {f["state"] for f in nothing.doctor()} <= {"ok", "note"}
    assert not nothing.data.exists()

"""Stored content that is damaged or gone, as whoever asks for it sees it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.files.blobs import key_of
from tests.serving import Installation
from tests.web.wire import HTML, JSON, PATIENCE, api, put, send


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Installation]:
    server = Installation(tmp_path / "data", workers=1).start()
    yield server
    server.stop()


def content_of(server: Installation, file: dict[str, Any]) -> Path:
    """Where it lies."""
    return server.data / "objects" / key_of(file["sha256"])


def check_refused(server: Installation, file: dict[str, Any], reason: str) -> None:
    """No way gives out a byte, each leaves its record, and the damage has one in all."""
    versions = f"/files/{file['file_id']}/versions"
    [version] = send(server, "GET", versions, headers=JSON).json()["versions"]
    assert version["damaged"]
    for target in (api(file["filename"]), f"{versions}/{version['version_id']}"):
        for headers in ({}, {"Range": "bytes=0-1"}):
            answer = send(server, "GET", target, headers={**JSON, **headers})
            answer.problem(500, reason)
            assert b"strongroom doctor" in answer.body
            events = [record["event"] for record in server.outcome(answer.request_id)]
            assert events.count("download_failed") == 1
            assert "file_downloaded" not in events
    zipped = send(server, "GET", "/zip?folder=/")
    assert zipped.status == 500
    assert not zipped.body.startswith(b"PK")
    [record] = server.records(f"event:content_damaged file_id:{file['file_id']}")
    assert (record["reason"], record["level"]) == (reason, "critical")


def test_another_byte(served: Installation) -> None:
    """Nobody can tell without reading all of it; once somebody has, it is not handed out."""
    file = put(served, "a.txt", b"content")
    path = content_of(served, file)
    times = path.stat()
    path.write_bytes(b"c0ntent")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert served.run("verify", "--files", check=False).returncode == 1
    check_refused(served, file, "content_damaged")
    page = send(served, "GET", f"/files/{file['file_id']}/versions", headers=HTML)
    assert "content damaged" in page.text
    put(served, "b.txt", b"content")  # the same content, uploaded anew
    assert send(served, "GET", api("a.txt")).body == b"content"
    page = send(served, "GET", f"/files/{file['file_id']}/versions", headers=HTML)
    assert "content damaged" not in page.text
    served.run("verify", "--files")


@pytest.mark.parametrize("reason", ["content_missing", "content_damaged"])
def test_gone_or_cut(served: Installation, reason: str) -> None:
    """The first who asks notices, and is recorded to have found it."""
    file = put(served, "a.txt", b"content")
    if reason == "content_missing":
        content_of(served, file).unlink()
    else:
        content_of(served, file).write_bytes(b"cont")
    first = send(served, "GET", api("a.txt"), headers=JSON)
    first.problem(500, reason)
    events = [record["event"] for record in served.outcome(first.request_id)]
    assert events == ["request", "content_damaged", "download_failed", "response"]
    check_refused(served, file, reason)
    served.run("verify", "--files", check=False)
    assert len(served.records("event:content_damaged")) == 1


def test_a_process_keeps_house(served: Installation) -> None:
    """The server has begun its upkeep: somebody holds the lease, until it stops."""
    lease = served.data / "strongroom.db.upkeep"
    deadline = time.monotonic() + PATIENCE
    while not lease.exists() or is_free(lease):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    served.stop()
    assert is_free(lease)


def is_free(lease: Path) -> bool:
    """Whether no process holds it."""
    with lease.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

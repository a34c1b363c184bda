"""A disk becomes full in the middle of an upload: 507, nothing half stays, and all else works."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fault.stored import check_sound, incoming
from tests.serving import Installation
from tests.web.tus.client import TusClient
from tests.web.wire import FORM, JSON, Answer, Part, api, form, names, put, send

pytestmark = pytest.mark.fault

MIB = 1024 * 1024
DISK = 48 * MIB

Upload = Callable[[Installation], Answer]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, in memory, that is small."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "strongroom-test", str(path)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


@pytest.fixture
def full_objects(disk: Path, tmp_path: Path) -> Iterator[Installation]:
    """Only the content is on the small disk, and nothing is held back: the kernel refuses."""
    server = Installation(
        tmp_path / "data", workers=1, objects=disk / "objects", disk_reserve_bytes=0
    ).start()
    yield server
    server.stop()


@pytest.fixture
def full_data(disk: Path) -> Iterator[Installation]:
    """Everything is on the small disk, and a part of it is held back for records."""
    server = Installation(disk / "data", workers=1).start()
    yield server
    server.stop()


def pieces() -> Iterator[bytes]:
    """More than the disk holds; nobody can tell before."""
    for number in range(DISK // MIB + 2):
        yield bytes([number]) * MIB


def by_put(server: Installation) -> Answer:
    return send(server, "PUT", api("large.bin"), pieces())


def by_form(server: Installation) -> Answer:
    whole = form(Part(b"|", "large.bin"))
    before, _, after = whole.partition(b"|")

    def body() -> Iterator[bytes]:
        yield before
        yield from pieces()
        yield after

    return send(server, "POST", "/upload", body(), {**FORM, **JSON})


def by_tus(server: Installation) -> Answer:
    client = TusClient(server)
    address = client.begin("large.bin", None)
    answer = client.patch(address, 0, pieces())
    assert client.offset(address) < DISK  # it may be resumed, once there is room
    assert client.send("DELETE", address).status == 204
    return answer


def left(objects: Path) -> list[Path]:
    """Files of uploads that are not finished, wherever they could be."""
    return [path for part in ("incoming", "uploads") for path in (objects / part).iterdir()]


UPLOADS = pytest.mark.parametrize("upload", [by_put, by_form, by_tus])


def check(server: Installation, upload: Upload, objects: Path) -> None:
    """Told so, nothing of it kept, and everything else works as before."""
    before = put(server, "before.txt", b"before")
    for _ in range(2):  # and the room is there again
        answer = upload(server)
        assert answer.status == 507, answer.body
        assert answer.json()["reason"] == "storage_full"
        assert left(objects) == []
        told = server.outcome(answer.request_id)
        [outcome] = [r for r in told if r["event"] in ("upload_failed", "upload_error")]
        assert (outcome["reason"], outcome["status"]) == ("storage_full", 507)
        assert "file_uploaded" not in {record["event"] for record in told}
    assert names(server) == {"before.txt"}
    put(server, "after.bin", b"y" * (8 * MIB))
    assert send(server, "GET", api("before.txt")).body == b"before"
    assert send(server, "GET", api("after.bin")).body == b"y" * (8 * MIB)
    assert send(server, "DELETE", api("after.bin")).status == 204
    moved = {"Content-Type": "application/json"}
    body = b'{"from": "/before.txt", "to": "/moved.txt"}'
    assert send(server, "POST", "/api/v1/move", body, moved).status == 200
    client = TusClient(server)
    address = client.begin("small.bin", 5)
    assert client.patch(address, 0, b"small").status == 204
    assert names(server) == {"moved.txt", "small.bin"}
    assert send(server, "GET", api("moved.txt")).header("ETag") == f'"{before["sha256"]}"'
    assert server.run("verify", "--files", "--no-record", check=False).returncode == 0


@UPLOADS
def test_the_content_does_not_fit(full_objects: Installation, disk: Path, upload: Upload) -> None:
    check(full_objects, upload, disk / "objects")
    check_sound(full_objects)


@UPLOADS
def test_the_rest_is_for_records(full_data: Installation, upload: Upload) -> None:
    """Uploads stop before the disk is full, so that the refusal itself can be recorded."""
    check(full_data, upload, full_data.data / "objects")
    assert incoming(full_data) == []


def test_what_cannot_fit_is_refused_before_it_is_sent(full_objects: Installation) -> None:
    content = b"x" * (DISK + 1)
    answer = send(full_objects, "PUT", api("large.bin"), content)
    answer.problem(507, "storage_full")
    assert TusClient(full_objects).create("large.bin", DISK + 1).status == 507
    assert names(full_objects) == set()

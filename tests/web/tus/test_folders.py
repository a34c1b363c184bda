"""Where an upload goes: folders that are there, folders dropped with their files, versions replaced."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Installation
from tests.web.expect import expect
from tests.web.tus.client import TusClient, events
from tests.web.wire import send


@pytest.fixture(scope="module")
def tus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TusClient]:
    data: Path = tmp_path_factory.mktemp("folders") / "data"
    server = Installation(data, workers=1).start()
    yield TusClient(server)
    server.stop()


def content(tus: TusClient, path: str) -> bytes:
    answer = send(tus.server, "GET", f"/api/v1/files/{path}")
    assert answer.status == 200, answer.body
    return answer.body


def upload(tus: TusClient, filename: str, data: bytes, **meta: str) -> None:
    address = tus.begin(filename, len(data), **meta)
    assert tus.patch(address, 0, data).status == 204


def test_what_is_dropped_with_its_folders_keeps_them(tus: TusClient) -> None:
    upload(tus, "c.txt", b"one", relativePath="a/b/c.txt")
    upload(tus, "d.txt", b"two", folder="/a", relativePath="b/d.txt")
    upload(tus, "e.txt", b"three", folder="/a/b")
    assert content(tus, "a/b/c.txt") == b"one"
    assert content(tus, "a/b/d.txt") == b"two"
    assert content(tus, "a/b/e.txt") == b"three"
    started, uploaded = events(tus.server, "d.txt")
    assert started["folder"] == uploaded["folder"] == "/a/b"


@pytest.mark.parametrize("value", ["null", "undefined", "", "f.txt", "/f.txt"])
def test_what_is_dropped_alone_has_no_folders(tus: TusClient, value: str) -> None:
    name = f"alone {value.replace('/', '-')}.txt"
    upload(tus, name, b"alone", relativePath=value)
    assert events(tus.server, name)[-1]["folder"] == "/"


def test_a_folder_that_is_not_there(tus: TusClient) -> None:
    tus.create("x.txt", 3, folder="/nowhere").problem(404, "folder_not_found")
    tus.create("x.txt", 3, folder="/nowhere", relativePath="a/x.txt").problem(
        404, "folder_not_found"
    )


def test_a_version_is_replaced_by_whoever_knows_it(tus: TusClient) -> None:
    upload(tus, "v.txt", b"first")
    known = hashlib.sha256(b"first").hexdigest()
    taken = tus.create("v.txt", 6).problem(409, "filename_taken")
    assert taken["sha256"] == known
    upload(tus, "v.txt", b"second", replace=known)
    assert content(tus, "v.txt") == b"second"
    tus.create("v.txt", 5, replace=known).problem(412, "version_not_current")
    assert events(tus.server, "v.txt")[-2]["previous_sha256"] == known


def test_what_went_wrong_is_told_with_its_folder(tus: TusClient) -> None:
    answer = tus.create("lost.txt", 3, folder="/nowhere", relativePath="a/lost.txt")
    expect(tus.server, answer, "upload_failed", filename="lost.txt", folder="/nowhere/a")
    address = tus.begin("given up.txt", 6, relativePath="here/given up.txt")
    answer = tus.patch(address, 5, b"a")
    answer.problem(409, "offset_mismatch")
    expect(tus.server, answer, "upload_failed", filename="given up.txt", folder="/here")
    answer = tus.send("DELETE", address)
    expect(tus.server, answer, "upload_aborted", filename="given up.txt", folder="/here")

"""Symbolic links in the data folder: nothing is read or written through one.

Who can plant a link there owns the folder, or puts back somebody else's backup.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.attacks.attack import attack
from tests.serving import Installation
from tests.web.wire import api, put, send

pytestmark = attack(
    "CWE-59 link following", "GHSA-239w-m3h6-ch8v File Browser", "CVE-2026-55668 File Browser"
)

SECRET = b"canary-77aa: outside the data folder"
MINE = b"mine" * 9  # as long as the secret, so that no check of the size can help


@pytest.fixture
def server(serve: Callable[..., Installation]) -> Installation:
    """A server of its own: what these tests leave behind is broken."""
    assert len(SECRET) == len(MINE)
    return serve(workers=1, threads=8)


def blob(server: Installation, content: bytes) -> Path:
    """Where content is kept."""
    digest = hashlib.sha256(content).hexdigest()
    return server.data / "objects" / "blobs" / digest[:2] / digest[2:4] / digest


def secret(server: Installation) -> Path:
    """A file that the server's user may read, and nobody may have."""
    path = server.data.parent / "secret.txt"
    path.write_bytes(SECRET)
    return path


def test_a_leaf_is_not_followed(server: Installation) -> None:
    put(server, "mine.txt", MINE)
    target = secret(server)
    blob(server, MINE).unlink()
    blob(server, MINE).symlink_to(target)
    answer = send(server, "GET", api("mine.txt"))
    assert SECRET not in answer.body
    assert answer.status == 500
    assert answer.json()["reason"] == "content_missing"


@pytest.mark.parametrize("depth", [1, 2])
def test_an_ancestor_is_not_followed(server: Installation, depth: int) -> None:
    put(server, "mine.txt", MINE)
    path = blob(server, MINE)
    folder = path.parents[depth - 1]
    elsewhere = server.data.parent / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    (elsewhere / path.relative_to(folder)).write_bytes(SECRET)
    answer = send(server, "GET", api("mine.txt"))
    assert SECRET not in answer.body
    assert answer.status == 500


def test_a_dangling_link_creates_nothing(server: Installation) -> None:
    created = server.data.parent / "created.txt"
    path = blob(server, MINE)
    path.parent.mkdir(parents=True)
    path.symlink_to(created)
    assert send(server, "PUT", api("mine.txt"), MINE).status == 201
    assert not created.exists()
    assert not path.is_symlink()
    assert send(server, "GET", api("mine.txt")).body == MINE


def test_a_folder_that_is_a_link_gets_no_content(server: Installation) -> None:
    elsewhere = server.data.parent / "elsewhere"
    elsewhere.mkdir()
    folder = blob(server, MINE).parent
    folder.parent.mkdir(parents=True)
    folder.symlink_to(elsewhere)
    assert send(server, "PUT", api("mine.txt"), MINE).status == 500
    assert list(elsewhere.iterdir()) == []


def test_a_link_swapped_in_while_a_body_arrives(server: Installation) -> None:
    elsewhere = server.data.parent / "elsewhere"
    elsewhere.write_bytes(SECRET)

    incoming = server.data / "objects" / "incoming"

    def body() -> Iterator[bytes]:
        """Half; then the arriving file is replaced by a link; then the rest."""
        yield MINE
        while not (arriving := list(incoming.iterdir())):
            time.sleep(0.01)
        arriving[0].unlink()
        arriving[0].symlink_to(elsewhere)
        yield MINE

    answer = send(server, "PUT", api("swapped.txt"), body())
    assert elsewhere.read_bytes() == SECRET
    got = send(server, "GET", api("swapped.txt"))
    assert SECRET not in got.body
    assert answer.status == 500

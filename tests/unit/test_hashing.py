"""Hashing beside the writing: the same hash, and no thread that stays behind."""

from __future__ import annotations

import errno
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.files.blobs import Blobs
from strongroom.files.hashing import BATCH_BYTES, BESIDE_BYTES, QUEUED_BATCHES, Hashing, HashThreads
from strongroom.objects import LocalObjects

LARGE = BESIDE_BYTES + (QUEUED_BATCHES + 3) * BATCH_BYTES + 1
"""More than is hashed before a thread begins and may wait for it then."""

CONTENT = bytes(range(251)) * (LARGE // 251 + 1)


def beside() -> list[threading.Thread]:
    """The threads that hash now."""
    return [thread for thread in threading.enumerate() if thread.name == "hashing"]


@pytest.fixture(autouse=True)
def _none_stays_behind() -> Iterator[None]:
    assert beside() == []
    yield
    assert beside() == []


def feed(hashing: Hashing, size: int, piece: int = 128 * 1024) -> None:
    """Add so many bytes of the content, in pieces."""
    for start in range(0, size, piece):
        hashing.update(CONTENT[start : min(start + piece, size)])


@pytest.mark.parametrize("piece", [60_001, 128 * 1024, LARGE])
@pytest.mark.parametrize(
    "size", [0, 1, BESIDE_BYTES - 1, BESIDE_BYTES, BESIDE_BYTES + 1, BESIDE_BYTES + BATCH_BYTES, LARGE]
)  # fmt: skip
def test_the_hash_is_that_of_the_bytes(size: int, piece: int) -> None:
    digests = hashlib.sha256(b"before"), hashlib.md5(usedforsecurity=False)
    hashing = Hashing(HashThreads(), *digests)
    feed(hashing, size, piece)
    assert len(beside()) == (size >= BESIDE_BYTES)
    hashing.end()
    hashing.wait()
    assert digests[0].digest() == hashlib.sha256(b"before" + CONTENT[:size]).digest()
    assert digests[1].digest() == hashlib.md5(CONTENT[:size], usedforsecurity=False).digest()
    hashing.wait()
    hashing.abandon()


def test_who_gets_no_thread_hashes_without() -> None:
    threads, digests = HashThreads(2), [hashlib.sha256() for _ in range(4)]
    hashings = [Hashing(threads, digest) for digest in digests]
    for hashing in hashings:
        feed(hashing, LARGE)
    assert len(beside()) == 2
    for hashing in hashings:
        hashing.wait()
    assert {digest.digest() for digest in digests} == {hashlib.sha256(CONTENT[:LARGE]).digest()}


def test_a_thread_that_becomes_free_is_used() -> None:
    threads, digest = HashThreads(1), hashlib.sha256()
    first, second = Hashing(threads, hashlib.sha256()), Hashing(threads, digest)
    feed(first, LARGE)
    feed(second, LARGE)
    first.abandon()
    assert beside() == []
    feed(second, LARGE)
    assert len(beside()) == 1
    second.wait()
    assert digest.digest() == hashlib.sha256(CONTENT[:LARGE] * 2).digest()


def test_a_system_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    threads, digest = HashThreads(1), hashlib.sha256()
    hashing = Hashing(threads, digest)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        feed(hashing, LARGE)
    hashing.wait()
    assert digest.digest() == hashlib.sha256(CONTENT[:LARGE]).digest()
    assert threads.take()  # it was given back


class _Failing:
    """A hash that breaks down beside the writing."""

    def __init__(self) -> None:
        self.left = BESIDE_BYTES + BATCH_BYTES

    def update(self, data: bytes) -> None:
        self.left -= len(data)
        if self.left < 0:
            raise MemoryError


def test_a_hash_that_fails_holds_up_nobody_and_is_told() -> None:
    threads = HashThreads(1)
    hashing = Hashing(threads, _Failing())
    feed(hashing, LARGE)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="could not be hashed") as told:
            hashing.wait()
        assert isinstance(told.value.__cause__, MemoryError)
    assert threads.take()


# --- Blobs ----------------------------------------------------------------------------------------


class _FullDisk(LocalObjects):
    """Objects that may not grow beyond what one thread hashes."""

    def receive(self) -> Any:
        incoming: Any = super().receive()
        write, written = incoming.write, [0]

        def limited(data: bytes) -> int:
            written[0] += len(data)
            if written[0] > BESIDE_BYTES + BATCH_BYTES:
                raise OSError(errno.ENOSPC, "No space left on device")
            return int(write(data))

        incoming.write = limited
        return incoming


def arrive(blobs: Blobs, size: int) -> str:
    with blobs.receive() as arriving:
        for start in range(0, size, 100_000):
            arriving.write(CONTENT[start : min(start + 100_000, size)])
        assert arriving.size == size
        return arriving.publish().sha256


def test_a_large_blob_is_named_by_its_content(tmp_path: Path) -> None:
    blobs = Blobs(LocalObjects(tmp_path))
    sha256 = arrive(blobs, LARGE)
    assert sha256 == hashlib.sha256(CONTENT[:LARGE]).hexdigest()
    with blobs.open(sha256) as stream:
        assert stream.read() == CONTENT[:LARGE]


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    objects = _FullDisk(tmp_path)
    blobs = Blobs(objects)
    for _ in range(4):  # more than there are threads to lose
        with pytest.raises(OSError, match="No space left"):
            arrive(blobs, LARGE)
    assert objects.leftovers() == 0
    assert list(blobs.all()) == []


def test_what_is_not_published_leaves_no_thread(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path)
    with Blobs(objects).receive() as arriving:
        arriving.write(CONTENT[:LARGE])
        arriving.write(CONTENT[:LARGE])
        assert len(beside()) == 1
    assert objects.leftovers() == 0


def test_a_form_of_many_files_holds_no_threads(tmp_path: Path) -> None:
    """They wait, whole, until the form has ended."""
    blobs = Blobs(LocalObjects(tmp_path))
    parts = [blobs.receive() for _ in range(3)]
    for part in parts:
        part.write(CONTENT[:LARGE])
        part.write(CONTENT[:LARGE])
        part.finish()
    for thread in beside():
        thread.join(10)
    assert beside() == []
    whole = hashlib.sha256(CONTENT[:LARGE] * 2).hexdigest()
    assert {part.publish().sha256 for part in parts} == {whole}
    for part in parts:
        part.close()


def test_a_hash_that_failed_is_published_under_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = LocalObjects(tmp_path)
    blobs = Blobs(objects)
    monkeypatch.setattr("strongroom.files.blobs.hashlib.sha256", _Failing)
    with pytest.raises(RuntimeError, match="could not be hashed"):
        arrive(blobs, LARGE)
    assert list(blobs.all()) == []
    assert objects.leftovers() == 0

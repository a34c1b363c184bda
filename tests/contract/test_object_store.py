"""What every object store promises: objects appear whole or not at all, and stay.

One suite over all implementations; a new one adds itself to ``stores.py``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from strongroom.objects import ObjectStore

KEY = "blobs/ab/cd/abcd"

KILLED = """
import os, signal, sys
from pathlib import Path
from tests.contract.stores import STORES
objects = STORES[sys.argv[1]](Path(sys.argv[2]))
arriving = objects.receive()
arriving.write(b"x" * 100_000)
if sys.argv[3] == "published":
    arriving.publish("a/object")
os.kill(os.getpid(), signal.SIGKILL)
"""


def put(objects: ObjectStore, key: str, content: bytes) -> None:
    with objects.receive() as arriving:
        arriving.write(content)
        arriving.publish(key)


def content(objects: ObjectStore, key: str) -> bytes:
    with objects.open(key) as stream:
        return stream.read()


def assert_absent(objects: ObjectStore, key: str) -> None:
    assert objects.size(key) is None
    with pytest.raises(FileNotFoundError):
        objects.open(key)


@pytest.mark.parametrize("size", [0, 1, 4_095, 4_096, 3_000_000])
def test_what_was_published_is_there(
    objects: ObjectStore, reopen: Callable[[], ObjectStore], size: int
) -> None:
    given = os.urandom(size)
    put(objects, KEY, given)
    for store in (objects, reopen()):
        assert content(store, KEY) == given
        assert store.size(KEY) == size
        assert list(store.keys("blobs/")) == [KEY]
    assert objects.leftovers() == 0


def test_pieces_are_joined_in_their_order(objects: ObjectStore) -> None:
    with objects.receive() as arriving:
        assert arriving.write(b"one ") == 4
        assert arriving.write(b"") == 0
        assert arriving.write(b"two ") == 4
        assert arriving.write(b"three") == 5
        arriving.publish(KEY)
    assert content(objects, KEY) == b"one two three"


def test_what_is_not_there(objects: ObjectStore) -> None:
    assert_absent(objects, KEY)
    assert list(objects.keys("blobs/")) == []


def test_a_prefix_is_no_object(objects: ObjectStore) -> None:
    put(objects, KEY, b"content")
    for key in ("blobs", "blobs/ab", f"{KEY}/deeper"):
        assert_absent(objects, key)


def test_nothing_is_seen_before_it_is_published(objects: ObjectStore) -> None:
    arriving = objects.receive()
    arriving.write(b"half")
    assert_absent(objects, KEY)
    assert list(objects.keys("blobs/")) == []
    assert objects.leftovers() == 1
    arriving.discard()
    assert objects.leftovers() == 0


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_what_is_abandoned_leaves_nothing(objects: ObjectStore, error: BaseException) -> None:
    with pytest.raises(type(error)), objects.receive() as arriving:  # noqa: PT012  # the block is the test
        arriving.write(b"half")
        raise error
    with objects.receive() as arriving:
        arriving.write(b"half")
    assert objects.leftovers() == 0
    assert list(objects.keys("blobs/")) == []


def test_discarding_does_nothing_once_published(objects: ObjectStore) -> None:
    arriving = objects.receive()
    arriving.write(b"whole")
    arriving.publish(KEY)
    arriving.discard()
    arriving.discard()
    assert content(objects, KEY) == b"whole"


def test_publishing_twice_is_a_bug(objects: ObjectStore) -> None:
    arriving = objects.receive()
    arriving.publish(KEY)
    with pytest.raises(AssertionError):
        arriving.publish("another/key")
    discarded = objects.receive()
    discarded.discard()
    with pytest.raises(AssertionError):
        discarded.publish("another/key")
    assert_absent(objects, "another/key")


def test_an_object_of_the_same_key_is_replaced_whole(objects: ObjectStore) -> None:
    put(objects, KEY, b"the first, which is longer")
    with objects.open(KEY) as reader:
        put(objects, KEY, b"the second")
        assert reader.read() == b"the first, which is longer"
    assert content(objects, KEY) == b"the second"
    assert objects.size(KEY) == 10
    assert list(objects.keys("blobs/")) == [KEY]


def test_a_stream_is_seekable_and_reads_what_is_asked_for(objects: ObjectStore) -> None:
    put(objects, KEY, bytes(range(256)))
    with objects.open(KEY) as stream:
        stream.seek(100)
        assert stream.tell() == 100
        assert stream.read(3) == bytes([100, 101, 102])
        stream.seek(-1, os.SEEK_END)
        assert stream.read() == b"\xff"
        assert stream.read() == b""


def test_keys_below_a_prefix(objects: ObjectStore) -> None:
    for key in ("blobs/a", "blobs/b/c", "blobs/b/d/e", "blobs2/x", "other"):
        put(objects, key, b"")
    assert sorted(objects.keys("blobs/")) == ["blobs/a", "blobs/b/c", "blobs/b/d/e"]
    assert sorted(objects.keys("blobs/b/")) == ["blobs/b/c", "blobs/b/d/e"]
    assert list(objects.keys("nothing/")) == []


def test_leftovers_are_counted_and_removed_objects_are_not(
    objects: ObjectStore, reopen: Callable[[], ObjectStore]
) -> None:
    put(objects, KEY, b"kept")
    arriving = [objects.receive() for _ in range(3)]
    for object_ in arriving:
        object_.write(b"half")
    again = reopen()
    assert again.leftovers() == 3
    assert again.clear_leftovers() == 3
    assert again.leftovers() == again.clear_leftovers() == 0
    assert content(again, KEY) == b"kept"
    for object_ in arriving:
        object_.discard()


@pytest.mark.parametrize("moment", ["arriving", "published"])
def test_a_crash_leaves_the_whole_object_or_none(
    kind: str, tmp_path: Path, reopen: Callable[[], ObjectStore], moment: str
) -> None:
    command = [sys.executable, "-c", KILLED, kind, str(tmp_path / "objects"), moment]
    killed = subprocess.run(command, cwd=Path(__file__).parents[2], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    objects = reopen()
    if moment == "published":
        assert content(objects, "a/object") == b"x" * 100_000
        assert objects.leftovers() == 0
    else:
        assert list(objects.keys("a/")) == []
        assert objects.leftovers() == objects.clear_leftovers() == 1
    assert objects.leftovers() == 0


def test_many_at_once(objects: ObjectStore) -> None:
    def writer(number: int) -> None:
        put(objects, f"own/{number % 10}/{number}", str(number).encode() * 100)
        put(objects, "shared", str(number).encode() * 1_000)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(writer, range(100)))
    assert len(list(objects.keys("own/"))) == 100
    for number in range(100):
        assert content(objects, f"own/{number % 10}/{number}") == str(number).encode() * 100
    last = content(objects, "shared")
    assert last in {str(number).encode() * 1_000 for number in range(100)}
    assert objects.leftovers() == 0

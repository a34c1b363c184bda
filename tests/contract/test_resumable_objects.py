"""What every object store promises of objects that arrive in pieces, and of who may write them.

One suite over all implementations, those of test_object_store.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from strongroom.audit.pipeline.clock import new_id
from strongroom.objects import ObjectStore, Overtaken, Resumable, ResumableWriter
from tests.contract.test_object_store import KEY, content

KILLED = """
import os, signal, sys
from pathlib import Path
from tests.contract.stores import STORES
resumable = STORES[sys.argv[1]](Path(sys.argv[2])).begin(sys.argv[3])
writer = resumable.take_over(0)
writer.write(b"x" * 100_000)
if sys.argv[4] == "published":
    writer.finish(whole=True)
    resumable.publish("a/object")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def upload_id() -> str:
    return new_id()


@pytest.fixture
def begun(objects: ObjectStore, upload_id: str) -> Iterator[Resumable]:
    resumable = objects.begin(upload_id)
    yield resumable
    resumable.discard()


def append(resumable: Resumable, offset: int, data: bytes, *, whole: bool = False) -> int:
    writer = resumable.take_over(offset)
    assert writer.write(data) == len(data)
    return writer.finish(whole=whole)


def read(resumable: Resumable) -> bytes:
    with resumable.open() as stream:
        return stream.read()


def assert_absent(resumable: Resumable) -> None:
    for act in (
        resumable.arrived,
        resumable.open,
        lambda: resumable.take_over(0),
        lambda: resumable.seal(0),
        lambda: resumable.publish(KEY),
    ):
        with pytest.raises(FileNotFoundError):
            act()


def assert_stopped(writer: ResumableWriter, size: int) -> None:
    with pytest.raises(Overtaken) as stopped:
        writer.write(b"too late")
    assert stopped.value.size == size
    with pytest.raises(Overtaken):
        writer.finish()
    writer.close()


def test_pieces_are_joined_across_openings_of_the_store(
    reopen: Callable[[], ObjectStore], upload_id: str
) -> None:
    reopen().begin(upload_id)
    given = [os.urandom(size) for size in (1, 4_095, 0, 4_096, 300_000)]
    at = 0
    for piece in given:
        resumable = reopen().resumable(upload_id)
        assert resumable.arrived().size == at
        at = append(resumable, at, piece)
    arrived = reopen().resumable(upload_id).arrived()
    assert arrived.orderly
    assert not arrived.whole
    assert read(reopen().resumable(upload_id)) == b"".join(given)


def test_what_is_published_is_an_object_and_the_rest_can_go(
    objects: ObjectStore, begun: Resumable
) -> None:
    append(begun, 0, b"the whole", whole=True)
    assert objects.size(KEY) is None
    for _ in range(2):
        begun.publish(KEY)  # as after a crash that nobody heard the end of
        assert content(objects, KEY) == b"the whole"
    assert begun.arrived().published == KEY
    assert list(objects.keys("blobs/")) == [KEY]
    begun.discard()
    assert_absent(begun)
    assert content(objects, KEY) == b"the whole"
    assert list(objects.resumables()) == []
    assert objects.leftovers() == 0


def test_publishing_replaces_an_object_of_the_same_key(
    objects: ObjectStore, begun: Resumable
) -> None:
    with objects.receive() as arriving:
        arriving.write(b"damaged")
        arriving.publish(KEY)
    append(begun, 0, b"sound", whole=True)
    begun.publish(KEY)
    assert content(objects, KEY) == b"sound"
    assert objects.leftovers() == 0


def test_nothing_is_added_to_what_is_whole(objects: ObjectStore, begun: Resumable) -> None:
    append(begun, 0, b"whole", whole=True)
    with pytest.raises(Overtaken):
        begun.take_over(5)
    begun.publish(KEY)
    with pytest.raises(Overtaken):
        begun.take_over(5)
    assert content(objects, KEY) == b"whole"


def test_sealing_stops_whoever_writes(begun: Resumable) -> None:
    writer = begun.take_over(0)
    writer.write(b"all of it")
    with pytest.raises(Overtaken):
        begun.seal(8)
    for _ in range(2):
        begun.seal(9)
    assert_stopped(writer, 9)
    assert begun.arrived().whole
    assert read(begun) == b"all of it"


def test_what_is_not_whole_cannot_be_published(objects: ObjectStore, begun: Resumable) -> None:
    append(begun, 0, b"half")
    with pytest.raises(AssertionError):
        begun.publish(KEY)
    assert objects.size(KEY) is None


def test_a_writer_is_overtaken_and_writes_nothing_more(begun: Resumable) -> None:
    old = begun.take_over(0)
    old.write(b"first ")
    new = begun.take_over(6)
    assert new.before.token == old.token
    assert not new.before.orderly
    assert_stopped(old, 6)
    new.write(b"second")
    new.finish()
    assert read(begun) == b"first second"
    assert begun.arrived().token == new.token


@pytest.mark.parametrize("offset", [0, 4, 6])
def test_whoever_is_at_the_wrong_offset_overtakes_nobody(begun: Resumable, offset: int) -> None:
    writer = begun.take_over(0)
    writer.write(b"12345")
    with pytest.raises(Overtaken) as refused:
        begun.take_over(offset)
    assert refused.value.size == 5
    writer.write(b"67")
    assert writer.finish() == 7


def test_unverified_bytes_do_not_count_until_the_writer_has_finished(begun: Resumable) -> None:
    append(begun, 0, b"good ")
    writer = begun.take_over(5, unverified=True)
    writer.write(b"perhaps")
    assert begun.arrived().size == 5
    assert writer.finish() == 12
    assert begun.arrived().size == 12
    refuted = begun.take_over(12, unverified=True)
    refuted.write(b" wrong")
    assert refuted.finish(keep=False) == 12
    assert begun.arrived().orderly
    assert read(begun) == b"good perhaps"


def test_unverified_bytes_of_an_overtaken_writer_are_gone(begun: Resumable) -> None:
    old = begun.take_over(0, unverified=True)
    old.write(b"who knows")
    new = begun.take_over(0)
    assert_stopped(old, 0)
    new.write(b"new")
    new.finish()
    assert read(begun) == b"new"


def test_a_broken_end_is_remembered(begun: Resumable) -> None:
    writer = begun.take_over(0)
    writer.write(b"half")
    assert writer.finish(orderly=False) == 4
    assert not begun.arrived().orderly
    append(begun, 4, b"")
    assert begun.arrived().orderly


def test_discarding_stops_whoever_writes(objects: ObjectStore, upload_id: str) -> None:
    resumable = objects.begin(upload_id)
    writer = resumable.take_over(0)
    writer.write(b"half")
    resumable.discard()
    resumable.discard()
    with pytest.raises(FileNotFoundError):
        writer.write(b"more")
    with pytest.raises(FileNotFoundError):
        writer.finish()
    writer.close()
    assert_absent(resumable)
    assert objects.begin(upload_id).arrived().size == 0


def test_there_is_one_of_each_id(objects: ObjectStore, begun: Resumable, upload_id: str) -> None:
    append(begun, 0, b"kept")
    with pytest.raises(FileExistsError):
        objects.begin(upload_id)
    assert read(begun) == b"kept"
    assert_absent(objects.resumable(new_id()))


@pytest.mark.parametrize(
    "name", ["", "..", "../blobs/x", "a/b", "x.writer", "01A20E60-0B6A-753D-966F-2985AF07EF96"]
)
def test_ids_are_ours(objects: ObjectStore, name: str) -> None:
    for act in (objects.resumable, objects.begin):
        with pytest.raises(AssertionError):
            act(name)


def test_they_are_listed_with_their_age(objects: ObjectStore) -> None:
    ids = {new_id() for _ in range(3)}
    for upload_id in ids:
        append(objects.begin(upload_id), 0, b"some")
    found = dict(objects.resumables())
    assert found.keys() == ids
    newest = max(found.values())
    append(objects.resumable(min(ids)), 4, b"more")
    assert dict(objects.resumables())[min(ids)] >= newest
    for one, written_at in objects.resumables():
        assert objects.resumable(one).written_at() == written_at
    objects.resumable(min(ids)).discard()
    assert objects.resumable(min(ids)).written_at() is None
    assert objects.leftovers() == objects.clear_leftovers() == 0


@pytest.mark.parametrize("moment", ["arriving", "published"])
def test_a_killed_writer_leaves_what_it_wrote(
    kind: str, tmp_path: Path, reopen: Callable[[], ObjectStore], upload_id: str, moment: str
) -> None:
    command = [sys.executable, "-c", KILLED, kind, str(tmp_path / "objects"), upload_id, moment]
    killed = subprocess.run(command, cwd=Path(__file__).parents[2], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    objects = reopen()
    resumable = objects.resumable(upload_id)
    assert resumable.arrived().size == 100_000
    if moment == "published":
        assert resumable.arrived().published == "a/object"
        resumable.publish("a/object")
    else:
        assert not resumable.arrived().orderly
        append(resumable, 100_000, b"y", whole=True)
        resumable.publish("a/object")
    assert content(objects, "a/object")[:100_000] == b"x" * 100_000


def test_of_many_at_once_each_byte_is_from_the_one_whose_turn_it_was(
    reopen: Callable[[], ObjectStore], begun: Resumable, upload_id: str
) -> None:
    """Each writes its own letter; whoever is stopped has to begin again where the object ends."""

    def writer(letter: int) -> int:
        resumable, written = reopen().resumable(upload_id), 0
        for _ in range(60):
            try:
                mine = resumable.take_over(resumable.arrived().size)
            except Overtaken:
                continue
            try:
                for _ in range(3):
                    written += mine.write(bytes([letter]) * 1_000)
                mine.finish()
            except Overtaken:
                pass
            finally:
                mine.close()
        return written

    with ThreadPoolExecutor(8) as pool:
        counts = dict(zip(range(8), pool.map(writer, range(8)), strict=True))
    whole = read(begun)
    assert {letter: whole.count(letter) for letter in range(8)} == counts
    assert all(len(set(whole[at : at + 1_000])) == 1 for at in range(0, len(whole), 1_000))


def test_there_is_room(objects: ObjectStore) -> None:
    room = objects.free()
    assert room is None or room > 0

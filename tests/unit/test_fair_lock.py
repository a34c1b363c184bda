"""The lock between processes: one at a time, in turn, and free again when its holder dies."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from strongroom.store.lock import FairLock

PROCESSES = 4
ROUNDS = 200

spawn = multiprocessing.get_context("spawn")


def count(path: Path) -> None:
    """Add to a number in a file in a way that loses additions unless it is alone."""
    lock = FairLock(path)
    number = path.with_name("number")
    for _ in range(ROUNDS):
        with lock.held():
            found = int(number.read_text())
            number.write_text("")
            number.write_text(str(found + 1))
    lock.close()


def hold(path: Path, parent: Connection) -> None:
    """Hold the lock until told to let go; again and again."""
    lock = FairLock(path)
    while parent.recv() == "take":
        parent.send("taking")
        with lock.held():
            parent.send("held")
            if parent.recv() != "let go":
                os.abort()
        parent.send("let go")
    lock.close()


class Holder:
    """Another process, told when to take the lock and when to let go."""

    def __init__(self, path: Path) -> None:
        self.pipe, theirs = spawn.Pipe()
        self.process: BaseProcess = spawn.Process(target=hold, args=(path, theirs))
        self.process.start()

    def take(self) -> None:
        self.pipe.send("take")
        assert self.pipe.recv() == "taking"

    def expect(self, word: str) -> None:
        assert self.pipe.poll(30), f"not {word}"
        assert self.pipe.recv() == word

    def end(self) -> None:
        self.process.kill()
        self.process.join()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.lock"


@pytest.fixture
def holders(path: Path) -> Iterator[list[Holder]]:
    made = [Holder(path) for _ in range(2)]
    yield made
    for holder in made:
        holder.end()


def someone_holds(path: Path) -> bool:
    """Whether some process holds this file's lock now."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def test_one_process_at_a_time(path: Path) -> None:
    path.with_name("number").write_text("0")
    workers = [spawn.Process(target=count, args=(path,)) for _ in range(PROCESSES)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert path.with_name("number").read_text() == str(PROCESSES * ROUNDS)


def test_who_waits_comes_before_who_had_it(path: Path, holders: list[Holder]) -> None:
    """The last holder cannot overtake a process that has queued meanwhile."""
    holder, waiter = holders
    holder.take()
    holder.expect("held")
    waiter.take()
    for _ in range(10):
        while not someone_holds(path.with_name("test.lock.turnstile")):
            pass  # until the waiter stands in the turnstile
        holder.pipe.send("let go")
        holder.expect("let go")
        holder.take()  # again, at once
        waiter.expect("held")
        assert not holder.pipe.poll()
        holder, waiter = waiter, holder


def test_a_killed_holder_lets_go(path: Path, holders: list[Holder]) -> None:
    one, other = holders
    one.take()
    one.expect("held")
    other.take()
    assert one.process.pid is not None
    os.kill(one.process.pid, signal.SIGKILL)
    other.expect("held")
    other.pipe.send("let go")
    other.expect("let go")


def test_a_killed_waiter_is_forgotten(path: Path, holders: list[Holder]) -> None:
    one, other = holders
    one.take()
    one.expect("held")
    other.take()
    while not someone_holds(path.with_name("test.lock.turnstile")):
        pass
    assert other.process.pid is not None
    os.kill(other.process.pid, signal.SIGKILL)
    one.pipe.send("let go")
    one.expect("let go")
    one.take()
    one.expect("held")


def test_an_exception_lets_go(path: Path) -> None:
    lock = FairLock(path)
    with pytest.raises(ValueError, match="no"), lock.held():
        raise ValueError("no")
    assert not someone_holds(path)
    lock.close()


def test_the_files_are_for_their_owner_only(path: Path) -> None:
    lock = FairLock(path)
    files: list[Any] = [path, path.with_name("test.lock.turnstile")]
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]
    lock.close()

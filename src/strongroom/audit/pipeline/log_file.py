"""A file of lines that several processes append to, and that is rotated by size and age.

The file itself is the lock. Whoever writes holds ``flock`` on it and has seen, under the lock,
that its path still names it; whoever rotates does the same. So no record is written to a file
that has been rotated, and a rotated file can be compressed at once. The kernel releases the lock
of a process that dies.

Written here because what there is does not do: concurrent-log-handler 0.9 compresses while it
holds the lock that every log call waits for, renames all kept files at every rotation, leaves a
file that is never found again when it is killed in between, and glues a record to a torn line.
The standard library's handlers lose records when several processes rotate.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import threading
import time
import weakref
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from strongroom.audit.pipeline.rotated import Sweeper, rotate, sweep

ROTATE_AGAIN_SECONDS: Final = 60.0
"""After a rotation that failed; until then the file grows, which is better than losing records."""

_HEAD_BYTES: Final = 64 * 1024
_FIRST_TIME: Final = re.compile(rb'^\{"timestamp":"([0-9T:.-]{19,26}Z)"', re.MULTILINE)
_OPEN_TRIES: Final = 100
"""How often the path may name another file each time before that counts as an error."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a file is rotated, and what becomes of it.

    :param max_bytes: size it does not exceed, unless a single record does
    :param max_age: seconds since its first record
    :param keep: how many rotated files stay
    :param compress: with gzip
    """

    max_bytes: int
    max_age: float
    keep: int
    compress: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happened to the file, to be said once.

    :param event: ``log_file_failed``, ``log_file_resumed``, ``log_file_not_rotated`` or
        ``log_file_not_swept`` (not compressed, or too many kept)
    :param count: records lost until it resumed
    """

    event: str
    error: OSError | None = None
    count: int | None = None


class LogFile:
    """Appends whole lines. Thread-safe, safe between processes and across ``fork``. Never raises.

    When :meth:`write` returns, the line has been handed to the kernel: it survives ``kill -9``,
    not power loss. With nobody else writing a line costs less than 10 µs.

    Another program may move, remove or truncate the file; a program that moves it must not
    compress it at once, since it does not take the lock (logrotate: ``delaycompress``).

    :param sweeps: compress and remove rotated files, in a thread. False in a process that forks:
        whichever other process writes next does it then
    """

    def __init__(self, path: Path, rotation: Rotation, *, sweeps: bool = True) -> None:
        self.path = path.absolute()
        self.troubles: deque[Trouble] = deque()
        """What happened and has not been said yet, oldest first."""
        self._rotation = rotation
        self._sweeps = sweeps
        self._start()
        _files.add(self)

    def _start(self) -> None:
        """The state of a process that has not written yet."""
        self._lock = threading.RLock()
        self._writing = False
        self._waiting: deque[bytes] = deque()
        self._descriptor: int | None = None
        self._opened: os.stat_result | None = None
        self._due_at = 0.0
        """When the file is too old, at the earliest; 0 for not known."""
        self._rotate_after = 0.0
        self._failing: set[str] = set()
        self._lost = 0
        self._sweeper = Sweeper(
            partial(self._sweep), lambda error: self._failed("log_file_not_swept", error)
        )

    def write(self, line: bytes) -> None:
        r"""Append a line, which ends in ``\n``; or say in :attr:`troubles` that it is lost."""
        self._waiting.append(line)
        with self._lock:
            # Whoever gets the lock writes for all who wait. A finaliser or a signal handler
            # that logs within our own write leaves its line to the loop that it interrupted.
            if self._writing:
                return
            while self._waiting:  # once more, for a line left just before the loop below ended
                self._writing = True
                try:
                    while self._waiting:
                        self._write_batch()
                finally:
                    self._writing = False

    def next_trouble(self) -> Trouble | None:
        """Take the oldest of :attr:`troubles`; of several threads one gets it."""
        try:
            return self.troubles.popleft()
        except IndexError:
            return None

    def close(self) -> None:
        """Close the file and finish compressing. The next write opens it again."""
        with self._lock:
            self._close()
        self._sweeper.wait()

    def forked(self) -> None:
        """This is the child: what waits is the parent's, and so are the lock and its file."""
        # Closing does not release a lock that the parent's own descriptor still holds.
        self._close()
        self.troubles.clear()
        self._start()

    def _write_batch(self) -> None:
        lines = [self._waiting.popleft()]
        try:
            descriptor, size = self._locked(len(lines[0]))
            room = self._rotation.max_bytes - size - len(lines[0])
            while self._waiting and len(self._waiting[0]) <= room:
                lines.append(self._waiting.popleft())
                room -= len(lines[-1])
            _append(descriptor, b"".join(lines), size)
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        except OSError as error:
            self._close()  # which also releases the lock
            self._lost += len(lines)
            self._failed("log_file_failed", error)
        except BaseException:
            self._close()  # what a signal handler raises must not leave the file locked
            raise
        else:
            if self._lost:
                self._failing.discard("log_file_failed")
                self.troubles.append(Trouble("log_file_resumed", count=self._lost))
                self._lost = 0

    def _failed(self, event: str, error: OSError) -> None:
        if event not in self._failing:
            self._failing.add(event)
            self.troubles.append(Trouble(event, error))

    def _locked(self, length: int) -> tuple[int, int]:
        """Lock the file that the path names, a new one if that has no room for the line.

        :returns: descriptor, size in bytes
        """
        for _ in range(_OPEN_TRIES):
            descriptor, opened = self._open()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                named = self.path.stat()
            except FileNotFoundError:
                named = None
            if named is None or not os.path.samestat(named, opened):
                self._close()  # rotated by another process, moved or removed
            elif self._is_due(descriptor, named.st_size, length) and self._rotate():
                self._close()
            else:
                return descriptor, named.st_size
        raise OSError(f"{self.path} is replaced again and again")

    def _open(self) -> tuple[int, os.stat_result]:
        if self._descriptor is not None and self._opened is not None:
            return self._descriptor, self._opened
        # Not through a link: the rotation would rename the link and leave the file.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(self.path, flags | os.O_NONBLOCK, 0o600)
        self._opened = os.fstat(self._descriptor)
        if not stat.S_ISREG(self._opened.st_mode):
            raise OSError(f"{self.path} is not an ordinary file")
        self._due_at = 0.0
        if self._sweeps:
            self._sweeper.nudge()
        return self._descriptor, self._opened

    def _close(self) -> None:
        descriptor, self._descriptor, self._opened = self._descriptor, None, None
        if descriptor is not None:
            with suppress(OSError):  # network file systems report late that a disk is full
                os.close(descriptor)

    def _is_due(self, descriptor: int, size: int, length: int) -> bool:
        now = time.time()
        if size == 0:
            self._due_at = now + self._rotation.max_age
            return False
        if now >= self._due_at:
            # Not known, or known of a content that somebody has truncated since.
            self._due_at = _first_time(descriptor) + self._rotation.max_age
        if size + length <= self._rotation.max_bytes and now < self._due_at:
            return False
        return time.monotonic() >= self._rotate_after

    def _rotate(self) -> bool:
        try:
            rotate(self.path)
        except OSError as error:
            self._rotate_after = time.monotonic() + ROTATE_AGAIN_SECONDS
            self._failed("log_file_not_rotated", error)
            return False
        self._failing.discard("log_file_not_rotated")
        return True

    def _sweep(self) -> None:
        try:
            sweep(self.path, keep=self._rotation.keep, compress=self._rotation.compress)
        except FileNotFoundError:
            return  # the folder vanished; writing says so
        self._failing.discard("log_file_not_swept")


def _append(descriptor: int, data: bytes, size: int) -> None:
    """Append to the file, which is locked and of this size; all or nothing.

    :raises OSError: when nothing was written
    """
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        data = b"\n" + data  # a writer was killed in the middle: ours begins on a line of its own
    written = 0
    try:
        while written < len(data):
            written += os.write(descriptor, data[written:])
    except OSError:
        # The disk is full: take the torn line back, unless somebody truncated the file meanwhile.
        if written and os.fstat(descriptor).st_size == size + written:
            os.ftruncate(descriptor, size)
        raise


def _first_time(descriptor: int) -> float:
    """When the first record was written, in seconds since 1970.

    Where no line near the beginning tells, the time of the last change: the file has been
    used by something else, or begins with a torn line.
    """
    match = _FIRST_TIME.search(os.pread(descriptor, _HEAD_BYTES, 0))
    if match is not None:
        try:
            return datetime.fromisoformat(match[1].decode()).timestamp()
        except ValueError:
            pass
    return os.fstat(descriptor).st_mtime


_files: Final[weakref.WeakSet[LogFile]] = weakref.WeakSet()


def _after_in_child() -> None:
    for file in list(_files):
        file.forked()


os.register_at_fork(after_in_child=_after_in_child)

"""Numbers that several processes count, each in a file of its own, and that any of them adds up.

A file belongs to the process that holds its lock, which the kernel takes back when that process ends.
The next process to begin goes on counting in it: so nothing counted is lost when a worker dies, no
counter falls while the server runs, and there are never more files than there were processes at a
time. What tells a state, not a sum, is counted for living processes only.

prometheus-client has a multi-process mode too. It is for a whole process, chosen by a variable of the
environment before the library is imported, which is not ours to do in an application that we are a
guest of; and its files grow sparsely, so that a full disk kills the process that writes to them.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import threading
import weakref
from collections.abc import Iterable
from glob import escape
from pathlib import Path
from typing import Any, Final

from strongroom.audit.pipeline.trouble import described, say_once

SEPARATOR: Final = "\x1f"
"""Between the name of a family and the values of its labels."""

MOST_SERIES: Final = 4_096
"""Numbers of one process; what would be more is left out."""

MOST_FILES: Final = 1_024
"""Processes at a time; further ones count for themselves alone."""

_KEYS_AT: Final = 8 * MOST_SERIES
_SIZE: Final = 256 * 1024
"""Of a file: the numbers as doubles, then their keys in the same order, each with a line feed."""


def series(family: str, *labels: str) -> str:
    """The key of one number."""
    return SEPARATOR.join((family, *labels))


class SharedNumbers:
    """Thread-safe. Survives ``fork``: the child counts in a file of its own.

    Until :meth:`share`, and where the files cannot be used, the numbers are this process's alone.
    Nothing here raises. They are not durable: after a power failure they may begin at zero.

    :param path: of the files, each of which has a number behind it
    :param states: families that tell a state
    """

    _share: _Share | None

    def __init__(self, path: Path, states: Iterable[str] = ()) -> None:
        self._path = path
        self._states = frozenset(states)
        self._shares = False
        self._begin()
        _all.add(self)

    def share(self) -> None:
        """Count together with other processes from now on; what was counted so far comes too."""
        with self._lock:
            if self._shares:
                return
            self._shares = True
            alone, self._share = self._share, None
        if alone is not None:
            self.add(*alone.by_key().items())

    def _begin(self) -> None:
        # Collecting garbage may log a warning, and so come here again from inside.
        self._lock = threading.RLock()
        self._share = None

    def add(self, *amounts: tuple[str, float]) -> None:
        """Add to numbers by key, all at once."""
        with self._lock:
            share = self._share or self._open()
            for key, amount in amounts:
                place = share.places.get(key)
                if place is None and (place := share.new_place(key)) is None:
                    continue
                share.values[place] += amount

    def put(self, key: str, value: float) -> None:
        """Tell a state."""
        with self._lock:
            share = self._share or self._open()
            place = share.places.get(key)
            if place is None:
                place = share.new_place(key)
            if place is not None:
                share.values[place] = value

    def totals(self) -> dict[str, float]:
        """All numbers by key, of all processes."""
        with self._lock:
            share = self._share or self._open()
            found, own = share.by_key(), share.descriptor
        if own is None:
            return found
        for path in sorted(self._path.parent.glob(f"{escape(self._path.name)}-*")):
            try:
                others, alive = _look(path, own)
            except (OSError, ValueError):
                continue  # just being made, or torn by a power failure: its next owner begins anew
            for key, value in others.items():
                if alive or not self._is_state(key):
                    found[key] = found.get(key, 0.0) + value
        return found

    def close(self) -> None:
        """Let the next process go on in this one's file; it is opened anew on the next use."""
        with self._lock:
            share, self._share = self._share, None
            if share is not None:
                share.close()

    def forked(self) -> None:
        """This is the child: the file is the parent's."""
        share = self._share
        self._begin()
        if share is not None:
            share.close()  # the parent's lock stays: it has the same open file

    def _is_state(self, key: str) -> bool:
        return key.partition(SEPARATOR)[0] in self._states

    def _open(self) -> _Share:
        try:
            for number in range(MOST_FILES if self._shares else 0):
                share = _take(self._path.with_name(f"{self._path.name}-{number}"))
                if share is not None:
                    for key in filter(self._is_state, share.places):
                        share.values[share.places[key]] = 0.0
                    self._share = share
                    return share
        except (OSError, ValueError) as error:
            say_once(f"metrics are counted by each process for itself: {described(error)}")
        self._share = _Share(bytearray(_SIZE), None)
        return self._share


class _Share:
    """The numbers of one process, in memory that is mapped from a file, or is not."""

    def __init__(self, memory: Any, descriptor: int | None) -> None:
        self.descriptor = descriptor
        self._memory = memory
        view = memoryview(memory)
        self.values = view[:_KEYS_AT].cast("d")
        self._view = view
        keys = bytes(view[_KEYS_AT:]).partition(b"\0")[0]
        whole = keys[: keys.rfind(b"\n") + 1]  # torn where a process died while it wrote a key
        self.places = {key: place for place, key in enumerate(whole.decode().split("\n")[:-1])}
        self._end = _KEYS_AT + len(whole)

    def new_place(self, key: str) -> int | None:
        """Make room for a number; None when there is none."""
        line = key.replace("\n", " ").replace("\0", " ").encode("utf-8", "replace") + b"\n"
        place = len(self.places)
        if place >= MOST_SERIES or self._end + len(line) >= _SIZE:
            return None
        self.values[place] = 0.0
        self._view[self._end : self._end + len(line)] = line
        self._end += len(line)
        self.places[key] = place
        return place

    def by_key(self) -> dict[str, float]:
        return {key: self.values[place] for key, place in self.places.items()}

    def close(self) -> None:
        self.values.release()
        self._view.release()
        with contextlib.suppress(OSError, BufferError):
            if self.descriptor is not None:
                self._memory.close()
                os.close(self.descriptor)


def _take(path: Path) -> _Share | None:
    """The file as ours; None when another process has it."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # All of it now: to write to a page that the disk has no room for would end the process.
        size = os.fstat(descriptor).st_size
        while size < _SIZE:
            size += os.pwrite(descriptor, bytes(_SIZE - size), size)
        memory = mmap.mmap(descriptor, _SIZE)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    try:
        return _Share(memory, descriptor)
    except ValueError:  # not as we left it
        memory[:] = bytes(_SIZE)
        return _Share(memory, descriptor)


def _look(path: Path, own: int) -> tuple[dict[str, float], bool]:
    """What another's file has, and whether its process lives.

    :raises ValueError: when it is not whole
    """
    with path.open("rb") as file:
        if os.path.sameopenfile(file.fileno(), own):
            return {}, True
        content = bytearray(file.read(_SIZE))
        if len(content) < _SIZE:
            raise ValueError("shorter than such a file is")
        return _Share(content, None).by_key(), _is_held(file.fileno())


def _is_held(descriptor: int) -> bool:
    """Whether a process holds the file's lock. Asked with a shared one, as others may ask too."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


_all: Final[weakref.WeakSet[SharedNumbers]] = weakref.WeakSet()


def _after_in_child() -> None:
    for numbers in list(_all):
        numbers.forked()


os.register_at_fork(after_in_child=_after_in_child)

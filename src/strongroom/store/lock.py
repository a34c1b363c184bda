"""A fair lock between processes, on ordinary files.

SQLite's own busy handler polls, so under load one process can starve the other for seconds.
Here every process first passes a turnstile: whoever has just released the lock must queue
behind whoever is already waiting at it. Both are ``flock`` locks, which the kernel releases
when their process dies, ``kill -9`` included.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FairLock:
    """Mutual exclusion between processes on one machine; use it from one thread at a time.

    :param path: the files ``<path>`` and ``<path>.turnstile`` are created beside the database
    """

    def __init__(self, path: Path) -> None:
        self._lock = _open(path)
        self._turnstile = _open(path.with_name(path.name + ".turnstile"))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock for the length of the block; waits as long as it takes."""
        fcntl.flock(self._turnstile, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        finally:
            fcntl.flock(self._turnstile, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def close(self) -> None:
        """Release the file descriptors."""
        os.close(self._lock)
        os.close(self._turnstile)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

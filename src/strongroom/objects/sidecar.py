"""Who writes a resumable object: the file ``<id>.writer`` beside it, and its lock.

Nobody holds the lock for longer than a piece takes to append, so a writer whose client has stalled
keeps nobody out; a token in the file says whose turn it is. The kernel releases the lock when its
process dies, ``kill -9`` included.

The file is one JSON object in a block of fixed size, written in place: a process that is killed
leaves the old block or the new one. What cannot be read counts as nothing known, which is safe: then
nothing that the object holds is relied on.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

SUFFIX: Final = ".writer"

_BLOCK: Final = 512
"""Bytes: what a disk writes at once."""

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
"""Linux: changes with every start of the machine (``man 4 random``)."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Who writes, and how much of what is written can be relied on.

    :param token: of the writer whose turn it is; empty before the first one, and for nobody
    :param orderly: whether that writer has finished in good order
    :param synced: bytes that are on disk for certain
    :param unverified_from: bytes from here on do not count yet; None when all count
    :param boot: of the machine, when this was written; None where it cannot be told
    :param whole: nothing is added any more
    :param published: the key that it was to be published under
    :param discarded: it was removed, and so was this file
    """

    token: str = ""
    orderly: bool = True
    synced: int = 0
    unverified_from: int | None = None
    boot: str | None = None
    whole: bool = False
    published: str | None = None
    discarded: bool = False

    @property
    def is_of_this_boot(self) -> bool:
        """Whether the machine has run ever since; False where that cannot be told."""
        return self.boot is not None and self.boot == boot_id()

    def reliable(self, size: int) -> int:
        """How many bytes of an object of this size can be gone on after."""
        if self.unverified_from is not None:
            size = min(size, self.unverified_from)
        # What was never fsynced may be zeros after a power cut, though the size is right.
        if not self.is_of_this_boot:
            size = min(size, self.synced)
        return size


class Sidecar:
    """The open file. Each has a lock of its own, against other threads as well. One thread."""

    def __init__(self, folder: int, upload_id: str, *, create: bool = False) -> None:
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        if create:
            flags |= os.O_CREAT | os.O_EXCL
        self._file = os.open(upload_id + SUFFIX, flags, 0o600, dir_fd=folder)
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            os.close(self._file)
            raise FileNotFoundError(errno.ENOENT, "no such upload", upload_id)

    @contextmanager
    def locked(self) -> Iterator[Turn]:
        """Hold the lock for the length of the block, which must be short; what the file says.

        :raises FileNotFoundError: when the object was discarded
        """
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            turn = _decode(os.pread(self._file, _BLOCK, 0))
            if turn.discarded:
                raise FileNotFoundError(errno.ENOENT, "discarded")
            yield turn
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def write(self, turn: Turn) -> None:
        """Say whose turn it is from now on. Only while the lock is held."""
        os.pwrite(self._file, _encode(turn), 0)

    def sync(self) -> None:
        """Put on disk what was written."""
        os.fsync(self._file)

    def close(self) -> None:
        """Release the descriptor."""
        os.close(self._file)


@cache
def boot_id() -> str | None:
    """Of the running machine; None where the system has none."""
    try:
        return _BOOT_ID.read_text("ascii").strip() or None
    except (OSError, ValueError):
        return None


def _encode(turn: Turn) -> bytes:
    text = json.dumps(asdict(turn), separators=(",", ":")).encode()
    if len(text) > _BLOCK:
        raise AssertionError("keys are short")
    return text.ljust(_BLOCK)


def _decode(block: bytes) -> Turn:
    try:
        found: dict[str, Any] = json.loads(block)
        return Turn(**found)
    except (ValueError, TypeError, RecursionError):
        return Turn(orderly=False)

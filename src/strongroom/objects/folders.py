"""Folders on disk: made so that they last, and reached through no symbolic link."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class DurableFolders:
    """Creates folders so that they survive power loss. Thread-safe.

    That a folder is there does not mean that its name has reached the disk: another thread or
    process may have made it this instant. So each is synced in its parent once by each process.
    """

    def __init__(self, root: Path) -> None:
        self._durable = {root}

    def make(self, folder: Path) -> None:
        """Create the folder and those above it, up to the root, unless this was done before."""
        if folder in self._durable:
            return
        self.make(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)
        self._durable.add(folder)


@contextmanager
def open_folder(root: Path, key: str) -> Iterator[tuple[int, str]]:
    """A descriptor of the folder that holds an object, reached through no link, and its name there.

    :raises OSError: when there is no such folder, or a link stands in its place
    """
    *folders, name = key.split("/")
    flags = os.O_RDONLY | os.O_DIRECTORY
    descriptor = os.open(root, flags)
    try:
        for folder in folders:
            below = os.open(folder, flags | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor, name
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Put on disk which names the folder holds."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def kept_from_removing(folder: int) -> None:
    """Until the descriptor is closed, nobody removes anything from this folder; many may publish.

    Without this, an object could be found old, published anew, and then removed.
    """
    # Where a file system knows no such locks, nothing is removed either.
    with suppress(OSError):
        fcntl.flock(folder, fcntl.LOCK_SH)


def kept_from_publishing(folder: int) -> bool:
    """Until the descriptor is closed, nobody publishes in this folder; False when that cannot be.

    Never waits: whoever publishes now may be at it for long, and what is to go can go later.
    """
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

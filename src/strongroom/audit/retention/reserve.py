"""Room on the disk that is given up when there is none left: deleting takes some as well."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from strongroom.store import Store

RESERVE_BYTES: Final = 8 * 2**20
"""A pruning writes some hundred kB to the database's log of changes, for each segment."""

SMALLEST_SHARE: Final = 20
"""The reserve is at most this part of the disk."""


class Reserve:
    """A file of no use beside the database. For one thread.

    :param most: bytes
    """

    def __init__(self, store: Store, most: int = RESERVE_BYTES) -> None:
        self._path = store.path.with_name(store.path.name + ".reserve")
        self._most = most

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._path

    def is_full(self) -> bool:
        """Whether the disk has less room left than the reserve would take."""
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize < self._size()

    def keep(self) -> bool:
        """Make the file, where there is room for it twice over; whether it is there."""
        size = self._size()
        if self._held() >= size:
            return True
        disk = os.statvfs(self._path.parent)
        if disk.f_bavail * disk.f_frsize < 2 * size:
            return False
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
            os.fsync(descriptor)
        except OSError:  # no room after all
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
            return False
        finally:
            os.close(descriptor)
        return True

    def release(self) -> bool:
        """Give its room back; whether there was any.

        :raises OSError: when it cannot be removed
        """
        held = self._held()
        self._path.unlink(missing_ok=True)
        return held > 0

    def _size(self) -> int:
        disk = os.statvfs(self._path.parent)
        return min(self._most, disk.f_blocks * disk.f_frsize // SMALLEST_SHARE)

    def _held(self) -> int:
        try:
            found = self._path.stat()
        except OSError:
            return 0
        return min(found.st_size, found.st_blocks * 512)  # a file with holes holds nothing

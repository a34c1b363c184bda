"""What is sent: random bytes, so that nothing can be compressed, and new ones each time."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Final

MIB: Final = 1024 * 1024
GIB: Final = 1024 * MIB
RESERVE: Final = 5 * GIB
"""Left free on the disk, whatever is measured."""

_CHANGED: Final = 4096


class Source:
    """A file of random bytes in the page cache, of which a part is renewed before each use.

    Servers that store the same content once would have nothing to write the second time. A few
    kilobytes of each MiB are enough to make all of its pieces differ, and take no time.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self.sha256 = ""
        with path.open("wb") as file:
            for _ in range(size // MIB):
                file.write(os.urandom(MIB))

    def renew(self) -> None:
        """Make it another content; on disk when this returns, so that nobody else waits for it."""
        with self.path.open("r+b") as file:
            for start in range(0, self.size, MIB):
                os.pwrite(file.fileno(), os.urandom(_CHANGED), start)
            os.fsync(file.fileno())
            self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()


def check_room(folder: Path, needed: int) -> None:
    """Refuse to begin what would not fit.

    :raises SystemExit: when the file system of that folder has too little room
    """
    free = shutil.disk_usage(folder).free
    if free < needed + RESERVE:
        raise SystemExit(
            f"This writes up to {needed / GIB:.0f} GiB and leaves {RESERVE / GIB:.0f} GiB free; "
            f"{folder} has {free / GIB:.0f} GiB."
        )


def size_text(size: int) -> str:
    """A power of two in words."""
    return f"{size // GIB} GiB" if size >= GIB else f"{size // MIB} MiB"

"""Looks at a disk and at a backup before anything is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from strongroom.backup.copying import read_file
from strongroom.backup.layout import MANIFEST
from strongroom.backup.manifest import Manifest
from strongroom.errors import Corrupt, SettingsError, Unavailable

MANIFEST_BYTES: Final = 2**31

Progress = Callable[[str, int, int], None]
"""Told what is done, and how much of how much: bytes, pages of the database, or records."""


def silent(_step: str, _done: int, _total: int) -> None:
    """A progress that nobody wants to know of."""


def read_manifest(backup: Path) -> tuple[Manifest, bytes]:
    """The manifest of a backup, and its bytes.

    :raises SettingsError: when there is none, so no backup, or one of a newer version
    :raises Corrupt: when it cannot be read
    """
    try:
        content = read_file(backup, MANIFEST, MANIFEST_BYTES)
    except FileNotFoundError:
        raise SettingsError(
            f"{backup} is no whole backup: there is no {MANIFEST} in it, which is written last"
        ) from None
    except OSError as error:
        raise Corrupt(f"{backup / MANIFEST} cannot be read: {error.strerror or error}") from None
    return Manifest.parse(content), content


def check_room(folder: Path, needed: int, what: str) -> None:
    """Whether a disk has room.

    :raises Unavailable: when it has not
    """
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if free < needed:
        raise Unavailable(
            f"{what} needs some {needed:,} bytes, but there is room for {free:,} in {folder}"
        )

"""Small files that are there whole or not at all, whenever the machine stops."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def replace_whole(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Put this in the place of what the file had. Durable.

    :param mode: of the file, less what the process masks
    :raises OSError: when it cannot be written; the file is then as it was
    """
    with _draft(path, content, mode) as draft:
        draft.replace(path)
    _sync_folder(path.parent)


def create_whole(path: Path, content: bytes) -> None:
    """Make the file, unless there is one: that is never replaced.

    :raises OSError: when it cannot be written
    """
    if path.exists():
        return
    with _draft(path, content, 0o666) as draft:
        try:
            os.link(draft, path)  # unlike a rename it never replaces what is there
        except FileExistsError:
            return
        except OSError:  # FAT and some shares have no hard links
            with suppress(FileExistsError), path.open("xb") as file:
                _write(file.fileno(), content)
    _sync_folder(path.parent)


@contextmanager
def _draft(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        try:
            _write(descriptor, content)
        finally:
            os.close(descriptor)
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Some shares refuse it. What the rename was for then reaches the disk a little later.
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Copies of single files, hashed on the way, through no symbolic link, durable."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from strongroom.objects.folders import open_folder

CHUNK: Final = 1_048_576
_NOT_THERE: Final = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENXIO)
_NO_LINKS: Final = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS)

OnBytes = Callable[[int], None]
"""Told how many bytes more are done."""


def open_file(root: Path, name: str) -> int:
    """A descriptor of a plain file below a folder, to read.

    :raises FileNotFoundError: when there is none, or a link or something else in its place
    :raises OSError: when it cannot be read
    """
    try:
        with open_folder(root, name) as (folder, last):
            # Without O_NONBLOCK a pipe in its place would be waited for.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(last, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in _NOT_THERE:
            raise FileNotFoundError(errno.ENOENT, "no such file", str(root / name)) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, "no plain file", str(root / name))
    return descriptor


def read_file(root: Path, name: str, limit: int) -> bytes:
    """The content of a small file.

    :raises FileNotFoundError: as :func:`open_file`
    :raises OSError: when it cannot be read, or is longer than the limit
    """
    with os.fdopen(open_file(root, name), "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, "it is too long", str(root / name))
    return content


def copy(
    root: Path, name: str, target: Path, on_bytes: OnBytes, *, limit: int | None = None
) -> tuple[int, str]:
    """Copy a file to a new one, with its time; size and SHA-256 of what was written.

    The folder of the new one is made, but not synced: see :func:`sync_folders`.

    :param limit: bytes that it should have; of a longer one no more than the next piece is copied
    :raises FileNotFoundError: when there is no such file
    :raises OSError: when it cannot be read or written; nothing is left of the copy
    """
    source = open_file(root, name)
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        copied = os.open(target, flags, 0o600)
        try:
            found = _pour(source, copied, on_bytes, limit)
            times = os.fstat(source)
            os.utime(copied, ns=(times.st_atime_ns, times.st_mtime_ns))
            os.fsync(copied)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        finally:
            os.close(copied)
    finally:
        os.close(source)
    return found


def _pour(source: int, copied: int, on_bytes: OnBytes, limit: int | None) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    while (limit is None or size <= limit) and (chunk := os.read(source, CHUNK)):
        digest.update(chunk)
        size += len(chunk)
        view = memoryview(chunk)
        while view:
            view = view[os.write(copied, view) :]
        on_bytes(len(chunk))
    return size, digest.hexdigest()


def hashed(root: Path, name: str, on_bytes: OnBytes = lambda _count: None) -> tuple[int, str]:
    """Size and SHA-256 of a file.

    :raises FileNotFoundError: when there is no such file
    """
    digest, size = hashlib.sha256(), 0
    descriptor = open_file(root, name)
    try:
        while chunk := os.read(descriptor, CHUNK):
            digest.update(chunk)
            size += len(chunk)
            on_bytes(len(chunk))
    finally:
        os.close(descriptor)
    return size, digest.hexdigest()


def link(root: Path, name: str, target: Path) -> bool:
    """Give a file of an earlier backup a second name; False where that cannot be."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with open_folder(root, name) as (folder, last):
            os.link(last, target, src_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno in (*_NO_LINKS, *_NOT_THERE):
            return False
        raise
    return True


def write(path: Path, content: bytes) -> None:
    """A new file, durable but for its name: see :func:`sync_folders`."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_file(path: Path) -> None:
    """Put a file on disk that somebody else has written."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folders(root: Path) -> None:
    """Put on disk which names a folder and all below it hold."""
    for folder, _, _ in os.walk(root, topdown=False):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

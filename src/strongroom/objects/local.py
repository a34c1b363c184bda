"""Objects as files in a folder.

``<root>/incoming/`` holds what is arriving; a finished object is fsynced, renamed to its key and
the folder is fsynced, so that a crash leaves the whole object or none. What arrives in pieces is in
``<root>/uploads/``, and outlives the process.

No symbolic link below the root is followed: whoever can plant one there, or have a backup put back
that holds one, must not have the server read or write elsewhere. The root itself may be a link.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final

from strongroom.objects.folders import (
    DurableFolders,
    kept_from_publishing,
    kept_from_removing,
    open_folder,
    sync_folder,
)
from strongroom.objects.partial import LocalPartials, LocalResumable

__all__ = ["LocalIncoming", "LocalObjects", "sync_folder"]

_NOT_AN_OBJECT: Final = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENXIO)
"""Nothing there, below a key, a prefix of keys, a link, a socket."""


class LocalObjects:
    """Implements :class:`~strongroom.objects.store.ObjectStore` on one file system."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)
        sync_folder(root.parent)
        sync_folder(root)
        self._folders = DurableFolders(root)
        self._partials = LocalPartials(root, self._folders)

    def receive(self) -> LocalIncoming:
        """See :meth:`ObjectStore.receive`."""
        return LocalIncoming(self._root, self._incoming, self._folders)

    def open(self, key: str) -> BinaryIO:
        """See :meth:`ObjectStore.open`."""
        try:
            with open_folder(self._root, key) as (folder, name):
                # Without O_NONBLOCK a pipe in its place would be waited for.
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
                descriptor = os.open(name, flags, dir_fd=folder)
        except OSError as error:
            if error.errno in _NOT_AN_OBJECT:
                raise FileNotFoundError(errno.ENOENT, "no such object", key) from None
            raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise FileNotFoundError(errno.ENOENT, "no such object", key)
        # Unbuffered, so that the position is the kernel's and sendfile starts where we seek to.
        return os.fdopen(descriptor, "rb", buffering=0)

    def size(self, key: str) -> int | None:
        """See :meth:`ObjectStore.size`."""
        found = self._stat(key)
        return None if found is None else found.st_size

    def stamp(self, key: str) -> str | None:
        """See :meth:`ObjectStore.stamp`."""
        found = self._stat(key)
        return None if found is None else f"{found.st_mtime_ns}-{found.st_size}"

    def remove(self, key: str, published_before: float) -> bool:
        """See :meth:`ObjectStore.remove`."""
        try:
            with open_folder(self._root, key) as (folder, name):
                if not kept_from_publishing(folder):
                    return False
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
                old = found.st_mtime < published_before
                if old and stat.S_ISREG(found.st_mode):
                    os.unlink(name, dir_fd=folder)
                    return True
        except OSError as error:
            if error.errno not in _NOT_AN_OBJECT:
                raise
        return False

    def _stat(self, key: str) -> os.stat_result | None:
        try:
            with open_folder(self._root, key) as (folder, name):
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)  # by descriptor
        except OSError as error:
            if error.errno in _NOT_AN_OBJECT:
                return None
            raise
        return found if stat.S_ISREG(found.st_mode) else None

    def keys(self, prefix: str) -> Iterator[str]:
        """See :meth:`ObjectStore.keys`."""
        for folder, _, names in os.walk(self._root / prefix):
            for name in names:
                yield (Path(folder) / name).relative_to(self._root).as_posix()

    def leftovers(self) -> int:
        """See :meth:`ObjectStore.leftovers`."""
        return sum(1 for _ in self._incoming.iterdir())

    def clear_leftovers(self) -> int:
        """See :meth:`ObjectStore.clear_leftovers`."""
        count = 0
        for path in self._incoming.iterdir():
            path.unlink(missing_ok=True)
            count += 1
        return count

    def resumable(self, upload_id: str) -> LocalResumable:
        """See :meth:`ObjectStore.resumable`."""
        return self._partials.resumable(upload_id)

    def begin(self, upload_id: str) -> LocalResumable:
        """See :meth:`ObjectStore.begin`."""
        return self._partials.begin(upload_id)

    def resumables(self) -> Iterator[tuple[str, float]]:
        """See :meth:`ObjectStore.resumables`."""
        return self._partials.all()

    def free(self) -> int | None:
        """See :meth:`ObjectStore.free`."""
        found = os.statvfs(self._root)
        return found.f_bavail * found.f_frsize


class LocalIncoming:
    """Implements :class:`~strongroom.objects.store.Incoming`."""

    def __init__(self, root: Path, folder: Path, folders: DurableFolders) -> None:
        self._root = root
        self._folders = folders
        descriptor, path = tempfile.mkstemp(dir=folder)
        self._path: Path | None = Path(path)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        made = os.fstat(descriptor)
        self._identity = (made.st_dev, made.st_ino)

    def write(self, data: bytes) -> int:
        """See :meth:`Incoming.write`."""
        rest = memoryview(data)
        while rest:  # an unbuffered write may take only part of it
            rest = rest[self._file.write(rest) :]
        return len(data)

    def finish(self) -> None:
        """See :meth:`Incoming.finish`."""
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()

    def publish(self, key: str) -> None:
        """See :meth:`Incoming.publish`."""
        if self._path is None:
            raise AssertionError("published or discarded before")
        self.finish()
        found = self._path.lstat()
        if (found.st_dev, found.st_ino) != self._identity:
            raise OSError(errno.ESTALE, "something else was put in its place", str(self._path))
        self._folders.make((self._root / key).parent)
        with open_folder(self._root, key) as (folder, name):
            kept_from_removing(folder)
            os.utime(self._path, follow_symlinks=False)  # young: see ObjectStore.remove
            os.rename(self._path, name, dst_dir_fd=folder)  # by descriptor
            self._path = None
            os.fsync(folder)

    def discard(self) -> None:
        """See :meth:`Incoming.discard`."""
        path, self._path = self._path, None
        if path is not None:
            self._file.close()
            path.unlink(missing_ok=True)

    def __enter__(self) -> LocalIncoming:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()

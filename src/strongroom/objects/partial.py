"""Resumable objects as files in ``<root>/uploads/``.

``uploads/<id>`` holds the bytes, ``uploads/<id>.writer`` says who writes them. To publish is to give
the same file a second name, so that a crash between that and whatever the caller commits leaves both,
and both steps can be repeated. From then on nobody may change the file: it is the object.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

from strongroom.objects.folders import (
    DurableFolders,
    kept_from_removing,
    open_folder,
    sync_folder,
)
from strongroom.objects.sidecar import SUFFIX, Sidecar, Turn, boot_id
from strongroom.objects.store import Arrived, Overtaken

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NO_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""The file system has no hard links, or no more for this file."""


class LocalPartials:
    """The folder of resumable objects. Thread-safe.

    :param root: of the object store
    """

    def __init__(self, root: Path, folders: DurableFolders) -> None:
        self.root = root
        self.folders = folders
        self.path = root / "uploads"
        folders.make(self.path)

    def resumable(self, upload_id: str) -> LocalResumable:
        """See :meth:`ObjectStore.resumable`."""
        return LocalResumable(self, upload_id)

    def begin(self, upload_id: str) -> LocalResumable:
        """See :meth:`ObjectStore.begin`."""
        begun = LocalResumable(self, upload_id)
        begun.begin()
        return begun

    def all(self) -> Iterator[tuple[str, float]]:
        """See :meth:`ObjectStore.resumables`."""
        found: dict[str, float] = {}
        with os.scandir(self.path) as entries:
            for entry in entries:
                upload_id = entry.name.removesuffix(SUFFIX)
                if _UUID.fullmatch(upload_id):
                    with suppress(FileNotFoundError):  # discarded meanwhile
                        written = entry.stat(follow_symlinks=False).st_mtime
                        found[upload_id] = max(written, found.get(upload_id, written))
        yield from found.items()


class LocalResumable:
    """Implements :class:`~strongroom.objects.store.Resumable`."""

    def __init__(self, partials: LocalPartials, upload_id: str) -> None:
        if not _UUID.fullmatch(upload_id):
            raise AssertionError(f"not an id of ours: {upload_id!r}")
        self._partials = partials
        self._id = upload_id
        self._key = f"uploads/{upload_id}"

    def begin(self) -> None:
        """Make its two files, the one that says what the other is first."""
        with self._folder() as folder:
            sidecar = Sidecar(folder, self._id, create=True)
            try:
                sidecar.write(Turn(boot=boot_id()))
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                os.close(os.open(self._id, flags, 0o600, dir_fd=folder))
            except BaseException:
                os.unlink(self._id + SUFFIX, dir_fd=folder)
                raise
            finally:
                sidecar.close()

    def arrived(self) -> Arrived:
        """See :meth:`Resumable.arrived`."""
        with self._turn() as (folder, _, turn):
            found = self._stat(folder)
            if found is None and turn.published is None:
                raise FileNotFoundError(errno.ENOENT, "no such upload", self._id)
            return _arrived(turn, found)

    def written_at(self) -> float | None:
        """See :meth:`Resumable.written_at`."""
        found = []
        with self._folder() as folder:
            for name in (self._id, self._id + SUFFIX):
                with suppress(FileNotFoundError):
                    found.append(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime)
        return max(found, default=None)

    def take_over(self, offset: int, *, unverified: bool = False) -> LocalWriter:
        """See :meth:`Resumable.take_over`."""
        with self._folder() as folder:
            sidecar = self._sidecar(folder)
            try:
                with sidecar.locked() as turn:
                    file = self._open(folder, os.O_RDWR)
                    try:
                        return self._begin(sidecar, file, turn, offset, unverified=unverified)
                    except BaseException:
                        os.close(file)
                        raise
            except BaseException:
                sidecar.close()
                raise

    def _begin(
        self, sidecar: Sidecar, file: int, turn: Turn, offset: int, *, unverified: bool
    ) -> LocalWriter:
        found = os.fstat(file)
        before = _arrived(turn, found)
        if before.size != offset or before.whole:
            raise Overtaken(before.size)
        if found.st_size > offset:
            os.ftruncate(file, offset)
        mine = Turn(
            token=secrets.token_hex(8),
            orderly=False,
            synced=min(turn.synced, offset),
            unverified_from=offset if unverified else None,
            boot=boot_id(),
        )
        sidecar.write(mine)
        return LocalWriter(sidecar, file, self._partials.path, before, mine)

    def seal(self, size: int) -> None:
        """See :meth:`Resumable.seal`."""
        with self._turn() as (folder, sidecar, turn):
            if turn.published is not None and self._stat(folder) is None:
                return  # it has become the object
            file = self._open(folder, os.O_RDONLY)
            try:
                found = _arrived(turn, os.fstat(file))
                if found.size != size:
                    raise Overtaken(found.size)
                # Whoever writes still would find it full; so the lock may be held for this once.
                os.fsync(file)
            finally:
                os.close(file)
            sidecar.write(replace(turn, whole=True, synced=size, boot=boot_id()))

    def open(self) -> BinaryIO:
        """See :meth:`Resumable.open`."""
        with self._folder() as folder:
            return os.fdopen(self._open(folder, os.O_RDONLY), "rb", buffering=0)

    def publish(self, key: str) -> None:
        """See :meth:`Resumable.publish`."""
        partials = self._partials
        partials.folders.make((partials.root / key).parent)
        with self._turn() as (folder, sidecar, turn):
            if not turn.whole:
                raise AssertionError("not whole yet")
            sidecar.write(replace(turn, published=key))
            with open_folder(partials.root, key) as (there, name):
                kept_from_removing(there)
                if self._stat(folder) is None:
                    if turn.published != key:
                        raise FileNotFoundError(errno.ENOENT, "no such upload", self._id)
                    _touch(there, name)  # renamed before; there are no hard links here
                    return
                _touch(folder, self._id)
                try:
                    self._link(folder, there, name)
                except OSError as error:
                    if error.errno not in _NO_LINKS:
                        raise
                    sidecar.sync()  # from here on only the sidecar knows what became of it
                    os.fsync(folder)
                    os.rename(self._id, name, src_dir_fd=folder, dst_dir_fd=there)
                os.fsync(there)

    def _link(self, folder: int, there: int, name: str) -> None:
        """Give the file the other name as well; whatever bears that name is replaced at once."""
        beside = f"{self._id}.{secrets.token_hex(4)}"
        # In incoming/, which is cleared at the start, since a crash may leave it there.
        with open_folder(self._partials.root, f"incoming/{beside}") as (incoming, _):
            os.link(self._id, beside, src_dir_fd=folder, dst_dir_fd=incoming, follow_symlinks=False)
            try:
                os.rename(beside, name, src_dir_fd=incoming, dst_dir_fd=there)
            finally:
                # rename() leaves both where they are names of one file already (POSIX).
                with suppress(FileNotFoundError):
                    os.unlink(beside, dir_fd=incoming)

    def discard(self) -> None:
        """See :meth:`Resumable.discard`."""
        with self._folder() as folder:
            with suppress(FileNotFoundError):
                sidecar = self._sidecar(folder)
                try:
                    with sidecar.locked() as turn:
                        sidecar.write(replace(turn, token="", discarded=True))
                finally:
                    sidecar.close()
            for name in (self._id, self._id + SUFFIX):
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)

    @contextmanager
    def _folder(self) -> Iterator[int]:
        with open_folder(self._partials.root, self._key) as (folder, _):
            yield folder

    @contextmanager
    def _turn(self) -> Iterator[tuple[int, Sidecar, Turn]]:
        """Hold the lock; the folder, the open sidecar, and what it says."""
        with self._folder() as folder:
            sidecar = self._sidecar(folder)
            try:
                with sidecar.locked() as turn:
                    yield folder, sidecar, turn
            finally:
                sidecar.close()

    def _sidecar(self, folder: int) -> Sidecar:
        try:
            return Sidecar(folder, self._id)
        except OSError as error:
            raise self._absent(error) from None

    def _open(self, folder: int, flags: int) -> int:
        flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            file = os.open(self._id, flags, dir_fd=folder)
        except OSError as error:
            raise self._absent(error) from None
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise FileNotFoundError(errno.ENOENT, "no such upload", self._id)
        return file

    def _absent(self, error: OSError) -> OSError:
        """What stands in its place is none of ours: a link, a folder, a socket."""
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.ENOENT):
            return FileNotFoundError(errno.ENOENT, "no such upload", self._id)
        return error

    def _stat(self, folder: int) -> os.stat_result | None:
        try:
            found = os.stat(self._id, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        return found if stat.S_ISREG(found.st_mode) else None


class LocalWriter:
    """Implements :class:`~strongroom.objects.store.ResumableWriter`."""

    def __init__(
        self, sidecar: Sidecar, file: int, folder: Path, before: Arrived, turn: Turn
    ) -> None:
        self._sidecar = sidecar
        self._file = file
        self._folder = folder
        self._turn = turn
        self._at = before.size
        self._closed = False
        self.before = before

    @property
    def token(self) -> str:
        """See :attr:`ResumableWriter.token`."""
        return self._turn.token

    def write(self, data: bytes) -> int:
        """See :meth:`ResumableWriter.write`."""
        with self._mine():
            rest, at = memoryview(data), self._at
            try:
                while rest:  # a full disk may take only part of it
                    count = os.pwrite(self._file, rest, at)
                    rest, at = rest[count:], at + count
            except OSError:
                os.ftruncate(self._file, self._at)
                raise
            self._at = at
        return len(data)

    def finish(self, *, orderly: bool = True, keep: bool = True, whole: bool = False) -> int:
        """See :meth:`ResumableWriter.finish`."""
        if not keep:
            with self._mine():
                os.ftruncate(self._file, self.before.size)
                self._at = self.before.size
        os.fsync(self._file)  # without the lock, since it may take long
        with self._mine() as turn:
            done = replace(
                turn, orderly=orderly, synced=self._at, unverified_from=None, whole=whole
            )
            self._sidecar.write(done)
        if not whole:
            self._sidecar.sync()
            if self._turn.synced == 0:
                sync_folder(self._folder)  # that there is such a file, once
        self.close()
        return self._at

    def close(self) -> None:
        """See :meth:`ResumableWriter.close`."""
        if not self._closed:
            self._closed = True
            os.close(self._file)
            self._sidecar.close()

    @contextmanager
    def _mine(self) -> Iterator[Turn]:
        """Hold the lock, unless another writer has begun, or the file is not as we left it."""
        if self._closed:
            raise AssertionError("finished before")
        with self._sidecar.locked() as turn:
            size = os.fstat(self._file).st_size
            if turn.token != self._turn.token or turn.whole or size != self._at:
                raise Overtaken(turn.reliable(size))
            yield turn


def _touch(folder: int, name: str) -> None:
    """Make it new: an object that nobody names yet is removed once it is old."""
    os.utime(name, dir_fd=folder, follow_symlinks=False)


def _arrived(turn: Turn, found: os.stat_result | None) -> Arrived:
    """What sidecar and file say together.

    A file that is gone was published by renaming it. A second name means, after a power cut, that
    the file is an object, even where the sidecar could not be written any more.
    """
    size = turn.synced if found is None else found.st_size
    linked = found is not None and found.st_nlink > 1
    whole = turn.whole or (linked and not turn.is_of_this_boot)
    return Arrived(
        size=size if whole else turn.reliable(size),
        token=turn.token,
        orderly=turn.orderly,
        whole=whole,
        published=turn.published,
    )

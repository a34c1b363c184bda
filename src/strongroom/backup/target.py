"""The place that a backup is put back to: empty at first, and an installation only at the very end.

Everything is written below ``.restoring`` first. The database comes to its place last, since it is
what makes an installation; until then a server that is started finds the folder held.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from strongroom.audit.ledger.whole import replace_whole
from strongroom.backup.copying import sync_folders
from strongroom.backup.layout import ARCHIVE, DATABASE, KEY, OBJECTS
from strongroom.errors import SettingsError
from strongroom.objects.folders import sync_folder

STAGED: Final = ".restoring"
LOCK: Final = "server.lock"
"""The server holds it too, see ``strongroom serve``."""

MOVING: Final = "moving"
"""Below :data:`STAGED`: the places that what is staged goes to, once it begins to go there."""

_NOTHING: Final = frozenset((STAGED, LOCK, "lost+found"))


@dataclass(frozen=True, slots=True)
class Target:
    """Where the parts of an installation are to be. Absolute paths.

    :param data: the data folder
    :param key: where its signing key is to be; None when none is to be put back
    """

    data: Path
    database: Path
    objects: Path
    key: Path | None

    @property
    def archive(self) -> Path:
        """The folder of the archive, beside the database."""
        return self.database.with_name(f"{self.database.name}.archive")

    @property
    def staged(self) -> Target:
        """The same, while it is being restored."""
        within = self.objects.is_relative_to(self.data)
        return Target(
            self.data / STAGED,
            self.database.parent / STAGED / self.database.name,
            (self.data if within else self.objects) / STAGED / "objects",
            self.data / STAGED / KEY,
        )

    def path(self, name: str) -> Path:
        """Where a file of a backup is to be."""
        if name.startswith(OBJECTS):
            return self.objects / name.removeprefix(OBJECTS)
        if name.startswith(ARCHIVE):
            return self.archive / name.removeprefix(ARCHIVE)
        if name == DATABASE:
            return self.database
        if self.key is None:
            raise AssertionError(f"no key is to be put back, so no {name}")
        return self.key if name == KEY else self.key.with_name(f"{self.key.name}.lost")

    @contextmanager
    def held(self) -> Iterator[None]:
        """While no server can start there, and no other restoration. Leaves nothing half done behind.

        :raises SettingsError: when it is in use, or not empty
        :raises OSError: when it cannot be made or written
        """
        with ExitStack() as stack:
            for folder in dict.fromkeys((self.data, self.objects)):
                stack.enter_context(_locked(folder))
            self._take_back()
            self._check_empty()
            self._clear()
            stack.callback(self._clear)
            for folder in self._staging:
                folder.mkdir(mode=0o700, parents=True)
            yield

    def move(self) -> None:
        """Put everything that is staged where it belongs: from now on it is an installation.

        :raises OSError: when something cannot be moved
        """
        self._check_empty()
        staged = self.staged
        for folder in self._staging:
            sync_folders(folder)
        moves = self._moves()
        replace_whole(staged.data / MOVING, _listed(goal for _, goal in moves), 0o600)
        for source, goal in moves:
            goal.parent.mkdir(mode=0o700, exist_ok=True)
            source.rename(goal)
        for folder in dict.fromkeys(goal.parent for _, goal in moves):
            sync_folder(folder)
            sync_folder(folder.parent)
        staged.database.rename(self.database)
        sync_folder(self.database.parent)

    def _moves(self) -> Sequence[tuple[Path, Path]]:
        """What is staged and where it goes, but for the database."""
        staged = self.staged
        moves = [
            (child, goal / child.name)
            for source, goal in ((staged.objects, self.objects), (staged.archive, self.archive))
            if source.is_dir()
            for child in source.iterdir()
        ]
        if self.key is not None and staged.key is not None:
            for suffix in ("", ".lost"):
                source = staged.key.with_name(f"{KEY}{suffix}")
                if source.exists():
                    moves.append((source, self.key.with_name(f"{self.key.name}{suffix}")))
        return moves

    def _take_back(self) -> None:
        """Remove what a restoration that was killed had moved already: the backup has it still."""
        moving = self.staged.data / MOVING
        if not moving.exists() or os.path.lexists(self.database):
            return
        for line in moving.read_bytes().splitlines():
            path = Path(os.fsdecode(bytes.fromhex(line.decode())))
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        if self.archive.is_dir() and not any(self.archive.iterdir()):
            self.archive.rmdir()

    @property
    def _staging(self) -> Sequence[Path]:
        staged = self.staged
        return list(dict.fromkeys((staged.data, staged.database.parent, staged.objects.parent)))

    def _clear(self) -> None:
        for folder in self._staging:
            if folder.exists():
                shutil.rmtree(folder)

    def _check_empty(self) -> None:
        inside = sorted(
            path
            for folder in (self.data, self.objects, self.archive)
            if folder.is_dir()
            for path in folder.iterdir()
            if path.name not in _NOTHING and not (path == self.objects and _is_bare(path))
        )
        beside = [
            self.database.with_name(self.database.name + suffix) for suffix in ("", "-wal", "-shm")
        ]
        if found := [*inside, *filter(os.path.lexists, beside)]:
            raise SettingsError(
                f"data: a backup is put back into an empty place only, and there is {found[0]}. "
                "Name another folder with --data; or move the old one away, and name it with "
                "--against, so that it can be seen which records would be lost"
            )


def _listed(paths: Iterable[Path]) -> bytes:
    """A line for each; in hexadecimal, since a path may hold whatever it likes."""
    return b"".join(os.fsencode(path).hex().encode() + b"\n" for path in paths)


def _is_bare(folder: Path) -> bool:
    return folder.is_dir() and not {path.name for path in folder.iterdir()} - _NOTHING


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(folder / LOCK, flags, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(
                f"data: a server or another restoration is using {folder}; stop it, or name another "
                "folder with --data"
            ) from None
        yield
    finally:
        os.close(descriptor)

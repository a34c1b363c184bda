"""Making a backup of an installation that may be running.

First the files that the database names now are copied, which takes long; then the database, as it is
at one moment; then the few files that this moment names besides. Whatever is purged, pruned or rewritten
meanwhile is simply gone when its turn comes, and then the database is copied once more, so that in
the end it names nothing that the backup does not have. Nothing on the installation waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from strongroom.audit.archive.places import archive_folder
from strongroom.audit.ledger.status import moment_text
from strongroom.backup import manifest as manifests
from strongroom.backup.copying import copy, hashed, link, write
from strongroom.backup.layout import (
    ARCHIVE,
    DATABASE,
    KEY,
    LOST_KEYS,
    MANIFEST,
    OBJECTS,
    SIGNED,
    is_object,
    sha256_of,
)
from strongroom.backup.looking import Progress, check_room, read_manifest, silent
from strongroom.backup.manifest import Entry, Manifest
from strongroom.backup.snapshot import (
    State,
    copy_database,
    database_bytes,
    named,
    named_now,
    reading,
    state,
)
from strongroom.backup.source import Made, Source
from strongroom.backup.staging import check_free, staging
from strongroom.errors import SettingsError, Unavailable

ROUNDS: Final = 10
"""Copies of the database, each since something went that the one before names."""

SPARE: Final = 16 * 2**20
"""Left free, in bytes: names and folders take room too."""


class Backup:
    """One backup. For one thread.

    :param target: a folder that is not there yet
    :param previous: a backup whose files may get a second name, where they are the same
    :param version: of this program
    """

    def __init__(
        self,
        source: Source,
        target: Path,
        *,
        previous: Path | None = None,
        version: str = "",
        progress: Progress = silent,
    ) -> None:
        self._source = source
        self._target = target.absolute()
        self._archive = archive_folder(source.store)
        self._version = version
        self._progress = progress
        self._previous = previous
        self._earlier: Mapping[str, Entry] = {}
        self._entries: dict[str, Entry] = {}
        self._absent: set[str] = set()
        self._linked: set[str] = set()
        self._done = self._total = 0

    def make(self) -> Made:
        """Make it; durable when this returns, and nothing is left of it when this raises.

        :raises SettingsError: when there is no place for it, or the backup before is none
        :raises Unavailable: when there is not enough room, or the database cannot be read
        :raises OSError: when a file cannot be read or written
        """
        self._check_place()
        if self._previous is not None:
            self._earlier = read_manifest(self._previous)[0].entries
        wanted = named_now(self._source.store).all
        self._check_room(wanted)
        with staging(self._target) as folder:
            self._take_all(folder, wanted)
            made_at, reached = self._settle(folder)
            manifest = self._describe(folder, made_at, reached)
            content = manifest.to_bytes()
            signer = self._source.signer
            if signer is not None and signer.name != manifest.origin:
                signer = None  # of a ledger that has not begun yet
            if signer is not None:
                write(folder / SIGNED, manifests.sign(content, signer).to_bytes())
            write(folder / MANIFEST, content)  # last: what has none is no backup
            self._progress("finishing", self._total, self._total)
        sha256 = manifests.digest(content)
        return Made(self._target, manifest, sha256, len(self._linked), signer is not None)

    def _check_place(self) -> None:
        check_free(self._target)
        if not self._target.parent.is_dir():
            raise SettingsError(f"there is no folder {self._target.parent}; make it first")
        place = self._target.parent.resolve()
        for own in (self._source.store.path.parent, self._source.objects, self._archive):
            if place.is_relative_to(own.resolve()):
                raise SettingsError(
                    f"{self._target} is inside {own}, which is to be backed up; name a folder elsewhere"
                )

    def _check_room(self, wanted: Mapping[str, int]) -> None:
        shared = self._earlier if self._can_share() else {}
        database = database_bytes(self._source.store.path)
        needed = database + SPARE + sum(n for name, n in wanted.items() if name not in shared)
        check_room(self._target.parent, needed, "the backup")
        self._total = sum(wanted.values())

    def _can_share(self) -> bool:
        here = self._target.parent.stat().st_dev
        return self._previous is not None and self._previous.stat().st_dev == here

    def _settle(self, folder: Path) -> tuple[str, State]:
        """Copy the database until the files of its state are all there: when, and where it stands."""
        for _ in range(ROUNDS):
            made_at = moment_text(time.time_ns() // 1000)
            database = folder / DATABASE
            database.unlink(missing_ok=True)
            copy_database(
                self._source.store.path,
                database,
                lambda done, total: self._progress("database", done, total),
            )
            with reading(database) as connection:
                wanted = named(connection, self._archive).all
                reached = state(connection)
            gone = self._take_all(folder, wanted)
            if self._is_lost(folder, gone):
                self._drop(folder, wanted)
                return made_at, reached
        raise Unavailable("files are removed faster than they can be copied; try again later")

    def _take_all(self, folder: Path, wanted: Iterable[str]) -> list[str]:
        """Copy what is not copied yet; the names of what is not there."""
        return [
            name
            for name in wanted
            if name not in self._entries
            and name not in self._absent
            and not self._take(folder, name)
        ]

    def _take(self, folder: Path, name: str) -> bool:
        """Copy or link one file; False when it is not there."""
        if self._share(folder, name):
            return True
        root, below = self._place(name)
        try:
            size, sha256 = copy(root, below, folder / name, self._count)
        except FileNotFoundError:
            return False
        if is_object(name) and sha256 != sha256_of(name):
            (folder / name).unlink()
            self._absent.add(name)  # damaged: verify --files tells more of it
        else:
            self._entries[name] = Entry(name, size, sha256)
        return True

    def _share(self, folder: Path, name: str) -> bool:
        """Give the file of the backup before a second name, if it is the same still."""
        entry = self._earlier.get(name)
        if entry is None or self._previous is None:
            return False
        try:
            if not is_object(name):  # its name does not promise what is in it
                root, below = self._place(name)
                if hashed(root, below) != (entry.bytes, entry.sha256):
                    return False
            if hashed(self._previous, name, self._count) != (entry.bytes, entry.sha256):
                return False
        except FileNotFoundError:
            return False
        if not link(self._previous, name, folder / name):
            return False
        self._entries[name] = entry
        self._linked.add(name)
        return True

    def _place(self, name: str) -> tuple[Path, str]:
        if is_object(name):
            return self._source.objects, name.removeprefix(OBJECTS)
        return self._archive, name.removeprefix(ARCHIVE)

    def _is_lost(self, folder: Path, gone: Sequence[str]) -> bool:
        """Whether what is gone is damage, and no work of others: then it is noted as absent."""
        if not gone:
            return True
        now = named_now(self._source.store).all
        still = [name for name in gone if name in now and not self._take(folder, name)]
        if any(name not in now for name in gone):
            return False
        self._absent.update(still)
        return True

    def _drop(self, folder: Path, wanted: Mapping[str, int]) -> None:
        """Remove what the database does not name any more: it was purged while we copied."""
        for name in [name for name in self._entries if name not in wanted]:
            (folder / name).unlink()
            del self._entries[name]
            self._linked.discard(name)
        self._absent.intersection_update(wanted)

    def _describe(self, folder: Path, made_at: str, reached: State) -> Manifest:
        """Add what is neither archive nor content, and describe all of it."""
        if self._source.lost:
            write(folder / LOST_KEYS, "".join(f"{key}\n" for key in self._source.lost).encode())
        if self._source.secret is not None:
            write(folder / KEY, f"{self._source.secret}\n".encode())
        for name in (DATABASE, LOST_KEYS, KEY):
            if (folder / name).exists():
                self._entries[name] = Entry(name, *hashed(folder, name))
        return Manifest(
            made_at,
            self._version,
            reached.origin,
            reached.records,
            reached.checkpoint.decode(errors="replace"),
            self._entries,
            sorted(self._absent),
        )

    def _count(self, count: int) -> None:
        self._done += count
        self._progress("files", self._done, max(self._done, self._total))

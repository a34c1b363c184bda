"""One state of the database, copied while others write; and what that state names.

Source: https://sqlite.org/backup.html. The copy is made in one read transaction: without it, each
write of another process would make SQLite begin anew, and under load it would never end. Nobody waits
meanwhile; only the write-ahead log cannot be shortened.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, create_engine, func, select

from strongroom.audit.archive.index import segments
from strongroom.audit.archive.places import archive_folder
from strongroom.audit.events import Stream
from strongroom.audit.journal.tables import journal_head
from strongroom.audit.ledger.keys import known_keys
from strongroom.audit.ledger.tables import ledger_checkpoint
from strongroom.backup.copying import sync_file
from strongroom.backup.layout import archived_name, is_hash, object_name
from strongroom.errors import Unavailable
from strongroom.files.tables import file_version
from strongroom.store import Store

PAGES: Final = 4_096
"""Copied between two looks at the progress: 16 MiB."""


@dataclass(frozen=True, slots=True)
class Named:
    """The files that a state of the database names, with their sizes as far as it knows them."""

    objects: dict[str, int]
    archived: dict[str, int]

    @property
    def all(self) -> dict[str, int]:
        """Both."""
        return self.archived | self.objects


@dataclass(frozen=True, slots=True)
class State:
    """Where the ledger stood.

    :param origin: empty where nothing was signed
    :param records: of the audit stream
    :param checkpoint: the newest, a signed note; empty where there is none
    """

    origin: str
    records: int
    checkpoint: bytes


def copy_database(
    source: Path, target: Path, progress: Callable[[int, int], None] = lambda *_: None
) -> None:
    """Copy the database as it is at this moment, to one new file; durable but for its name.

    :param progress: told pages done, and of how many
    :raises Unavailable: when it cannot be read or written
    """
    try:
        with (
            closing(_connect(source, "ro")) as here,
            closing(_connect(target, "rwc")) as there,
        ):
            here.execute("BEGIN")
            here.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # the state is this
            here.backup(
                there,
                pages=PAGES,
                progress=lambda _status, left, total: progress(total - left, total),
            )
            here.execute("ROLLBACK")
            there.execute("PRAGMA journal_mode=DELETE")  # one file, that can be read where it lies
    except sqlite3.Error as error:
        raise Unavailable(f"the database cannot be copied: {error}") from error
    target.chmod(0o600)
    sync_file(target)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30)
    connection.execute("PRAGMA synchronous=FULL")
    return connection


@contextmanager
def reading(path: Path) -> Iterator[Connection]:
    """A connection to a copy of the database, which is not changed by it."""
    engine = create_engine("sqlite://", creator=lambda: _connect(path, "ro"))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def named(connection: Connection, archive: Path) -> Named:
    """The files that this state of the database names.

    :param archive: the folder that the archive of the installation is in
    """
    contents = select(file_version.c.sha256, func.max(file_version.c.file_size_bytes))
    rows = connection.execute(contents.group_by(file_version.c.sha256))
    objects = {object_name(sha256): size for sha256, size in rows if is_hash(sha256)}
    archived = dict[str, int]()
    for about in segments(connection):
        files = about.files(archive)
        archived |= {archived_name(archive, path): 0 for path in files}
        archived[archived_name(archive, files[0])] = about.bytes  # of all of them
    return Named(objects, archived)


def named_now(store: Store) -> Named:
    """The same, of the installation's present state."""
    with store.read() as connection:
        return named(connection, archive_folder(store))


def state(connection: Connection) -> State:
    """Where the ledger stands in this state.

    :raises Corrupt: when its keys cannot be read
    """
    keys = known_keys(connection)
    head = select(journal_head.c.next_seq).where(journal_head.c.stream == Stream.AUDIT.value)
    newest = select(ledger_checkpoint.c.note).order_by(ledger_checkpoint.c.size.desc()).limit(1)
    return State(
        keys[0].verifier.name if keys else "",
        int(connection.execute(head).scalar() or 0),
        connection.execute(newest).scalar() or b"",
    )


def database_bytes(path: Path) -> int:
    """About how long a copy of the database will be."""
    return sum(
        found.stat().st_size for found in _with_log(path) if found.exists()
    )  # the log may hold pages that the file does not have yet


def _with_log(path: Path) -> Sequence[Path]:
    return path, path.with_name(f"{path.name}-wal")

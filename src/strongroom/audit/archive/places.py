"""Where the archive's files are: in a folder beside the database."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from strongroom.audit.events.event import Stream
from strongroom.store import Store

FIRST_GENERATION: Final = 1
"""Of a segment in which nothing was forgotten yet."""


def archive_folder(store: Store) -> Path:
    """The folder of all segments of this database. It need not be there yet.

    It bears the database's name: two databases in one folder must not share it.
    """
    return _beside(store.path)


def folder_of(connection: Connection) -> Path:
    """The same, for whoever has a connection only."""
    return _beside(Path(str(connection.engine.url.database)))


def _beside(database: Path) -> Path:
    return database.absolute().with_name(f"{database.name}.archive")


def segment_path(folder: Path, stream: str, first_seq: int, generation: int) -> Path:
    """The Parquet file of a segment.

    :param folder: of the archive
    """
    return folder / "segments" / Stream(stream).value / f"{first_seq:012}.g{generation}.parquet"


def entries_path(folder: Path, first_seq: int) -> Path:
    """The zip of an audit segment's entry bundles, which hold nothing that could be forgotten."""
    return folder / "entries" / f"{first_seq:012}.zip"

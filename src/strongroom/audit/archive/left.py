"""Rows of the journal that a segment holds as well, until they are deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select

from strongroom.audit.archive.index import sealed_through, segment_of
from strongroom.audit.archive.reading import ArchiveReader
from strongroom.audit.journal.tables import journal
from strongroom.errors import Corrupt

BATCH: Final = 512
_COLUMNS: Final = tuple(column.name for column in journal.columns)


def rows_left(connection: Connection, folder: Path, stream: str) -> Iterator[tuple[int, int]]:
    """The records [start, end) that are in the journal still, each compared with its segment.

    :param folder: of the archive
    :raises Corrupt: when a segment does not hold them, or not as they are: then they must stay
    """
    first = select(func.min(journal.c.seq)).where(journal.c.stream == stream)
    start, boundary = connection.execute(first).scalar(), sealed_through(connection, stream)
    with ArchiveReader(folder) as reader:
        while start is not None and start < boundary:
            about = segment_of(connection, stream, start)
            if about is None:
                raise Corrupt(f"record {start:,} of {stream} is in no segment; its row must stay")
            end = about.last_seq + 1
            wanted = select(journal).where(
                journal.c.stream == stream, journal.c.seq >= start, journal.c.seq < end
            )
            # For this statement alone: an option of the connection would outlast it.
            rows = connection.execute(
                wanted.order_by(journal.c.seq), execution_options={"yield_per": BATCH}
            )
            archived = reader.rows(about, start, end)
            for row in rows:
                copy = next((copy for copy in archived if copy.seq >= row.seq), None)
                if any(getattr(copy, name, None) != getattr(row, name) for name in _COLUMNS):
                    raise Corrupt(f"record {row.seq!r:.40} of {stream} is another in its segment")
            yield start, end
            start = connection.execute(first.where(journal.c.seq >= end)).scalar()

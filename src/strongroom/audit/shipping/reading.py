"""Reading a stream from a place on, wherever its records are by now: in the journal or in segments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from strongroom.audit.archive.index import read_heads as read_archive_heads
from strongroom.audit.archive.index import segment_of
from strongroom.audit.archive.places import archive_folder
from strongroom.audit.archive.readers import reading
from strongroom.audit.archive.reading import ArchiveReader
from strongroom.audit.events.event import Stream
from strongroom.audit.journal.head import read_heads
from strongroom.audit.journal.people import with_names
from strongroom.audit.journal.stored import JournalRow, decode
from strongroom.audit.journal.tables import journal
from strongroom.errors import Corrupt
from strongroom.store import Store

BATCH_RECORDS: Final = 500
"""Sent at once. Reading and encoding them takes some 20 ms, in which other threads get their turns."""

BATCH_BYTES: Final = 2**20
"""As stored; collectors of OTLP take some 20 MiB, and the memory of a worker is small."""

_AT_A_TIME: Final = 64


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive records of a stream.

    :param records: flat, with ``stream`` and ``seq``
    :param start: the number of the first, if there is one
    :param end: the number after the last
    :param pruned: how many before ``start`` were asked for and are pruned
    :param more: whether the stream went on when this was read
    """

    records: Sequence[dict[str, Any]]
    start: int
    end: int
    pruned: int
    more: bool


def read_batch(
    store: Store, stream: Stream, start: int, *, most: int = BATCH_RECORDS, people: bool = False
) -> Batch:
    """The next records of a stream, from one state of the database; few if they are long.

    :param start: the number of the first
    :param people: add the names of people
    :raises Corrupt: when a record is missing, or its segment cannot be read
    """
    with reading(store), store.read() as connection:
        head = read_archive_heads(connection)[stream.value]
        first = max(start, head.pruned_through)
        if first < head.sealed_through:
            rows = _sealed(store, connection, stream, first, most)
        else:
            rows = _unsealed(connection, stream, first, most)
        records = [decode(row) for row in rows]
        if people:
            records = with_names(connection, records)
        stream_ends, _edge = read_heads(connection)[stream.value]
    end = first + len(records)
    return Batch(records, first, end, first - start, end < stream_ends)


def _sealed(
    store: Store, connection: Connection, stream: Stream, first: int, most: int
) -> list[JournalRow]:
    about = segment_of(connection, stream.value, first)
    if about is None:
        raise Corrupt(f"record {first:,} of {stream} is in no segment")
    with ArchiveReader(archive_folder(store)) as reader:
        return _some(reader.rows(about, first, first + most), first, stream)


def _unsealed(connection: Connection, stream: Stream, first: int, most: int) -> list[JournalRow]:
    wanted = (
        select(journal)
        .where(journal.c.stream == stream.value, journal.c.seq >= first)
        .order_by(journal.c.seq)
        .limit(most)
    )
    # For this statement alone: an option of the connection would outlast it.
    rows = connection.execute(wanted, execution_options={"yield_per": _AT_A_TIME})
    return _some(rows, first, stream)


def _some(rows: Iterable[Any], first: int, stream: Stream) -> list[JournalRow]:
    """The first of them, up to :data:`BATCH_BYTES`; none is missing."""
    found: list[JournalRow] = []
    size = 0
    for row in rows:
        if row.seq != first + len(found):
            raise Corrupt(f"record {first + len(found):,} of {stream} is missing")
        found.append(row)
        size += _size(row)
        if size >= BATCH_BYTES:
            break
    return found


def _size(row: JournalRow) -> int:
    return len(row.entry or b"") + len(row.content or b"") + len(row.network or b"")

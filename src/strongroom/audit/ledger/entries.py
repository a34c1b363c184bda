"""The entries that the tree is made of, wherever they are kept: in the journal or in the archive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection

from strongroom.audit.archive.bundles import BundleReader
from strongroom.audit.archive.index import sealed_through, segments, segments_between
from strongroom.audit.archive.places import entries_path, folder_of
from strongroom.audit.archive.pruned import pruned_through
from strongroom.audit.events import Stream
from strongroom.audit.ledger.tiles import stored_leaves
from strongroom.audit.merkle import CompactRange, leaf_hashes
from strongroom.errors import Corrupt
from strongroom.store.engine import driver_cursor

_NEXT: Final = (
    "SELECT seq, entry FROM journal WHERE stream = 'audit' AND seq >= ? AND seq < ? ORDER BY seq"
)


def next_entries(connection: Connection, start: int, end: int) -> list[bytes]:
    """The entries of the records [start, end) of the audit stream.

    :raises Corrupt: naming the first that is missing, or a file that is damaged
    """
    found = list(archived_entries(connection, start, end))
    rest = start + len(found)
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    cursor = driver_cursor(connection)
    cursor.execute(_NEXT.replace("?", mark), (rest, end))
    rows: list[tuple[int, bytes]] = cursor.fetchall()
    for expected, (seq, entry) in zip(range(rest, end), rows, strict=False):
        if seq != expected:
            raise Corrupt(f"record {expected:,} is missing; the next is {seq:,}")
        if not isinstance(entry, bytes):
            raise Corrupt(f"the entry of record {expected:,} is not what was stored")
    if len(rows) < end - rest:
        raise Corrupt(f"record {rest + len(rows):,} is missing, and all after it")
    return found + [entry for _, entry in rows]


def archived_entries(connection: Connection, start: int, end: int) -> Iterator[bytes]:
    """The entries from ``start`` on that segments hold, as far as they follow one another.

    :raises Corrupt: when a file is missing or damaged
    """
    folder = folder_of(connection)
    for about in segments_between(connection, Stream.AUDIT.value, start, end):
        if about.first_seq > start:
            return
        until = min(end, about.last_seq + 1)
        with BundleReader(entries_path(folder, about.first_seq)) as bundles:
            yield from bundles.between(start, until)
        start = until


def sealed_before(connection: Connection, stream: Stream) -> tuple[int, CompactRange]:
    """How many records of a stream are sealed, and the tree over their entries, computed anew; where
    they were pruned, from their hashes.

    :raises Corrupt: when segments do not follow one another, or a file is missing or damaged
    """
    boundary, edge = sealed_through(connection, stream.value), CompactRange()
    folder, end = folder_of(connection), pruned_through(connection, stream.value)
    if stream is Stream.AUDIT:
        for leaves in stored_leaves(connection, 0, end):
            edge = edge.extend(leaves)
    for about in segments(connection, stream.value):
        if about.first_seq != end:
            raise Corrupt(f"record {end:,} is in no segment; the next is {about.first_seq:,}")
        end = about.last_seq + 1
        for path in about.files(folder):
            if not path.is_file():
                raise Corrupt(f"the segment {path.name} is missing from the archive")
        if stream is Stream.AUDIT:
            edge = edge.extend(leaf_hashes(archived_entries(connection, about.first_seq, end)))
    if end != boundary:
        raise Corrupt(f"records are sealed up to {boundary:,}, but segments end at {end:,}")
    return boundary, edge

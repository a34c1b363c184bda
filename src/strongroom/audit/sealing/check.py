"""Whether a written segment is what the journal has, and what the ledger says of it.

Nothing is deleted from the journal before all of it fits. What was altered in the journal behind our
back does not get into a segment: its parts have other digests, or its entry another hash.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import Connection, select

from strongroom.audit.archive.bundles import BundleReader
from strongroom.audit.archive.columns import written
from strongroom.audit.archive.compare import first_difference
from strongroom.audit.archive.parquet import ParquetReader
from strongroom.audit.archive.reading import ArchiveReader
from strongroom.audit.archive.relation import PARTS
from strongroom.audit.archive.writing import yielding
from strongroom.audit.events import Stream
from strongroom.audit.journal.stored import (
    JournalRow,
    Record,
    decode_sound,
    microseconds,
    part_digest,
)
from strongroom.audit.journal.tables import journal
from strongroom.audit.ledger.ledger import Signed
from strongroom.audit.ledger.tiles import fetch_tile, tile_reader
from strongroom.audit.merkle import TILE_WIDTH, CompactRange, Tile, leaf_hashes
from strongroom.audit.sealing.due import Span
from strongroom.errors import Corrupt

BATCH: Final = 128
"""Records compared at a time: other threads of Python run in between."""


def rows_of(connection: Connection, span: Span) -> Iterator[JournalRow]:
    """The journal's rows of these records, some at a time in memory."""
    wanted = select(journal).where(
        journal.c.stream == span.stream.value,
        journal.c.seq >= span.start,
        journal.c.seq < span.end,
    )
    yield from connection.execute(
        wanted.order_by(journal.c.seq), execution_options={"yield_per": BATCH}
    )


def check_columns(connection: Connection, span: Span, reader: ArchiveReader, path: Path) -> None:
    """Compare the Parquet file with the journal, record by record.

    :raises Corrupt: naming the first that differs
    """
    parts = PARTS if span.stream is Stream.AUDIT else ()
    parquet = ParquetReader(reader.connection, path, parts=bool(parts))
    names = [name for name in parquet.held() if name not in parts] + list(parts)
    found = (
        row for rows in parquet.rows(span.start, span.end, names, at_a_time=BATCH) for row in rows
    )
    stored = rows_of(connection, span)
    start = span.start
    while batch := list(islice(stored, BATCH)):
        rows = list(islice(found, len(batch)))
        records = [_record_of(row) for row in yielding(batch)]
        place = first_difference(names, rows, records)
        if place is None and parts:
            place = _first_other_part(batch, rows)
        if place is not None:
            raise Corrupt(f"record {start + place:,} of {span.stream} was not sealed as it is")
        start += len(batch)
    if start != span.end or next(found, None) is not None:
        raise Corrupt(f"the records of {span.stream} from {span.start:,} on were not sealed whole")


def _record_of(row: JournalRow) -> Record:
    """The record in a row of the journal, whose columns are what its entry says.

    :raises Corrupt: when they are not, or it is no record: then nobody may make another one of it
    """
    try:
        record = decode_sound(row)
        stamp = record["timestamp"]
        fits = (
            record["id"] == row.id
            and record["level"] == row.level
            and record["event"] == row.event
            and record.get("request_id") == row.request_id
            and (stamp == written(row.timestamp) or microseconds(stamp) == row.timestamp)
        )
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError) as error:
        raise Corrupt(f"record {row.seq:,} of {row.stream} cannot be read: {error}") from None
    if not fits:
        raise Corrupt(f"the columns of record {row.seq:,} of {row.stream} differ from its entry")
    return record


def _first_other_part(batch: Sequence[JournalRow], rows: Sequence[Sequence[Any]]) -> int | None:
    """The first record whose parts are not those of the journal, or not those of its entry."""
    for place, (stored, row) in enumerate(zip(batch, rows, strict=True)):
        content, content_salt, network, network_salt = row[-len(PARTS) :]
        if (content, content_salt, network, network_salt) != (
            stored.content,
            stored.content_salt,
            stored.network,
            stored.network_salt,
        ):
            return place
        digests = orjson.loads(stored.entry).get("parts", {})
        for name, part, salt in (
            ("content", content, content_salt),
            ("network", network, network_salt),
        ):
            if (part is not None or salt is not None) and (
                part is None or salt is None or part_digest(salt, part) != digests.get(name)
            ):
                return place
    return None


def check_entries(connection: Connection, span: Span, path: Path, signed: Signed | None) -> None:
    """Compare the zip with the ledger: the hash of each entry with the tile that holds it.

    :param signed: the newest checkpoint, which the tiles must lead to; without one the entries are
        compared with the journal alone
    :raises Corrupt: naming the first bundle that differs
    """
    if signed is not None:
        read = tile_reader(connection, signed.size)
        if CompactRange.read(signed.size, read).root() != signed.root:
            raise Corrupt("the hash tiles do not give the root that was signed; nothing is sealed")
    stored = rows_of(connection, span)
    with BundleReader(path) as bundles:
        for index in range(span.start // TILE_WIDTH, span.end // TILE_WIDTH):
            entries = bundles.entries(index)
            fits = [row.entry for row in islice(stored, TILE_WIDTH)] == entries
            if signed is not None:
                hashes = fetch_tile(connection, Tile(0, index, TILE_WIDTH))
                fits = fits and b"".join(leaf_hashes(entries)) == hashes
            if not fits:
                first = index * TILE_WIDTH
                raise Corrupt(f"the entries from record {first:,} on are not those of the ledger")

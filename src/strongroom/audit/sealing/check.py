"""Whether a written segment is what the journal has, and what the ledger says of it.

Nothing is deleted from the journal before all of it fits. What was altered in the journal behind our
back does not get into a segment: its parts have other digests, or its entry another hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from strongroom.audit.archive.bundles import BundleReader
from strongroom.audit.archive.columns import written
from strongroom.audit.archive.compare import first_difference
from strongroom.audit.archive.reading import ArchiveReader
from strongroom.audit.archive.relation import PARTS
from strongroom.audit.archive.spelt import SpeltReader
from strongroom.audit.archive.writing import yielding
from strongroom.audit.events import Stream
from strongroom.audit.journal.stored import (
    JournalRow,
    Record,
    decode_sound,
    microseconds,
    part_digest,
)
from strongroom.audit.ledger.ledger import Signed
from strongroom.audit.ledger.tiles import fetch_tile, tile_reader
from strongroom.audit.merkle import TILE_WIDTH, CompactRange, Tile, leaf_hashes
from strongroom.audit.sealing.due import Span
from strongroom.audit.sealing.rows import rows_numbered, values_of
from strongroom.errors import Corrupt

INDEXED: Final = ("id", "timestamp", "level", "event", "request_id")


def check_segment(
    connection: Connection,
    span: Span,
    reader: ArchiveReader,
    path: Path,
    entries: SealedEntries | None,
) -> None:
    """Compare the Parquet file with the journal, record by record, and the zip on the way.

    :param entries: of an audit segment
    :raises Corrupt: naming the first that differs
    """
    columns = SpeltReader(reader.connection, path, span.stream.value)
    named = (*INDEXED, *(PARTS if entries is not None else ()))
    stored = values_of(connection, span, ("seq", "entry", *named))
    unproven, start = list[int](), span.start
    for rows in columns.rows(named):
        batch = list(islice(stored, len(rows)))
        if [(row[0], row[1], *row[3:]) for row in rows] != batch or not all(row[2] for row in rows):
            for seq, (row, kept) in enumerate(zip(rows, batch, strict=False), start):
                if (row[0], row[1], *row[3:]) != kept or not row[2]:
                    unproven.append(seq)
        if entries is not None:
            entries.compare([row[1] for row in batch])
        start += len(rows)
    if start != span.end or next(stored, None) is not None:
        raise Corrupt(f"the records of {span.stream} from {span.start:,} on were not sealed whole")
    if entries is not None:
        entries.end()
    _check_unproven(connection, span, columns, unproven)


def _check_unproven(
    connection: Connection, span: Span, columns: SpeltReader, unproven: Sequence[int]
) -> None:
    """Compare the records, value by value, whose bytes alone did not prove them."""
    wanted, parts = iter(unproven), span.stream is Stream.AUDIT
    for rows in columns.others(unproven):
        seqs = list(islice(wanted, len(rows)))
        batch = rows_numbered(connection, span.stream, seqs)
        records = [_record_of(row) for row in yielding(batch)]
        place = first_difference(columns.held, rows, records)
        if place is None and parts:
            place = _first_other_part(batch, rows)
        if place is not None:
            raise Corrupt(f"record {seqs[place]:,} of {span.stream} was not sealed as it is")
    if next(wanted, None) is not None:
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


class SealedEntries:
    """Compares the zip of a segment with the journal's entries, and with the ledger: the hash of each
    entry with the tile that holds it. A context manager; for one thread.

    :param signed: the newest checkpoint, which the tiles must lead to; without one the entries are
        compared with the journal alone
    :raises Corrupt: from every method, naming the first bundle that differs
    """

    def __init__(
        self, connection: Connection, span: Span, path: Path, signed: Signed | None
    ) -> None:
        if signed is not None:
            read = tile_reader(connection, signed.size)
            if CompactRange.read(signed.size, read).root() != signed.root:
                raise Corrupt(
                    "the hash tiles do not give the root that was signed; nothing is sealed"
                )
        self._connection = connection
        self._signed = signed is not None
        self._bundles = BundleReader(path)
        self._index, self._end = span.start // TILE_WIDTH, span.end // TILE_WIDTH
        self._waiting: list[bytes] = []

    def __enter__(self) -> SealedEntries:
        self._bundles.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._bundles.__exit__(*error)

    def compare(self, stored: Sequence[bytes]) -> None:
        """Compare with the next entries of the journal."""
        self._waiting += stored
        while len(self._waiting) >= TILE_WIDTH:
            self._compare_bundle(self._waiting[:TILE_WIDTH])
            del self._waiting[:TILE_WIDTH]

    def _compare_bundle(self, stored: list[bytes]) -> None:
        entries = self._bundles.entries(self._index)
        fits = entries == stored
        if self._signed:
            hashes = fetch_tile(self._connection, Tile(0, self._index, TILE_WIDTH))
            fits = fits and b"".join(leaf_hashes(entries)) == hashes
        if not fits:
            first = self._index * TILE_WIDTH
            raise Corrupt(f"the entries from record {first:,} on are not those of the ledger")
        self._index += 1

    def end(self) -> None:
        """All entries must have come."""
        if self._waiting or self._index != self._end:
            first = self._index * TILE_WIDTH
            raise Corrupt(f"the entries from record {first:,} on were not sealed whole")

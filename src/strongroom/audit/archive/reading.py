"""Reading the archive row by row: what the journal had, in the words in which it had it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import duckdb

from strongroom.audit.archive.bundles import BundleReader
from strongroom.audit.archive.columns import Record, gather
from strongroom.audit.archive.duck import connect
from strongroom.audit.archive.index import Segment
from strongroom.audit.archive.parquet import ParquetReader
from strongroom.audit.archive.places import entries_path
from strongroom.audit.archive.relation import PARTS
from strongroom.audit.events.event import Stream
from strongroom.audit.journal.stored import canonical, microseconds
from strongroom.errors import Corrupt

THREADS: Final = 1
MEMORY_BYTES: Final = 256 * 2**20
"""What reading a segment may take: a row group of long records has some 100 MB."""


@dataclass(slots=True)
class ArchivedRow:
    """A record as its row of the journal had it; the names are those of the journal's columns."""

    stream: str
    seq: int
    id: str
    timestamp: int
    level: str
    event: str
    request_id: str | None
    entry: bytes
    content: bytes | None = None
    content_salt: bytes | None = None
    network: bytes | None = None
    network_salt: bytes | None = None


class ArchiveReader:
    """Reads segments. A context manager; for one thread; opened in a few milliseconds.

    :param folder: of the archive
    :raises Corrupt: from every method, when a file is missing or damaged
    """

    def __init__(self, folder: Path, *, threads: int = THREADS, memory_bytes: int = MEMORY_BYTES):
        self._folder = folder
        self._threads = threads
        self._memory = memory_bytes
        self._connection: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> ArchiveReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._connection is not None:
            self._connection.close()

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The engine, opened on first use."""
        if self._connection is None:
            self._connection = connect(
                self._folder, threads=self._threads, memory_bytes=self._memory
            )
        return self._connection

    def parquet(self, about: Segment) -> ParquetReader:
        """The file of a segment."""
        return ParquetReader(
            self.connection, about.path(self._folder), parts=about.stream == Stream.AUDIT.value
        )

    def records(self, about: Segment, start: int, end: int) -> Iterator[Record]:
        """The records [start, end) of a segment, as far as it holds them; parts joined."""
        return self.parquet(about).records(start, end)

    def entries(self, about: Segment, start: int, end: int) -> Iterator[bytes]:
        """The exact entries of the records [start, end) of an audit segment."""
        with BundleReader(entries_path(self._folder, about.first_seq)) as bundles:
            yield from bundles.between(max(start, about.first_seq), min(end, about.last_seq + 1))

    def rows(self, about: Segment, start: int, end: int) -> Iterator[ArchivedRow]:
        """The records [start, end) of a segment, as far as it holds them, in their order.

        Entry and parts are the exact bytes; in streams without a ledger the entry is written anew from
        its columns, and equal as JSON.
        """
        start, end = max(start, about.first_seq), min(end, about.last_seq + 1)
        if about.stream == Stream.AUDIT.value:
            return self._audit_rows(about, start, end)
        return (_row_of(record) for record in self.records(about, start, end))

    def _audit_rows(self, about: Segment, start: int, end: int) -> Iterator[ArchivedRow]:
        names = ("seq", "id", "timestamp", "level", "event", "request_id", "rest", *PARTS)
        entries = self.entries(about, start, end)
        expected = start
        for rows in self.parquet(about).rows(start, end, names):
            for seq, *columns in rows:
                entry = next(entries, None)
                if seq != expected or entry is None:
                    raise Corrupt(f"record {expected:,} is missing from its segment")
                expected += 1
                yield _audit_row(about.stream, seq, columns, entry)
        if expected < end:
            raise Corrupt(f"record {expected:,} is missing from its segment")


def _audit_row(stream: str, seq: int, columns: list[Any], entry: bytes) -> ArchivedRow:
    name, timestamp, level, event, request_id, rest, *parts = columns
    if rest is not None:  # an id of an unusual form stands there
        odd = gather({"rest": rest})
        name = odd.get("id", name)
        request_id = odd.get("request_id", request_id)
    return ArchivedRow(stream, seq, name, timestamp, level, event, request_id, entry, *parts)


def _row_of(record: Record) -> ArchivedRow:
    """The row of a record whose stream has no ledger."""
    stream, seq = record.pop("stream"), record.pop("seq")
    return ArchivedRow(
        stream,
        seq,
        record["id"],
        microseconds(record["timestamp"]),
        record["level"],
        record["event"],
        record.get("request_id"),
        canonical(record),
    )

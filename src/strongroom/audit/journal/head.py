"""The head of a stream: its next sequence number and the right edge of its tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Final

from sqlalchemy import Connection

from strongroom.audit.events.event import Stream
from strongroom.audit.journal.stored import StoredRecord
from strongroom.audit.journal.tables import journal
from strongroom.audit.merkle import CompactRange
from strongroom.errors import Corrupt
from strongroom.store.engine import driver_cursor


@dataclass(frozen=True, slots=True)
class Head:
    """Where a stream ends, as of one transaction. Immutable, so that a rollback is a name."""

    stream: Stream
    next_seq: int
    edge: CompactRange | None
    """None in a stream without a ledger."""

    @classmethod
    def load(cls, connection: Connection, stream: Stream) -> Head:
        """Read the head row of one stream.

        :raises Corrupt: when the row is missing or does not make a tree
        """
        return cls.of(stream, read_heads(connection))

    @classmethod
    def of(cls, stream: Stream, rows: Mapping[str, HeadRow]) -> Head:
        """The head of a stream, from the rows of all.

        :raises Corrupt: when its row is missing or does not make a tree
        """
        row = rows.get(stream.value)
        if row is None:
            raise Corrupt(f"journal_head has no row for the stream {stream}")
        next_seq, edge = row
        if stream is not Stream.AUDIT:
            return cls(stream, next_seq, None)
        try:
            return cls(stream, next_seq, CompactRange.from_bytes(next_seq, edge))
        except ValueError as error:
            raise Corrupt(f"journal_head of the stream {stream}: {error}") from None

    def append(self, connection: Connection, records: Sequence[StoredRecord]) -> Head:
        """Insert the records at the end of the stream; the head after them."""
        if not records:
            return self
        stream = self.stream.value
        rows = [record.row(stream, seq) for seq, record in enumerate(records, self.next_seq)]
        cursor = driver_cursor(connection)
        for start in range(0, len(rows), MAX_ROWS):
            some = rows[start : start + MAX_ROWS]
            statement = _insertion(connection.dialect.paramstyle, len(some))
            cursor.execute(statement, tuple(chain.from_iterable(some)))
        edge = None if self.edge is None else self.edge.extend(record.leaf for record in records)
        return Head(self.stream, self.next_seq + len(records), edge)

    def save(self, connection: Connection) -> None:
        """Write the head row."""
        save_heads(connection, [self])


def save_heads(connection: Connection, heads: Sequence[Head]) -> None:
    """Write the head rows of several streams, in one statement."""
    mark = _mark(connection.dialect.paramstyle)
    case = " ".join([f"WHEN {mark} THEN {mark}"] * len(heads))
    streams = [head.stream.value for head in heads]
    edges = [b"" if head.edge is None else head.edge.to_bytes() for head in heads]
    sequences = [head.next_seq for head in heads]
    driver_cursor(connection).execute(
        f"UPDATE journal_head SET next_seq = CASE stream {case} END, edge = CASE stream {case} END "  # noqa: S608  # placeholders
        f"WHERE stream IN ({', '.join([mark] * len(heads))})",
        (
            *chain.from_iterable(zip(streams, sequences, strict=True)),
            *chain.from_iterable(zip(streams, edges, strict=True)),
            *streams,
        ),
    )


HeadRow = tuple[int, bytes]
"""Next sequence number and the edge's bytes."""


def read_heads(connection: Connection) -> dict[str, HeadRow]:
    """The head rows of all streams, by their names."""
    cursor = driver_cursor(connection)
    cursor.execute(_HEADS)
    found = cursor.fetchone()
    pairs = zip(Stream, found[::2], found[1::2], strict=True)
    return {
        stream.value: (next_seq, bytes(edge))
        for stream, next_seq, edge in pairs
        if next_seq is not None
    }


_ONE: Final = "(SELECT {column} FROM journal_head WHERE stream = '{stream}')"
_HEADS: Final = "SELECT " + ", ".join(
    _ONE.format(column=column, stream=stream.value)
    for stream in Stream
    for column in ("next_seq", "edge")
)
"""One row, since the driver lets go of the interpreter for each; see :data:`MAX_ROWS`."""

MAX_ROWS: Final = 64
"""Rows in one statement: 768 parameters, where old SQLite allows 999.

For each row of an ``executemany``, Python's ``sqlite3`` lets go of the interpreter, and in a busy
process it is long until it gets it back, while everybody waits for the write lock that it holds.
"""


@lru_cache(maxsize=4 * MAX_ROWS)
def _insertion(paramstyle: str, count: int) -> str:
    names = [column.name for column in journal.columns]
    row = f"({', '.join([_mark(paramstyle)] * len(names))})"
    values = ", ".join([row] * count)
    return f"INSERT INTO journal ({', '.join(names)}) VALUES {values}"  # noqa: S608  # placeholders


def _mark(paramstyle: str) -> str:
    return "?" if paramstyle == "qmark" else "%s"

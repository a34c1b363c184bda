"""The head of a stream: its next sequence number and the right edge of its tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

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
        statements = _statements(connection.dialect.paramstyle)
        driver_cursor(connection).executemany(statements.insert, rows)
        edge = None if self.edge is None else self.edge.extend(record.leaf for record in records)
        return Head(self.stream, self.next_seq + len(records), edge)

    def save(self, connection: Connection) -> None:
        """Write the head row."""
        edge = b"" if self.edge is None else self.edge.to_bytes()
        statements = _statements(connection.dialect.paramstyle)
        row = (self.next_seq, edge, self.stream.value)
        driver_cursor(connection).execute(statements.update, row)


HeadRow = tuple[int, bytes]
"""Next sequence number and the edge's bytes."""


def read_heads(connection: Connection) -> dict[str, HeadRow]:
    """The head rows of all streams, by their names."""
    cursor = driver_cursor(connection)
    cursor.execute("SELECT stream, next_seq, edge FROM journal_head")
    return {stream: (next_seq, bytes(edge)) for stream, next_seq, edge in cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class _Statements:
    insert: str
    update: str


@lru_cache(maxsize=4)
def _statements(paramstyle: str) -> _Statements:
    mark = "?" if paramstyle == "qmark" else "%s"
    names = [column.name for column in journal.columns]
    return _Statements(
        f"INSERT INTO journal ({', '.join(names)}) VALUES ({', '.join([mark] * len(names))})",  # noqa: S608  # our own names
        f"UPDATE journal_head SET next_seq = {mark}, edge = {mark} WHERE stream = {mark}",  # noqa: S608  # the same
    )

"""The head of a stream: its next sequence number and the right edge of its tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Connection, Dialect, bindparam, insert, select, update

from strongroom.audit.events.event import Stream
from strongroom.audit.journal.stored import StoredRecord
from strongroom.audit.journal.tables import journal, journal_head
from strongroom.audit.merkle import CompactRange
from strongroom.errors import Corrupt


@dataclass(frozen=True, slots=True)
class Head:
    """Where a stream ends, as of one transaction. Immutable, so that a rollback is a name."""

    stream: Stream
    next_seq: int
    edge: CompactRange | None
    """None in a stream without a ledger."""

    @classmethod
    def load(cls, connection: Connection, stream: Stream) -> Head:
        """Read the head row.

        :raises Corrupt: when the row is missing or does not make a tree
        """
        row = connection.execute(_select, {"wanted": stream.value}).one_or_none()
        if row is None:
            raise Corrupt(f"journal_head has no row for the stream {stream}")
        if stream is not Stream.AUDIT:
            return cls(stream, row.next_seq, None)
        try:
            return cls(stream, row.next_seq, CompactRange.from_bytes(row.next_seq, row.edge))
        except ValueError as error:
            raise Corrupt(f"journal_head of the stream {stream}: {error}") from None

    def append(self, connection: Connection, records: Sequence[StoredRecord]) -> Head:
        """Insert the records at the end of the stream; the head after them."""
        stream = self.stream.value
        rows = [record.row(stream, seq) for seq, record in enumerate(records, self.next_seq)]
        statement, names = _insertion(connection.dialect)
        # Straight to the driver: SQLAlchemy's way of binding costs more than the insert itself.
        connection.exec_driver_sql(
            statement,
            rows if names is None else [dict(zip(names, row, strict=True)) for row in rows],
        )
        edge = None if self.edge is None else self.edge.extend(record.leaf for record in records)
        return Head(self.stream, self.next_seq + len(records), edge)

    def save(self, connection: Connection) -> None:
        """Write the head row."""
        edge = b"" if self.edge is None else self.edge.to_bytes()
        connection.execute(
            _update, {"wanted": self.stream.value, "next_seq": self.next_seq, "edge": edge}
        )


@lru_cache(maxsize=8)
def _insertion(dialect: Dialect) -> tuple[str, tuple[str, ...] | None]:
    """The statement as the driver takes it; the names of its parameters, or None for places."""
    compiled = insert(journal).compile(dialect=dialect)
    names = tuple(column.name for column in journal.columns)
    return str(compiled), None if getattr(compiled, "positional", False) else names


_where = journal_head.c.stream == bindparam("wanted")
_select = select(journal_head.c.next_seq, journal_head.c.edge).where(_where)
_update = update(journal_head).where(_where)

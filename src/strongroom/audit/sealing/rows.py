"""The journal's rows that a sealing reads: straight from the driver, since there are 65,536 at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select

from strongroom.audit.events import Stream
from strongroom.audit.journal.stored import JournalRow
from strongroom.audit.journal.tables import journal
from strongroom.audit.sealing.due import Span

AT_A_TIME: Final = 256
"""Rows in memory at a time."""


class Row(NamedTuple):
    """A row of the journal, with the names of its columns."""

    stream: str
    seq: int
    id: str
    timestamp: int
    level: str
    event: str
    request_id: str | None
    entry: bytes
    content: bytes | None
    content_salt: bytes | None
    network: bytes | None
    network_salt: bytes | None


def rows_of(connection: Connection, span: Span) -> Iterator[JournalRow]:
    """The rows of these records in their order, some at a time in memory."""
    return map(Row._make, values_of(connection, span, Row._fields))


def values_of(
    connection: Connection, span: Span, names: Sequence[str]
) -> Iterator[tuple[Any, ...]]:
    """These columns of the same rows."""
    wanted = (
        select(*(journal.c[name] for name in names))
        .where(
            journal.c.stream == span.stream.value,
            journal.c.seq >= span.start,
            journal.c.seq < span.end,
        )
        .order_by(journal.c.seq)
    )
    result = connection.execute(wanted)
    cursor = result.cursor
    assert cursor is not None
    try:
        while rows := cursor.fetchmany(AT_A_TIME):
            yield from map(tuple, rows)
    finally:
        result.close()


def rows_numbered(connection: Connection, stream: Stream, seqs: Sequence[int]) -> list[JournalRow]:
    """The rows with these numbers, a few hundred at most, in their order."""
    wanted = select(journal).where(journal.c.stream == stream.value, journal.c.seq.in_(seqs))
    return list(connection.execute(wanted.order_by(journal.c.seq)))

"""Which records are to be sealed now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, select

from strongroom.audit.archive.index import sealed_through
from strongroom.audit.archive.writing import LONG, LONG_BYTES, SEGMENT_BYTES, SEGMENT_ROWS
from strongroom.audit.events import Stream
from strongroom.audit.journal.tables import journal, journal_head
from strongroom.audit.ledger.tables import ledger_checkpoint
from strongroom.audit.merkle import TILE_WIDTH

AUDIT_SECONDS: Final = 30 * 24 * 3600
"""A small office writes 160 records a day, and wants its old ones out of the journal too."""

DAY: Final = 24 * 3600 * 10**6
LATE: Final = 300 * 10**6
"""So long after midnight no record of the day before comes any more."""


@dataclass(frozen=True, slots=True)
class Span:
    """Records [start, end) of a stream."""

    stream: Stream
    start: int
    end: int

    @property
    def count(self) -> int:
        """How many they are."""
        return self.end - self.start


def due(
    connection: Connection,
    stream: Stream,
    now: int,
    *,
    signed: bool,
    everything: bool = False,
) -> Span | None:
    """The records of the next segment; None when none is due.

    :param now: microseconds since 1970-01-01 UTC
    :param signed: audit records wait until a checkpoint covers them
    :param everything: whether or not they are many or old
    """
    start = sealed_through(connection, stream.value)
    limit = _limit(connection, stream, signed=signed)
    if stream is Stream.AUDIT:
        limit -= (limit - start) % TILE_WIDTH
    end = min(limit, start + SEGMENT_ROWS)
    if end <= start:
        return None
    if end < start + SEGMENT_ROWS and not everything:
        end = _early(connection, stream, start, end, now)
    if end <= start:
        return None
    return Span(stream, start, _fitting(connection, stream, start, end))


def _limit(connection: Connection, stream: Stream, *, signed: bool) -> int:
    """The first record that must not be sealed yet."""
    if stream is Stream.AUDIT and signed:
        newest = select(func.max(ledger_checkpoint.c.size))
        return int(connection.execute(newest).scalar() or 0)
    head = select(journal_head.c.next_seq).where(journal_head.c.stream == stream.value)
    return int(connection.execute(head).scalar() or 0)


def _early(connection: Connection, stream: Stream, start: int, end: int, now: int) -> int:
    """Where a segment that is not full ends, since its oldest record is old; else its start."""
    of_stream = journal.c.stream == stream.value
    first = select(journal.c.timestamp).where(of_stream, journal.c.seq == start)
    oldest = connection.execute(first).scalar()
    if oldest is None:
        return start
    if stream is Stream.AUDIT:
        return end if oldest < now - AUDIT_SECONDS * 10**6 else start
    if stream is Stream.IMPORTED:
        return start  # its times are of other programs; see the thread
    midnight = (oldest // DAY + 1) * DAY
    if now < midnight + LATE:
        return start
    next_day = select(func.min(journal.c.seq)).where(
        of_stream, journal.c.seq >= start, journal.c.seq < end, journal.c.timestamp >= midnight
    )
    return int(connection.execute(next_day).scalar() or end)


def _fitting(connection: Connection, stream: Stream, start: int, end: int) -> int:
    """Where a segment ends so that its records fit into memory."""
    size = func.length(journal.c.entry) + func.coalesce(func.length(journal.c.content), 0)
    wanted = (
        select(size)
        .where(journal.c.stream == stream.value, journal.c.seq >= start, journal.c.seq < end)
        .order_by(journal.c.seq)
    )
    total = long = 0
    for place, length in enumerate(connection.execute(wanted).scalars()):
        total += length
        long += length if length > LONG else 0
        if total > SEGMENT_BYTES or long > LONG_BYTES:
            step = TILE_WIDTH if stream is Stream.AUDIT else 1
            return start + max(place - place % step, step)
    return end

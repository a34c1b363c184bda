"""How far behind each destination is, and what retention must keep for it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from strongroom.audit.archive.index import read_heads as read_archive_heads
from strongroom.audit.events.event import Stream
from strongroom.audit.journal.head import read_heads
from strongroom.audit.journal.stored import microseconds
from strongroom.audit.shipping.cursors import (
    State,
    count_refused,
    read_cursors,
    read_dead_letters,
    read_state,
)
from strongroom.audit.shipping.destination import Destination
from strongroom.audit.shipping.reading import read_batch
from strongroom.errors import Corrupt
from strongroom.store import Store

SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Lag:
    """How far behind a destination is in one stream.

    :param next_seq: the number of the next record; None before it was looked at for the first time
    :param records: that it has not taken
    :param oldest: when the oldest of them happened, microseconds since 1970-01-01 UTC; None for none,
        and where it cannot be read
    :param shipped_at: when it took one last
    """

    stream: Stream
    next_seq: int | None
    records: int
    oldest: int | None
    shipped_at: int | None

    def seconds(self, now: int) -> float:
        """Since the oldest record that it has not taken; 0 where it has all.

        :param now: microseconds since 1970-01-01 UTC
        """
        return 0.0 if self.oldest is None else max(now - self.oldest, 0) / SECOND


@dataclass(frozen=True, slots=True)
class Status:
    """The standing of one destination.

    :param refused: how many records are among its dead letters
    """

    destination: Destination
    state: State
    lags: Sequence[Lag]
    refused: int


def status_of(store: Store, destination: Destination) -> Status:
    """How a destination stands now. Does not fail for a record that cannot be read."""
    with store.read() as connection:
        state = read_state(connection, destination.name)
        cursors = read_cursors(connection, destination.name)
        refused = count_refused(connection, destination.name)
        ends = {name: end for name, (end, _edge) in read_heads(connection).items()}
        archived = read_archive_heads(connection)
    lags = []
    for stream in destination.streams:
        next_seq, shipped_at = cursors.get(stream.value, (None, None))
        begin = next_seq
        if begin is None:  # it was never looked at
            begin = archived[stream.value].pruned_through
        records = max(ends[stream.value] - max(begin, archived[stream.value].pruned_through), 0)
        if next_seq is None and not destination.from_oldest:
            records = 0
        oldest = _moment(store, stream, begin) if records else None
        lags.append(Lag(stream, next_seq, records, oldest, shipped_at))
    return Status(destination, state, lags, refused)


def _moment(store: Store, stream: Stream, seq: int) -> int | None:
    try:
        records = read_batch(store, stream, seq, most=1).records
    except Corrupt:
        return None  # verify says what is wrong with it
    return microseconds(records[0]["timestamp"]) if records else None


def keeps_from(
    connection: Connection, destinations: Iterable[Destination], stream: Stream
) -> int | None:
    """The first record of a stream that retention must keep, since a destination has not taken it.

    Dead letters count, so that they can be sent again. A destination that has failed for longer than its
    ``retention_waits``, which was recorded as ``shipping_stalled``, does not; nor do dead letters older
    than that.

    :returns: None when every record may go
    """
    now = time.time_ns() // 1000
    found: list[int] = []
    for destination in destinations:
        if stream not in destination.streams:
            continue
        oldest = now - destination.retention_waits * SECOND
        failing_since = read_state(connection, destination.name).failing_since
        cursor = read_cursors(connection, destination.name).get(stream.value)
        if failing_since is None or failing_since > oldest:
            begin = 0 if destination.from_oldest else None
            next_seq = begin if cursor is None else cursor[0]
            found += [] if next_seq is None else [next_seq]
        found += [
            letter.first_seq
            for letter in read_dead_letters(connection, destination.name)
            if letter.stream == stream.value and letter.refused_at > oldest
        ]
    return min(found, default=None)

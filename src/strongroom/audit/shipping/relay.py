"""The relay: sends what a destination has not had yet, and notes what it has taken.

The cursor moves only past what was taken, so whatever happens in between is sent again: at least once,
in order, told apart by ``id``.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from strongroom.audit.events import Event
from strongroom.audit.events.event import Stream
from strongroom.audit.events.fields import NETWORK_FIELDS
from strongroom.audit.shipping.cursors import (
    DeadLetter,
    enter_dead_letters,
    move_cursor,
    open_cursors,
)
from strongroom.audit.shipping.destination import Destination
from strongroom.audit.shipping.exporter import CLOSED, Exporter, Record, Refusal, Undelivered
from strongroom.audit.shipping.reading import Batch, read_batch
from strongroom.audit.shipping.standing import Standing
from strongroom.errors import Corrupt
from strongroom.store import Store

log = logging.getLogger(__name__)

UNREADABLE_SECONDS: Final = 600.0
"""Until a stream is looked at again of which something could not be read."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """Was sent, and is not known to have arrived.

    :param letters: what was refused of it
    """

    at: float
    stream: Stream
    end: int
    letters: Sequence[DeadLetter] = ()


class Relay:
    """Ships to one destination. For one thread, and one at a time in an installation.

    :param record: logs an event; called inside a unit of work, in its context
    :param stopping: asked between batches; True ends a step early
    :raises Unavailable: when the cursors cannot be read or made
    """

    def __init__(
        self,
        store: Store,
        destination: Destination,
        exporter: Exporter,
        record: Callable[[Event], None],
        *,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._destination = destination
        self._exporter = exporter
        self._stopping = stopping
        self.standing = Standing(store, destination, record)
        self._taken = store.write(lambda connection: open_cursors(connection, destination))
        self._position = dict(self._taken)
        self._sent: deque[_Sent] = deque()
        self._unreadable: dict[Stream, float] = {}

    def step(self) -> bool:
        """Send a batch of each stream; whether there is more.

        A stream of which a record is missing or cannot be read is left alone for a while, and the
        others go on.

        :raises Undelivered: when the destination did not take it; the next step sends it again
        :raises Unavailable: when the database cannot be written
        """
        more = False
        try:
            self._settle()
            for stream in self._destination.streams:
                if self._stopping():
                    return False
                more = self._ship(stream) or more
        except Undelivered as error:
            self._rewind()
            if not self._stopping():
                self.standing.failed(str(error))
            raise
        except Exception:
            self._rewind()  # what was refused of it would be forgotten
            raise
        return more

    @property
    def waits(self) -> bool:
        """Whether something was sent that does not count as taken yet."""
        return bool(self._sent)

    def finish(self) -> None:
        """Close the connection; what is known to have been read then counts as taken.

        :raises Unavailable: when that cannot be noted
        """
        if self._exporter.finish():
            self._take(self._sent)
        self._rewind()

    def _ship(self, stream: Stream) -> bool:
        start = self._position[stream]
        batch = self._read(stream, start)
        if batch is None:
            return False
        if batch.pruned:
            self._miss(stream, start, batch)
        if not batch.records:
            return False
        refusals = self._exporter.send(outgoing(self._destination, batch.records))
        self._position[stream] = batch.end
        letters = letters_of(self._destination, stream, batch, refusals)
        sent = _Sent(time.monotonic(), stream, batch.end, letters)
        if self._exporter.settles_after:
            self._sent.append(sent)
        else:
            self._take([sent])
        return batch.more

    def _read(self, stream: Stream, start: int) -> Batch | None:
        if time.monotonic() < self._unreadable.get(stream, 0.0):
            return None
        try:
            return read_batch(self._store, stream, start, people=self._destination.people)
        except Corrupt as error:
            self._unreadable[stream] = time.monotonic() + UNREADABLE_SECONDS
            log.critical(
                "nothing more of %s is shipped to %s: %s; run strongroom verify",
                stream,
                self._destination.name,
                error,
            )
            return None

    def _miss(self, stream: Stream, start: int, batch: Batch) -> None:
        """Go on behind what is pruned, and say so."""
        now = time.time_ns() // 1000

        def unit(connection: Connection) -> None:
            move_cursor(connection, self._destination.name, stream, batch.start, now)
            self.standing.missed(stream.value, start, batch.pruned)

        self._store.write(unit)
        self._taken[stream] = self._position[stream] = batch.start

    def _settle(self) -> None:
        """Let what was sent long enough ago count as taken."""
        if not self._sent:
            return
        if not self._exporter.stands():
            raise Undelivered(CLOSED)
        latest = time.monotonic() - self._exporter.settles_after
        settled = []
        while self._sent and self._sent[0].at <= latest:
            settled.append(self._sent.popleft())
        self._take(settled)

    def _take(self, settled: Iterable[_Sent]) -> None:
        settled = list(settled)
        ends = {sent.stream: sent.end for sent in settled}
        letters = [letter for sent in settled for letter in sent.letters]
        if not ends:
            return
        now = time.time_ns() // 1000

        def unit(connection: Connection) -> Callable[[], None]:
            for stream, end in ends.items():
                move_cursor(connection, self._destination.name, stream, end, now)
            if letters:
                enter_dead_letters(connection, letters)
                self.standing.refused(letters)
            return self.standing.succeeded(connection)

        self._store.write(unit)()
        for stream, end in ends.items():
            self._taken[stream] = max(end, self._taken[stream])  # or what is pruned is missed twice

    def _rewind(self) -> None:
        self._sent.clear()
        self._position = dict(self._taken)


def outgoing(destination: Destination, records: Sequence[Record]) -> Sequence[Record]:
    """The records as this destination gets them."""
    if destination.with_network:
        return records
    return [
        {name: value for name, value in record.items() if name not in NETWORK_FIELDS}
        for record in records
    ]


def letters_of(
    destination: Destination, stream: Stream, batch: Batch, refusals: Sequence[Refusal]
) -> list[DeadLetter]:
    """What is kept of what was refused: which records, not what they say."""
    now = time.time_ns() // 1000
    return [
        DeadLetter(
            destination.name,
            stream.value,
            batch.start + refusal.first,
            batch.start + refusal.last,
            refusal.refused,
            refusal.reason,
            now,
        )
        for refusal in refusals
    ]

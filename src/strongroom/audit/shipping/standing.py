"""What is recorded of a destination: that it fails, stalls, refuses, takes records again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from strongroom.audit.events import Event
from strongroom.audit.events.shipping import (
    ShippingMissed,
    ShippingRefused,
    ShippingResumed,
    ShippingStalled,
)
from strongroom.audit.shipping.cursors import DeadLetter, State, read_state, write_state
from strongroom.audit.shipping.destination import Destination
from strongroom.store import Store

log = logging.getLogger(__name__)

SECOND: Final = 1_000_000

REFUSED_SECONDS: Final = 3600.0
"""So often it is recorded that a destination refuses records: the record would be refused as well."""


class Standing:
    """The standing of one destination, in the database. For one thread.

    :param record: logs an event; called inside a unit of work, in its context
    """

    def __init__(
        self, store: Store, destination: Destination, record: Callable[[Event], None]
    ) -> None:
        self._store = store
        self._destination = destination
        self._record = record
        self._told_refusal: float | None = None
        with store.read() as connection:
            self.state = read_state(connection, destination.name)

    def failed(self, error: str) -> None:
        """An attempt failed.

        :raises Unavailable: when that cannot be noted
        """
        now = time.time_ns() // 1000
        state = replace(self.state, failing_since=self.state.failing_since or now, error=error)
        if self.state.failing_since is None:
            log.warning("shipping to %s must wait: %s", self._destination.name, error)
        lasted = now - (state.failing_since or now)
        events: list[Event] = []
        if state.stalled_at is None and lasted >= self._destination.stalled_after * SECOND:
            state = replace(state, stalled_at=now)
            events.append(self._stalled("no_success", error, lasted))
        if state.abandoned_at is None and lasted >= self._destination.retention_waits * SECOND:
            state = replace(state, abandoned_at=now)
            events.append(self._stalled("retention_waits_no_longer", error, lasted))
        if state != self.state:
            self._write(state, events)

    def succeeded(self, connection: Connection) -> Callable[[], None]:
        """Records were taken; part of the unit of work that moves the cursor.

        :returns: to be called once the unit is on disk
        """
        if self.state == State():
            return lambda: None
        write_state(connection, self._destination.name, State())
        if self.state.stalled_at is not None:
            self._record(ShippingResumed(extra=self._about()))
        return self._well

    def refused(self, letters: Sequence[DeadLetter]) -> None:
        """Say that records were refused; inside a unit of work, and not too often."""
        now = time.monotonic()
        if self._told_refusal is None or now - self._told_refusal >= REFUSED_SECONDS:
            first = letters[0]
            self._record(
                ShippingRefused(
                    reason="refused_for_good",
                    count=sum(letter.refused for letter in letters),
                    extra={
                        **self._about(),
                        "stream": first.stream,
                        "first_seq": first.first_seq,
                        "last_seq": letters[-1].last_seq,
                        "answer": first.reason,
                    },
                )
            )
            self._told_refusal = now

    def missed(self, stream: str, first: int, count: int) -> None:
        """Say that records were pruned before they could be sent; inside a unit of work."""
        extra = {**self._about(), "stream": stream, "first_seq": first}
        self._record(ShippingMissed(count=count, extra={**extra, "last_seq": first + count - 1}))

    def _stalled(self, reason: str, error: str, lasted: int) -> Event:
        extra = {**self._about(), "error": error, "seconds": lasted // SECOND}
        return ShippingStalled(reason=reason, extra=extra)

    def _about(self) -> dict[str, object]:
        return {"destination": self._destination.name, "to": self._destination.shown}

    def _well(self) -> None:
        self.state = State()

    def _write(self, state: State, events: Sequence[Event]) -> None:
        def unit(connection: Connection) -> None:
            write_state(connection, self._destination.name, state)
            for event in events:
                self._record(event)

        self._store.write(unit)
        self.state = state

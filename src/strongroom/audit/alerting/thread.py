"""The thread that tells: in every process of an application, of which one at a time works.

It follows the journal instead of hooking into requests. So no request waits for a mail server, an alert
outlives the process that logged its record, and records of the command line are told too.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from strongroom.audit.alerting.outbox import Destination, Outbox
from strongroom.audit.events import Event
from strongroom.audit.events.alerting import AlertFailed, AlertSent
from strongroom.audit.ledger.lease import Lease
from strongroom.errors import NotDelivered, Unavailable
from strongroom.store import Store

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often to look for critical records: those of the journal that are new, by their level."""

QUIET_SECONDS = 60.0
"""Least time between two messages to a destination: of a storm the first is told at once, and then
each minute what has gathered."""

FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS: Final = 300.0

COMPLAINT_SECONDS: Final = 3600.0
"""How long it is not recorded again that the same destination takes nothing."""

CLOSE_SECONDS: Final = 2.0
"""How long closing waits for a destination that is being told; it is told again by the next process."""


@dataclass(frozen=True, slots=True)
class Alerts:
    """Who is told of critical records, and how they find them.

    :param destinations: each with a name of its own
    :param link: address of the viewer, with a slash at the end; empty for no links
    """

    destinations: Sequence[Destination] = ()
    link: str = ""


class Alerting:
    """Tells in the background. :meth:`start` and :meth:`close` may be called anywhere.

    :param record: logs an event, of no request
    """

    def __init__(self, store: Store, alerts: Alerts, record: Callable[[Event], None]) -> None:
        self._store = store
        self._alerts = alerts
        self._record = record
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, once in a process; without destinations there is nothing to do."""
        if not self._alerts.destinations or (self._thread and self._thread.is_alive()):
            return
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="strongroom-alerts", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End within a moment; what was not told yet is told by the next process."""
        self._closing.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(CLOSE_SECONDS)
        self._thread = None

    def _keep(self) -> None:
        closing = self._closing
        lease = Lease(self._store.path.with_name(self._store.path.name + ".alerts"))
        try:
            while not lease.taken():
                if closing.wait(LOOK_SECONDS):
                    return
            self._work(closing)
        finally:
            lease.close()

    def _work(self, closing: threading.Event) -> None:
        destinations = self._alerts.destinations
        outbox = Outbox(self._store, [each.name for each in destinations], self._alerts.link)
        posts = [_Post(outbox, each, self._record, closing) for each in destinations]
        begun = False
        while True:
            try:
                if not begun:
                    outbox.begin()
                    begun = True
                lost = outbox.find()
                if lost:
                    self._record(AlertFailed(reason="outbox_full", count=lost, extra={}))
                for post in posts:
                    if not closing.is_set():  # else the database may be closed by now
                        post.deliver()
            except (Unavailable, OSError) as error:
                log.warning("alerts must wait: %s", error)  # the journal's trouble, told there
            except Exception:
                log.exception("alerts could not be sent")
            if closing.wait(LOOK_SECONDS):
                return


class _Post:
    """One destination: when it is told again, and that it does not answer."""

    def __init__(
        self,
        outbox: Outbox,
        destination: Destination,
        record: Callable[[Event], None],
        closing: threading.Event,
    ) -> None:
        self._outbox = outbox
        self._destination = destination
        self._record = record
        self._closing = closing
        self._next = 0.0
        self._pause = FIRST_RETRY_SECONDS
        self._complained: float | None = None

    def deliver(self) -> None:
        """Tell what waits, if it is time.

        :raises Unavailable: when the database cannot be written
        """
        now = time.monotonic()
        if now < self._next:
            return
        found = self._outbox.waiting(self._destination.name)
        if found is None:
            return
        message, records = found
        try:
            self._destination.send(message)
        except NotDelivered as error:
            self._retry_later(str(error), len(records))
            return
        if self._closing.is_set():
            return
        self._next = time.monotonic() + QUIET_SECONDS
        self._pause, self._complained = FIRST_RETRY_SECONDS, None
        self._outbox.taken(self._destination.name, records)
        self._record(AlertSent(count=len(records), extra={"destination": self._destination.name}))

    def _retry_later(self, error: str, count: int) -> None:
        self._next = time.monotonic() + self._pause * random.uniform(0.75, 1.25)  # noqa: S311  # jitter
        self._pause = min(2 * self._pause, LONGEST_RETRY_SECONDS)
        if self._closing.is_set():
            return
        extra = {"destination": self._destination.name, "error": error}
        if given_up := self._outbox.give_up(self._destination.name):
            self._record(AlertFailed(reason="given_up", count=given_up, extra=extra))
        now = time.monotonic()
        if self._complained is None or now - self._complained > COMPLAINT_SECONDS:
            self._complained = now
            self._record(AlertFailed(reason="not_delivered", count=count, extra=extra))

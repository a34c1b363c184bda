"""The thread that ships to one destination: in every process of an application, of which one works.

One thread for each destination, so that none waits for another. A process that dies lets go of the
lease, and another goes on from the cursor within a second.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy.exc import DBAPIError

from strongroom.audit.events import Event
from strongroom.audit.ledger.lease import Lease
from strongroom.audit.shipping.backoff import Backoff
from strongroom.audit.shipping.destination import Destination
from strongroom.audit.shipping.exporter import Exporter, Undelivered
from strongroom.audit.shipping.relay import Relay
from strongroom.errors import Unavailable
from strongroom.store import Store

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often to look for new records: a few rows of the database."""

REST: Final = 4.0
"""Between two batches of a backlog, so many times as long as the last one took: requests need the
interpreter too. Some 1,000 to 3,000 records a second are shipped nevertheless."""

MOST_REST_SECONDS: Final = 0.5

DATABASE_SECONDS: Final = 10.0
"""Until the next attempt when the database cannot be used."""

BROKEN_SECONDS: Final = 600.0
"""The same when something is wrong that will not pass by itself."""

CLOSING_SECONDS: Final = 3.0
"""How long the thread has when the process ends; it is left to itself then, and sends again later."""


def lease_of(store: Store, name: str) -> Lease:
    """Held by whoever ships to the destination of this name."""
    return Lease(store.path.with_name(f"{store.path.name}.shipping-{name}"))


class ShippingThread:
    """Ships to one destination in the background. :meth:`start` and :meth:`close` may be called
    anywhere.

    :param record: logs an event; called inside a unit of work, in its context
    """

    def __init__(
        self,
        store: Store,
        destination: Destination,
        exporter: Exporter,
        record: Callable[[Event], None],
    ) -> None:
        self._store = store
        self._destination = destination
        self._exporter = exporter
        self._record = record
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._relay: Relay | None = None
        self._backoff = Backoff()

    def start(self) -> None:
        """Begin, once in a process."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._keep,
            args=(self._closing,),
            name=f"strongroom-shipping-{self._destination.name}",
            daemon=True,
        )
        self._thread.start()

    def ask_to_close(self) -> None:
        """Let it end soon; for all threads at once before any is waited for."""
        self._closing.set()

    def close(self) -> None:
        """End within :data:`CLOSING_SECONDS`; what was not taken is sent at the next start."""
        self._closing.set()
        thread, self._thread = self._thread, None
        if thread is None or thread is threading.current_thread():
            return
        thread.join(CLOSING_SECONDS / 2)
        if thread.is_alive():
            self._exporter.interrupt()
            thread.join(CLOSING_SECONDS / 2)

    def _keep(self, closing: threading.Event) -> None:
        lease = lease_of(self._store, self._destination.name)
        pause = 0.0
        try:
            while not closing.wait(pause):
                pause = self._look(closing) if lease.taken() else LOOK_SECONDS
            self._finish()
        finally:
            lease.close()

    def _look(self, closing: threading.Event) -> float:
        """Ship what is there; how long to wait for the next look."""
        began = time.monotonic()
        try:
            if self._relay is None:
                self._relay = Relay(
                    self._store,
                    self._destination,
                    self._exporter,
                    self._record,
                    stopping=closing.is_set,
                )
            more = self._relay.step()
        except Undelivered as error:
            return self._backoff.failed(error.retry_after)
        except (Unavailable, DBAPIError, OSError) as error:
            log.warning("shipping to %s must wait: %s", self._destination.name, error)
            return DATABASE_SECONDS
        except Exception:
            log.exception("records could not be shipped to %s", self._destination.name)
            return BROKEN_SECONDS
        if self._relay.standing.state.failing_since is None:
            self._backoff.succeeded()
        took = time.monotonic() - began
        return min(took * REST, MOST_REST_SECONDS) if more else LOOK_SECONDS

    def _finish(self) -> None:
        relay, self._relay = self._relay, None
        try:
            if relay is not None:
                relay.finish()
        except (Unavailable, DBAPIError, OSError) as error:
            log.info("what %s has taken is not noted: %s", self._destination.name, error)

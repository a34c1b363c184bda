"""All destinations of one installation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from strongroom.audit.events import Event, Stream
from strongroom.audit.shipping.destination import Destination
from strongroom.audit.shipping.opening import open_exporter
from strongroom.audit.shipping.status import Status, keeps_from, status_of
from strongroom.audit.shipping.thread import ShippingThread
from strongroom.errors import SettingsError
from strongroom.store import Store


class Shipping:
    """Ships to every destination in the background, in one process of all that are started.

    Nothing of it is ever in the way of a request. Thread-safe.

    :param record: logs an event; called inside a unit of work, in its context
    :raises SettingsError: when two have one name, or a certificate cannot be used
    """

    def __init__(
        self, store: Store, destinations: Sequence[Destination], record: Callable[[Event], None]
    ) -> None:
        names = [destination.name for destination in destinations]
        if len(set(names)) < len(names):
            raise SettingsError("shipping: two destinations have one name")
        self._store = store
        self.destinations = tuple(destinations)
        self._threads = [
            ShippingThread(store, destination, open_exporter(destination), record)
            for destination in destinations
        ]

    def start(self) -> None:
        """Begin, once in a process."""
        for thread in self._threads:
            thread.start()

    def status(self) -> list[Status]:
        """How each destination stands now."""
        return [status_of(self._store, destination) for destination in self.destinations]

    def keeps_from(self, connection: Connection, stream: Stream) -> int | None:
        """The first record of a stream that retention must keep; None when every record may go."""
        return keeps_from(connection, self.destinations, stream)

    def close(self) -> None:
        """End within a few seconds; what was not taken is sent at the next start."""
        for thread in self._threads:
            thread.ask_to_close()
        for thread in self._threads:
            thread.close()

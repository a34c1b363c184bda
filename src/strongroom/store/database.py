"""The store: reads on pooled connections, writes through the one writer of the process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from strongroom.store.engine import WRITES, open_engine
from strongroom.store.forks import ForkGate
from strongroom.store.lock import FairLock
from strongroom.store.unit import Participant, Pending, Share, SharedWork
from strongroom.store.writer import Writer

T = TypeVar("T")

_unit: ContextVar[tuple[Store, Connection] | None] = ContextVar("strongroom_unit", default=None)
"""The unit of work that this context runs in, and whose it is."""


class Store:
    """One database, shared by all threads of this process and by other processes.

    Survives ``fork``: it is closed before, and parent and child open it anew on first use.
    Thread-safe.

    :param database: a SQLAlchemy URL
    :raises SettingsError: when the URL is not usable
    """

    def __init__(self, database: str) -> None:
        self.engine: Engine = open_engine(database)
        self.path = Path(str(self.engine.url.database))
        self._participants: list[Participant] = []
        self._guard = threading.Lock()
        self._writer: Writer | None = None
        self._gate = ForkGate(self)

    def join(self, participant: Participant) -> None:
        """Let a participant take part in every write transaction from now on."""
        self._participants.append(participant)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run a unit of work and wait until it is on disk.

        The rows it changes and the audit records it logs commit together, or neither exists.
        Inside another unit of this store it becomes part of that one.

        :param work: runs on the writer's thread inside a SAVEPOINT, with the caller's context
            variables; short, and without any other input or output
        :raises Unavailable: when the database cannot be written; nothing was kept
        :raises Exception: whatever ``work`` raised; nothing was kept
        """
        unit = _unit.get()
        if unit is not None and unit[0] is self:
            return work(unit[1])
        pending = Pending(lambda connection: self._run(connection, work))
        result: T = self._wait_for(pending)
        for participant in self._participants:
            participant.acknowledged(pending.context)
        return result

    def write_together(self, work: SharedWork, item: Any) -> None:
        """Have ``work`` done for this item and all that others hand in meanwhile; wait for it.

        Many times cheaper than a unit of one's own, and without its SAVEPOINT: when ``work``
        raises, the whole transaction fails. Inside a unit of this store it is done at once.

        :raises Unavailable: when the database cannot be written; nothing was kept
        """
        unit = _unit.get()
        if unit is not None and unit[0] is self:
            work(unit[1], [item])
        else:
            self._wait_for(Share(work, item))

    def _wait_for(self, pending: Pending | Share) -> Any:
        with self._gate:
            while not self._started().submit(pending):
                pass  # that writer was just closed; the next one is open
            return pending.done.result()

    def nudge(self) -> None:
        """A participant has something to write that can wait a moment."""
        while not self._started().nudge():
            pass  # that writer was just closed; the next one is open

    def writes_here(self) -> bool:
        """Whether the calling thread is the writer's."""
        return self._writer is not None and self._writer.runs_here()

    @property
    def lock_path(self) -> Path:
        """The file that carries the write lock between processes."""
        return self.path.with_name(self.path.name + ".lock")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one consistent state; never waits for the writer."""
        with self._gate, self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def exclusively(self) -> Iterator[Connection]:
        """A write transaction outside the writer, for migrations: waits for its turn.

        Must not be used while this process has units in flight.
        """
        lock = FairLock(self.lock_path)
        try:
            with self._gate, lock.held(), self.engine.connect() as plain:
                connection = plain.execution_options(**{WRITES: True})
                with connection.begin():
                    yield connection
        finally:
            lock.close()

    def close(self) -> None:
        """Commit all that is queued and let go of the database; it can be used again."""
        with self._guard:
            writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        self.engine.dispose()

    # Forkable

    def close_for_fork(self) -> None:
        """See :class:`~strongroom.store.forks.Forkable`."""
        if self.writes_here():
            raise AssertionError("a unit of work must not fork")
        self.close()

    def forked(self) -> None:
        """See :class:`~strongroom.store.forks.Forkable`."""
        for participant in self._participants:
            participant.forked()

    def _started(self) -> Writer:
        """The writer of this process, started on first use."""
        writer = self._writer
        if writer is None:
            with self._guard:
                if self._writer is None:
                    self._writer = Writer(self.engine, self.lock_path, self._participants)
                writer = self._writer
        return writer

    def _run(self, connection: Connection, work: Callable[[Connection], Any]) -> Any:
        token = _unit.set((self, connection))
        try:
            return work(connection)
        finally:
            _unit.reset(token)

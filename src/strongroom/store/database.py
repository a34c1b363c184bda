"""The store: reads on pooled connections, writes through the one writer of the process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from strongroom.store.engine import WRITES, open_engine
from strongroom.store.lock import FairLock
from strongroom.store.unit import Participant, Pending
from strongroom.store.writer import Writer

T = TypeVar("T")

_current: ContextVar[Connection | None] = ContextVar("strongroom_unit_connection", default=None)


class Store:
    """One database, shared by all threads of this process and by other processes.

    Survives ``fork``: a child opens connections and a writer of its own on first use.
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
        self._lock: FairLock | None = None
        self._pid = os.getpid()

    def join(self, participant: Participant) -> None:
        """Let a participant take part in every write transaction from now on."""
        self._participants.append(participant)

    def write(self, work: Callable[[Connection], T], *, savepoint: bool = True) -> T:
        """Run a unit of work and wait until it is on disk.

        The rows it changes and the audit records it logs commit together, or neither exists.
        Inside another unit it becomes part of that one.

        :param work: runs on the writer's thread inside a SAVEPOINT, with the caller's context
            variables; short, and without any other input or output
        :raises Unavailable: when the database cannot be written; nothing was kept
        :raises Exception: whatever ``work`` raised; nothing was kept
        """
        if (connection := _current.get()) is not None:
            return work(connection)
        pending = Pending(lambda c: _inside(c, work), savepoint=savepoint)
        self.writer.submit(pending)
        result: T = pending.done.result()
        for participant in self._participants:
            participant.acknowledged(pending.context)
        return result

    def nudge(self) -> None:
        """See :meth:`Writer.nudge`."""
        self.writer.nudge()

    @property
    def writer(self) -> Writer:
        """The writer of this process, started on first use."""
        if self._writer is None or self._pid != os.getpid():
            with self._guard:
                if self._pid != os.getpid():
                    self._forget_parent()
                if self._writer is None:
                    self._lock = self._lock or FairLock(self.lock_path)
                    self._writer = Writer(self.engine, self._lock, lambda: self._participants)
        return self._writer

    @property
    def lock_path(self) -> Path:
        """The file that carries the write lock between processes."""
        return self.path.with_name(self.path.name + ".lock")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one consistent state; never waits for the writer."""
        if self._pid != os.getpid():
            with self._guard:
                self._forget_parent()
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def exclusively(self) -> Iterator[Connection]:
        """A write transaction outside the writer, for migrations: waits for its turn.

        Must not be used while this process has units in flight.
        """
        lock = FairLock(self.lock_path)
        try:
            with lock.held(), self.engine.connect() as plain:
                connection = plain.execution_options(**{WRITES: True})
                with connection.begin():
                    yield connection
        finally:
            lock.close()

    def close(self) -> None:
        """Commit all that is queued and let go of the database; it can be used again."""
        with self._guard:
            writer, self._writer = self._writer, None
            lock, self._lock = self._lock, None
        if writer is not None and self._pid == os.getpid():
            writer.close()
        if lock is not None:
            lock.close()
        self.engine.dispose()

    def _forget_parent(self) -> None:
        """After a fork: leave the parent's connections and locks to the parent."""
        if self._pid != os.getpid():
            self.engine.dispose(close=False)
            self._writer = None
            # The descriptors share the parent's flock; closing our copies releases nothing.
            if self._lock is not None:
                self._lock.close()
            self._lock = None
            self._pid = os.getpid()


def _inside(connection: Connection, work: Callable[[Connection], Any]) -> Any:
    token = _current.set(connection)
    try:
        return work(connection)
    finally:
        _current.reset(token)

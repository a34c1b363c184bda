"""The one thread of a process that writes: group commit.

Whatever queued while the last commit was on its way to disk goes into the next one; there is no
artificial delay. Between processes a fair lock decides whose turn it is.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from strongroom.errors import StrongroomError, Unavailable
from strongroom.store.engine import WRITES, driver_cursor
from strongroom.store.lock import FairLock
from strongroom.store.unit import Participant, Pending, Share, SharedWork

log = logging.getLogger(__name__)

MAX_BATCH: Final = 512
"""Units in one transaction: bounds how long the other processes wait for their turn."""

GATHER_SECONDS: Final = 0.05
"""How long records that nobody waits for (the ops stream) may gather before a commit."""

RETRY_SECONDS: Final = 0.5
"""Pause after a failed commit when nobody is waiting for the next one."""

_UNIT: Final = "strongroom_unit"
"""The savepoint of the unit that runs."""


class Writer:
    """Runs units of work in order, many to a transaction. Thread-safe.

    :param lock_path: of the lock that is held around every transaction, from before
        BEGIN IMMEDIATE until after COMMIT
    :param participants: may grow
    """

    def __init__(
        self, engine: Engine, lock_path: Path, participants: Sequence[Participant]
    ) -> None:
        self._engine = engine
        self._lock_path = lock_path
        self._lock: FairLock | None = None
        self._participants = participants
        self._queue: deque[Pending | Share] = deque()
        self._ready = threading.Condition()
        self._gather_until: float | None = None
        self._closing = False
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="strongroom-writer", daemon=True)
        self._thread.start()

    def submit(self, pending: Pending | Share) -> bool:
        """Queue a unit or a share; False when the writer is closing and does not take it."""
        with self._ready:
            if self._closing:
                return False
            self._queue.append(pending)
            self._ready.notify()
        return True

    def nudge(self) -> bool:
        """A participant has something to write that can wait :data:`GATHER_SECONDS`.

        :returns: False when the writer is closing and may not write it any more
        """
        if self._gather_until is None:
            with self._ready:
                if self._closing:
                    return False
                if self._gather_until is None:
                    self._gather_until = time.monotonic() + GATHER_SECONDS
                    self._ready.notify()
        return True

    def runs_here(self) -> bool:
        """Whether the calling thread is the writer's."""
        return threading.current_thread() is self._thread

    def close(self) -> None:
        """Commit all that is queued, then stop. Blocks until it is done."""
        with self._ready:
            self._closing = True
            self._ready.notify()
        self._thread.join()

    def _run(self) -> None:
        while self._wait():
            if not self._transaction():
                self._pause()
        self._transaction()
        self._disconnect()
        if self._lock is not None:
            self._lock.close()

    def _wait(self) -> bool:
        """Wait until there is something to commit; False once closing and all queued is done."""
        with self._ready:
            while not self._queue:
                if self._closing:
                    return False
                if self._gather_until is None:
                    self._ready.wait()
                elif (left := self._gather_until - time.monotonic()) > 0:
                    self._ready.wait(left)
                else:
                    break
        return True

    def _pause(self) -> None:
        with self._ready:
            if not self._queue and not self._closing:
                self._gather_until = time.monotonic() + RETRY_SECONDS

    def _take(self) -> list[Pending | Share]:
        with self._ready:
            self._gather_until = None
            return [self._queue.popleft() for _ in range(min(len(self._queue), MAX_BATCH))]

    def _transaction(self) -> bool:
        """Commit one batch. False when the database refused it."""
        participants = self._participants
        batch: list[Pending | Share] = []
        results: list[_Result] = []
        try:
            if self._lock is None:
                self._lock = FairLock(self._lock_path)
            with self._lock.held():
                # Taken only now, so that all that queued while we waited for our turn comes too.
                batch = self._take()
                connection = self._connect()
                with connection.begin():
                    for participant in participants:
                        participant.begin(connection)
                    results = _run(connection, batch, participants)
                    for participant in participants:
                        participant.before_commit(connection)
        except BaseException as error:  # noqa: BLE001  # every waiting caller must hear of it
            self._disconnect()
            for participant in participants:
                _tell(participant.rolled_back, error)
            for unit in batch or self._take():
                unit.done.resolve(None, _unavailable(error))
            return False
        for participant in participants:
            _tell(participant.committed)
        for unit, value, failure in results:
            unit.done.resolve(value, failure)
        return True

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(**{WRITES: True})
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.invalidate()
                connection.close()
            except Exception:  # noqa: BLE001, S110  # it is thrown away because it is broken
                pass


_Result = tuple[Pending | Share, Any, BaseException | None]


def _run(
    connection: Connection, batch: Sequence[Pending | Share], participants: Sequence[Participant]
) -> list[_Result]:
    results: list[_Result] = []
    shared: dict[SharedWork, list[Share]] = {}
    for pending in batch:
        if isinstance(pending, Share):
            shared.setdefault(pending.work, []).append(pending)
        else:
            results.append(_run_unit(connection, pending, participants))
    alone = not results
    for work, shares in shared.items():
        items = [share.item for share in shares]
        failure = None
        if alone:
            work(connection, items)
        else:
            failure = _run_beside(connection, work, items, participants)
        results.extend((share, None, failure) for share in shares)
    return results


def _run_beside(
    connection: Connection,
    work: SharedWork,
    items: Sequence[Any],
    participants: Sequence[Participant],
) -> BaseException | None:
    """Do shared work in a transaction with units, which its failure must not undo; the failure."""

    def body() -> None:
        for participant in participants:
            participant.unit_begins(connection)
        with _savepoint(connection):
            work(connection, items)

    try:
        Context().run(body)
    except (DBAPIError, sqlite3.Error) as error:
        if not _in_transaction(connection):
            raise
        for participant in participants:
            participant.unit_failed()
        return _unavailable(error)
    return None


def _run_unit(
    connection: Connection, unit: Pending, participants: Sequence[Participant]
) -> _Result:
    def body() -> Any:
        for participant in participants:
            participant.unit_begins(connection)
        with _savepoint(connection):
            value = unit.work(connection)
            try:
                for participant in participants:
                    participant.unit_ends(connection)
            except (DBAPIError, sqlite3.Error) as error:
                # The unit did its work; what could not be written is the account of it.
                raise _unavailable(error) from error
        return value

    try:
        return unit, unit.context.run(body), None
    except Exception as error:
        if not _in_transaction(connection):
            # The database gave up the whole transaction (a full disk, say), and with it the
            # units that ran before this one.
            raise
        for participant in participants:
            participant.unit_failed()
        return unit, None, error


@contextmanager
def _savepoint(connection: Connection) -> Iterator[None]:
    """Undo what the block changes when it raises.

    SQLAlchemy's ``begin_nested`` costs 25 times as much, and gives each savepoint a name of its own,
    so that the driver has to prepare both statements anew while everybody waits for the lock.
    """
    cursor = driver_cursor(connection)
    cursor.execute(f"SAVEPOINT {_UNIT}")
    try:
        yield
        driver_cursor(connection).execute(f"RELEASE SAVEPOINT {_UNIT}")
    except BaseException:
        if _in_transaction(connection):
            cursor.execute(f"ROLLBACK TO SAVEPOINT {_UNIT}")
            cursor.execute(f"RELEASE SAVEPOINT {_UNIT}")
        raise


def _in_transaction(connection: Connection) -> bool:
    driver = connection.connection.driver_connection
    return bool(getattr(driver, "in_transaction", True))


def _tell(callback: Callable[..., None], *arguments: Any) -> None:
    """Tell a participant what has happened already: it cannot undo it by raising."""
    try:
        callback(*arguments)
    except Exception:
        log.exception("a participant of the transaction failed after its end")


def _unavailable(error: BaseException) -> BaseException:
    if isinstance(error, StrongroomError):
        return error
    unavailable = Unavailable(f"the database could not be written: {error}")
    unavailable.__cause__ = error
    return unavailable

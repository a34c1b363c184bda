"""The journal: appends records to their streams, dense and in commit order."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context, ContextVar
from itertools import chain
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from strongroom.audit.events.event import Stream
from strongroom.audit.journal.head import Head, HeadRow, read_heads, save_heads
from strongroom.audit.journal.stored import StoredRecord
from strongroom.errors import Unavailable
from strongroom.store import Store
from strongroom.store.engine import driver_cursor

QUEUE_SIZE: Final = 10_000
"""Records of the ops stream that may wait for a commit; about 10 MB."""

FULL_WAIT_SECONDS: Final = 0.1
"""How long a request waits for room in the queue before it looks whether the journal fails."""

_QUEUED: Final = "strongroom_queued"
"""The SAVEPOINT around what nobody waits for."""

_PROBE: Final = StoredRecord(Stream.OPS, "", 0, "", "", None, b"")
"""Never stays in the journal."""

_staged: ContextVar[tuple[Journal, list[StoredRecord]] | None] = ContextVar(
    "strongroom_staged", default=None
)
"""What the unit of this context has logged so far, and to which journal."""


class Journal:
    """The streams in one database.

    - ``append``: when it returns, the records survive ``kill -9`` and power loss.
    - Inside ``store.write(unit)`` records are staged, and commit with the unit or not at all.
    - ``seq`` is dense from 0 in each stream, across threads and processes.

    Thread-safe. Takes part in the store's transactions (:class:`~strongroom.store.Participant`).
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._heads: dict[Stream, Head] = {}
        self._saved: dict[Stream, Head] = {}
        self._loaded: dict[Stream, Head] = {}
        self._rows: Mapping[str, HeadRow] | None = None
        self._queue: deque[StoredRecord] = deque()
        self._taken: list[StoredRecord] = []
        self._room = threading.Condition()
        self._failing = False
        self._put_back = False
        self._changes = 0
        self._dropped = 0
        self.on_dropped: Callable[[int], None] | None = None
        """Called on the writer's thread, once the journal works again, with the number lost."""
        self.on_committed: Callable[[Sequence[StoredRecord]], None] | None = None
        """Called on the caller's thread with the records of its unit, once they are on disk."""
        self.on_ended: Callable[[float | None], None] | None = None
        """Called on the writer's thread after each transaction: the seconds from its begin until it
        was on disk; None when it was rolled back."""
        self._began = 0.0
        store.join(self)

    @property
    def waiting(self) -> int:
        """Records of the ops stream that wait for a commit, in this process."""
        return len(self._queue)

    def append(self, records: Sequence[StoredRecord]) -> bool:
        """Append to the audit stream.

        :returns: True when the records are durable; False when they were staged in a unit,
            which hands them to ``on_committed`` once it is on disk
        :raises Unavailable: when the journal cannot be written; nothing was kept
        """
        staged = _staged.get()
        if staged is not None and staged[0] is self:
            staged[1].extend(records)
            return False
        self._store.write_together(self._append_all, records)
        return True

    def append_within(
        self, connection: Connection, stream: Stream, records: Sequence[StoredRecord]
    ) -> None:
        """Append to any stream, from inside a unit of work: they commit with it or not at all.

        For the writer's thread, between the begin of the unit and its end.

        :param connection: the unit's
        :raises Corrupt: when the head of the stream cannot be read
        """
        self._append(connection, stream, records)

    def enqueue(self, record: StoredRecord) -> None:
        """Append to the ops stream, at most 50 ms from now. Never raises.

        When the queue is full the caller waits; only while the journal fails is it dropped.
        """
        if len(self._queue) >= QUEUE_SIZE and not self._wait_for_room():
            with self._room:
                self._dropped += 1
            return
        self._queue.append(record)
        self._store.nudge()

    def probe(self) -> None:
        """Write to the journal without changing it: add a record and take it back.

        :raises Unavailable: when it cannot be written
        """
        try:
            self._store.write(self._probe)
        except (DBAPIError, sqlite3.Error) as error:
            raise Unavailable(f"the journal could not be written: {error}") from error

    def _probe(self, connection: Connection) -> None:
        head = self._head(connection, Stream.OPS)
        with connection.begin_nested() as savepoint:
            head.append(connection, [_PROBE])
            savepoint.rollback()
        # Something must change, or nothing would be written to the disk.
        Head.load(connection, Stream.OPS).save(connection)

    def _wait_for_room(self) -> bool:
        # The writer's own thread must not wait for itself.
        if self._store.writes_here():
            return not self._failing
        with self._room:
            while len(self._queue) >= QUEUE_SIZE:
                if not self._room.wait(FULL_WAIT_SECONDS) and self._failing:
                    return False
        return True

    # The store's transaction, on the writer's thread.

    def begin(self, connection: Connection) -> None:
        """Forget what was known: another process may have appended meanwhile."""
        self._began = time.perf_counter()
        self._changes = _changes(connection)
        self._put_back = False
        self._rows = None
        self._loaded = {}
        self._heads = {}

    def unit_begins(self, connection: Connection) -> None:  # noqa: ARG002  # the protocol's
        """Collect what the unit logs."""
        self._saved = dict(self._heads)
        _staged.set((self, []))

    def unit_ends(self, connection: Connection) -> None:
        """Append what the unit logged, as the last thing before its SAVEPOINT is released."""
        staged = _staged.get()
        if staged is not None and staged[1]:
            self._append(connection, Stream.AUDIT, staged[1])

    def unit_failed(self) -> None:
        """Take the heads back to where they were before the unit."""
        self._heads = self._saved

    def before_commit(self, connection: Connection) -> None:
        """Append what is queued for the ops stream, and write the heads that moved.

        Where others have changed something in this transaction, they do not lose it because
        these records cannot be written: nobody waits for those, and they are tried again.
        """
        while self._queue:
            self._taken.append(self._queue.popleft())
        if self._taken and _changes(connection) != self._changes:
            self._append_apart(connection)
        else:
            self._append_taken(connection)

    def _append_apart(self, connection: Connection) -> None:
        heads, cursor = dict(self._heads), driver_cursor(connection)
        cursor.execute(f"SAVEPOINT {_QUEUED}")
        try:
            self._append_taken(connection)
        except Exception:
            if not _in_transaction(connection):
                raise  # the database gave it up as a whole: a full disk, say
            cursor.execute(f"ROLLBACK TO SAVEPOINT {_QUEUED}")
            self._heads = heads
            self._keep_taken()
            self._put_back = True
            self._append_taken(connection)  # nothing: the other streams' heads
        cursor.execute(f"RELEASE SAVEPOINT {_QUEUED}")

    def _append_taken(self, connection: Connection) -> None:
        if self._taken:
            self._append(connection, Stream.OPS, self._taken)
        moved = [head for stream, head in self._heads.items() if head is not self._loaded[stream]]
        if moved:
            save_heads(connection, moved)

    def committed(self) -> None:
        """Make room for those who wait, and own up to what was lost."""
        if self.on_ended is not None:
            self.on_ended(time.perf_counter() - self._began)
        if self._put_back:
            if self._store.writes_here():  # else it is closing, and tries once more by itself
                self._store.nudge()
            return
        self._taken = []
        self._failing = False
        with self._room:
            dropped, self._dropped = self._dropped, 0
            self._room.notify_all()
        if dropped and self.on_dropped is not None:
            self.on_dropped(dropped)

    def acknowledged(self, context: Context) -> None:
        """The unit that ran in this context is on disk."""
        staged = context.get(_staged)
        if self.on_committed is not None and staged is not None and staged[1]:
            self.on_committed(staged[1])

    def forked(self) -> None:
        """What is queued here is the parent's, and would be written twice."""
        self._queue.clear()
        self._taken = []
        self._dropped = 0
        self._room = threading.Condition()

    def rolled_back(self, error: BaseException) -> None:  # noqa: ARG002  # the protocol's
        """Keep what was queued for the next try."""
        self._keep_taken()
        if self.on_ended is not None:
            self.on_ended(None)

    def _keep_taken(self) -> None:
        self._queue.extendleft(reversed(self._taken))
        self._taken = []
        self._failing = True

    def _append_all(
        self, connection: Connection, appended: Sequence[Sequence[StoredRecord]]
    ) -> None:
        self._append(connection, Stream.AUDIT, list(chain.from_iterable(appended)))

    def _append(
        self, connection: Connection, stream: Stream, records: Sequence[StoredRecord]
    ) -> None:
        self._heads[stream] = self._head(connection, stream).append(connection, records)

    def _head(self, connection: Connection, stream: Stream) -> Head:
        """Where the stream ends by now, in this transaction."""
        head = self._heads.get(stream)
        if head is None:
            if self._rows is None:
                self._rows = read_heads(connection)
            head = self._loaded[stream] = Head.of(stream, self._rows)
            self._heads[stream] = head
        return head


def _in_transaction(connection: Connection) -> bool:
    """Whether the database has kept the transaction, after an error."""
    driver = connection.connection.driver_connection
    return bool(getattr(driver, "in_transaction", True))


def _changes(connection: Connection) -> int:
    """Rows that this connection has changed so far, ever."""
    return int(getattr(connection.connection.driver_connection, "total_changes", 0))

"""Records that commit with the rows of an application, on the application's own connection.

For a connection to the very database that holds the journal. The order on SQLite: the write lock
first, then the application's statements inside a SAVEPOINT, then the records with their sequence
numbers and the tree's edge, read and written under that lock. Whoever writes next, in this process
or another, reads the head anew once it has the lock, so nobody's knowledge goes stale.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.exc import DBAPIError

from strongroom.audit.events.event import Stream
from strongroom.audit.journal.foreign import ForeignConnection, Statements, opened
from strongroom.audit.journal.head import Head
from strongroom.audit.journal.journal import Journal
from strongroom.audit.journal.stored import StoredRecord
from strongroom.errors import Unavailable
from strongroom.store import Store
from strongroom.store.lock import FairLock

_SAVEPOINT: Final = "strongroom_transaction"
_TOUCH: Final = "UPDATE journal_head SET next_seq = next_seq WHERE stream = 'audit'"
"""Changes nothing, and takes the write lock of the database."""


@dataclass(slots=True)
class _Open:
    journal: Journal
    connection: ForeignConnection
    records: list[StoredRecord] = field(default_factory=list)


_open: ContextVar[_Open | None] = ContextVar("strongroom_transaction", default=None)


def staged(journal: Journal, records: Sequence[StoredRecord]) -> bool:
    """Keep the records for the transaction that is open here; False when none is."""
    found = _open.get()
    if found is None or found.journal is not journal:
        return False
    found.records.extend(records)
    return True


@contextmanager
def transaction(
    store: Store, journal: Journal, connection: ForeignConnection
) -> Iterator[list[StoredRecord]]:
    """The audit records that this block logs commit with the connection's transaction.

    They are appended when the block ends, and are durable when the application commits. When the
    block raises, what it did on the connection is undone, and its records do not exist. Other
    writers wait from the beginning of the block until the commit: keep it short.

    :param connection: to the database of the journal, SQLite, in a transaction or about to begin
        one; the caller commits it, after the block
    :returns: the records, complete once the block has ended; none of a block inside another
    :raises ValueError: for a connection that cannot do this, saying why
    :raises Unavailable: when the database cannot be written now; roll back, and try the whole
        transaction again
    """
    outer = _open.get()
    if outer is not None and outer.journal is journal:
        if outer.connection is not connection:
            raise ValueError("a transaction on another connection is open here, and would wait")
        yield []
        return
    statements = opened(store, connection)
    _lock(store, statements)
    mine = _Open(journal, connection)
    token = _open.set(mine)
    try:
        statements.run(f"SAVEPOINT {_SAVEPOINT}")
        try:
            yield mine.records
            _append(statements, mine.records)
        except BaseException:
            _undo(statements)
            raise
    finally:
        _open.reset(token)
    _end(statements)


def _lock(store: Store, statements: Statements) -> None:
    """Take the write lock of the database, in turn with the other writers.

    Whoever holds it already must not queue for a turn: the one whose turn it is waits for it.
    """
    try:
        if not statements.run_at_once(_TOUCH):
            lock = FairLock(store.lock_path)
            try:
                with lock.held():
                    statements.run(_TOUCH)
            finally:
                lock.close()
    except (DBAPIError, sqlite3.Error) as error:
        raise _unavailable(error) from error
    if not statements.in_transaction:
        raise ValueError(
            "the connection commits each statement by itself; begin a transaction on it first"
        )


def _append(statements: Statements, records: Sequence[StoredRecord]) -> None:
    if not statements.in_transaction:
        raise ValueError("the transaction was ended inside the block; end it after the block")
    if not records:
        return
    try:
        with statements.connection() as connection:
            Head.load(connection, Stream.AUDIT).append(connection, records).save(connection)
    except (DBAPIError, sqlite3.Error) as error:
        raise _unavailable(error) from error


def _undo(statements: Statements) -> None:
    try:
        statements.run(f"ROLLBACK TO {_SAVEPOINT}")
        statements.run(f"RELEASE {_SAVEPOINT}")
    except (DBAPIError, sqlite3.Error):
        return  # SQLite has given up the whole transaction already, and with it the block


def _end(statements: Statements) -> None:
    try:
        statements.run(f"RELEASE {_SAVEPOINT}")
    except (DBAPIError, sqlite3.Error) as error:
        statements.roll_back()  # the records, and what came after the end that was too early
        raise ValueError(
            "the transaction was ended inside the block; end it after the block"
        ) from error


def _unavailable(error: Exception) -> Unavailable:
    code = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_BUSY_SNAPSHOT:
        return Unavailable(
            "another writer came between what this transaction has read and now: roll it back and "
            "try again, or begin it with BEGIN IMMEDIATE"
        )
    return Unavailable(f"the journal could not be written in this transaction: {error}")

"""How the database is opened. SQLite is the embedded default.

SQLite runs in WAL with ``synchronous=FULL``: a commit has reached the disk when it returns, and
readers never wait for the writer (https://sqlite.org/wal.html, https://sqlite.org/pragma.html).
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from strongroom.errors import SettingsError, Unavailable

WRITES: Final = "strongroom_writes"
"""Execution option of a connection whose transactions take the write lock when they begin."""

BUSY_TIMEOUT_MS: Final = 30_000
"""Waits for a writer that is not ours (``sqlite3`` on the command line, a backup)."""


def open_engine(database: str) -> Engine:
    """An engine for this database URL; its folder is created, nothing is connected yet.

    :raises SettingsError: when the URL cannot be read or its database is not supported
    """
    url = _parse(database)
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    else:
        raise SettingsError("database: SQLite needs a file, since worker processes share it")
    engine = create_engine(
        url,
        # What is bound to a statement may be a name or an address; errors travel far.
        hide_parameters=True,
        pool_size=16,
        max_overflow=64,
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_MS / 1000},
    )
    # The driver's own commit() prepares its statement anew each time.
    engine.dialect.do_commit = _commit  # type: ignore[method-assign, assignment]  # SQLite's, see below
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "before_cursor_execute", _inside_transaction)
    return engine


def _parse(database: str) -> URL:
    try:
        url = make_url(database)
    except ArgumentError:
        raise SettingsError(
            f"database: {database!r} is not a database URL; "
            "leave it out, or write sqlite:////full/path/strongroom.db"
        ) from None
    if url.get_backend_name() != "sqlite":
        raise SettingsError(
            f"database: {url.get_backend_name()} is not supported yet; "
            "write sqlite:////full/path/strongroom.db"
        )
    return url


def _configure(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    _switch_to_wal(cursor)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # A checkpoint after 4 MB instead of whenever; keeps the WAL, and so each read, short.
    cursor.execute("PRAGMA wal_autocheckpoint=1000")
    cursor.close()


def _switch_to_wal(cursor: Any) -> None:
    # Of two that switch a new database at once SQLite fails one instead of letting it wait.
    patience = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > patience:
                raise
            time.sleep(0.005)
        except UnicodeDecodeError as error:
            # What SQLite has to say quotes bytes of a damaged file, and the driver cannot read that.
            raise sqlite3.DatabaseError("database disk image is malformed") from error
        else:
            return


def _inside_transaction(
    connection: Connection, _cursor: object, statement: str, *_: object
) -> None:
    # SQLite undoes the whole transaction on some errors, such as a full disk. If the unit goes
    # on nevertheless, each of its statements would be committed by itself.
    if not _in_transaction(connection) and not statement.startswith("BEGIN"):
        raise Unavailable("the database gave up the transaction that this statement belongs to")


def driver_cursor(connection: Connection) -> Any:
    """A cursor of the driver itself, for the few statements of every append.

    SQLAlchemy costs some 100 µs a statement, which is more than the statements themselves. The
    paramstyle is the driver's, and so are the exceptions.

    :raises Unavailable: when the database has given up the transaction
    """
    if not _in_transaction(connection):
        raise Unavailable("the database gave up the transaction that this statement belongs to")
    return connection.connection.cursor()


def _in_transaction(connection: Connection) -> bool:
    return bool(getattr(connection.connection.driver_connection, "in_transaction", True))


def _commit(connection: Any) -> None:
    """Commit with a statement that the driver's cache knows."""
    if connection.in_transaction:
        connection.execute("COMMIT")


def _begin(connection: Connection) -> None:
    # The driver is in autocommit mode (isolation_level None), so BEGIN is ours to send.
    # IMMEDIATE takes the write lock now: a later upgrade could fail after work was done.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

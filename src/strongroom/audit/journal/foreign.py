"""An application's own connection to the journal's database, of SQLAlchemy or of ``sqlite3``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Engine, NullPool, create_engine

from strongroom.store import Store

ForeignConnection = Connection | sqlite3.Connection

_FULL: Final = 2
"""``PRAGMA synchronous``: a commit has reached the disk when it returns."""


class Statements(Protocol):
    """What is needed of either kind of connection."""

    def run(self, sql: str) -> None:
        """Run one statement."""

    def run_at_once(self, sql: str) -> bool:
        """Run one statement unless that means to wait for a lock; False then."""

    def connection(self) -> Any:
        """A context manager with the connection as SQLAlchemy's, in its transaction."""

    @property
    def in_transaction(self) -> bool:
        """Whether the database has a transaction open on it."""

    def roll_back(self) -> None:
        """Undo the transaction."""


def opened(store: Store, connection: ForeignConnection) -> Statements:
    """The connection, ready for the journal's statements.

    :raises ValueError: when it leads to another database, or does not commit durably
    """
    found: Statements
    if isinstance(connection, sqlite3.Connection):
        driver, found = connection, _Sqlite(connection)
    elif isinstance(connection, Connection):
        inner = connection.connection.driver_connection
        if not isinstance(inner, sqlite3.Connection):
            raise ValueError(f"only SQLite so far, not {connection.dialect.name}")
        driver, found = inner, _SqlAlchemy(connection, inner)
    else:
        raise ValueError(
            f"a connection of SQLAlchemy or sqlite3 is needed, not {type(connection).__name__}"
        )
    path = _main_file(driver)
    if path is None or not store.path.exists() or not store.path.samefile(path):
        raise ValueError(
            f"the connection leads to {path or 'a database in memory'}, the journal is in "
            f"{store.path}; their rows cannot commit together"
        )
    if int(_value(driver, "PRAGMA synchronous") or 0) < _FULL:
        raise ValueError("the connection does not commit durably: set PRAGMA synchronous=FULL")
    return found


class _SqlAlchemy:
    """A connection of SQLAlchemy's."""

    def __init__(self, connection: Connection, driver: sqlite3.Connection) -> None:
        self._connection = connection
        self._driver = driver

    @property
    def in_transaction(self) -> bool:
        return self._driver.in_transaction

    def run(self, sql: str) -> None:
        self._connection.exec_driver_sql(sql)

    def run_at_once(self, sql: str) -> bool:
        return _at_once(self._driver, lambda: self.run(sql))

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        yield self._connection

    def roll_back(self) -> None:
        self._connection.rollback()


class _Sqlite:
    """A connection of the standard library's."""

    def __init__(self, driver: sqlite3.Connection) -> None:
        self._driver = driver

    @property
    def in_transaction(self) -> bool:
        return self._driver.in_transaction

    def run(self, sql: str) -> None:
        self._driver.execute(sql)

    def run_at_once(self, sql: str) -> bool:
        return _at_once(self._driver, lambda: self.run(sql))

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        token = _borrowed.set(self._driver)
        try:
            with _engine().connect() as connection:
                yield connection
        finally:
            _borrowed.reset(token)

    def roll_back(self) -> None:
        self._driver.rollback()


class _Loan:
    """Lends a connection to SQLAlchemy, which may run statements on it, and nothing else.

    Its transaction, its functions and its end stay the application's.
    """

    def __init__(self, driver: sqlite3.Connection) -> None:
        self._driver = driver

    def cursor(self) -> sqlite3.Cursor:
        cursor = self._driver.cursor()
        cursor.row_factory = None  # whatever the application wants its own rows to be
        return cursor

    def create_function(self, *_: Any, **__: Any) -> None:
        """SQLAlchemy brings a function for regular expressions, which nobody here asks for."""

    def commit(self) -> None:
        """Not ours to do."""

    def rollback(self) -> None:
        """Not ours to do."""

    def close(self) -> None:
        """Not ours to do."""


_borrowed: ContextVar[sqlite3.Connection] = ContextVar("strongroom_borrowed")


@cache
def _engine() -> Engine:
    """Opens nothing: each connection is the one borrowed at that moment."""
    return create_engine(
        "sqlite://",
        creator=lambda: _Loan(_borrowed.get()),
        poolclass=NullPool,
        hide_parameters=True,  # they may be names or addresses; errors travel far
    )


def _at_once(driver: sqlite3.Connection, run: Callable[[], None]) -> bool:
    patience = int(_value(driver, "PRAGMA busy_timeout") or 0)
    driver.execute("PRAGMA busy_timeout=0")
    try:
        run()
    except Exception as error:
        code = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
        if code != sqlite3.SQLITE_BUSY:
            raise
        return False
    finally:
        driver.execute(f"PRAGMA busy_timeout={patience}")
    return True


def _value(driver: sqlite3.Connection, sql: str) -> Any:
    row = _Loan(driver).cursor().execute(sql).fetchone()
    return None if row is None else row[0]


def _main_file(driver: sqlite3.Connection) -> Path | None:
    for _number, name, path in _Loan(driver).cursor().execute("PRAGMA database_list"):
        if name == "main" and path:
            return Path(path)
    return None

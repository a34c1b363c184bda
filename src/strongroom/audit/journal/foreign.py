"""An application's own connection to the journal's database, of SQLAlchemy or of ``sqlite3``."""

from __future__ import annotations

import sqlite3
from collections import namedtuple
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Executable
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql import ClauseElement

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

    def execute(self, statement: Any, parameters: Any) -> Any:
        """Run a statement of SQLAlchemy's."""

    @property
    def in_transaction(self) -> bool:
        """Whether the database has a transaction open on it."""

    def roll_back(self) -> None:
        """Undo the transaction."""


def opened(store: Store, connection: ForeignConnection) -> Statements:
    """The connection, ready for the journal's statements.

    :raises ValueError: when it leads to another database, or does not commit durably
    """
    if isinstance(connection, sqlite3.Connection):
        driver, statements = connection, _Sqlite(connection)
        found: Statements = statements
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
    if not path or not store.path.exists() or not store.path.samefile(path):
        raise ValueError(
            f"the connection leads to {path or 'a database in memory'}, the journal is in "
            f"{store.path}; their rows cannot commit together"
        )
    if int(_value(driver, "PRAGMA synchronous") or 0) < _FULL:
        raise ValueError("the connection does not commit durably: set PRAGMA synchronous=FULL")
    return found


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

    def execute(self, statement: ClauseElement, parameters: Any) -> _Rows:
        many = isinstance(parameters, Sequence)
        names = list(parameters[0] if many else parameters)
        sql = str(statement.compile(dialect=_DIALECT, column_keys=names))
        cursor = self._driver.cursor()
        cursor.row_factory = None  # whatever the application wants its own rows to be
        if many:
            cursor.executemany(sql, parameters)
        else:
            cursor.execute(sql, parameters)
        return _Rows(cursor)

    def roll_back(self) -> None:
        self._driver.rollback()


class _SqlAlchemy:
    """A connection of SQLAlchemy's, on the same driver."""

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

    def execute(self, statement: Executable, parameters: Any) -> Any:
        return self._connection.execute(statement, parameters)

    def roll_back(self) -> None:
        self._connection.rollback()


class _Rows:
    """As much of SQLAlchemy's result as a head asks for."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    def one_or_none(self) -> Any:
        row = self._cursor.fetchone()
        if row is None:
            return None
        names = [column[0] for column in self._cursor.description]
        return namedtuple("Row", names)._make(row)  # noqa: PYI024  # named while running


_DIALECT: Final = SQLiteDialect_pysqlite(paramstyle="named")


def _at_once(driver: sqlite3.Connection, run: Any) -> bool:
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
    cursor = driver.cursor()
    cursor.row_factory = None
    row = cursor.execute(sql).fetchone()
    return None if row is None else row[0]


def _main_file(driver: sqlite3.Connection) -> Path | None:
    cursor = driver.cursor()
    cursor.row_factory = None
    for _number, name, path in cursor.execute("PRAGMA database_list"):
        if name == "main" and path:
            return Path(path)
    return None



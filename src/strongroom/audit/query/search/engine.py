"""DuckDB in this process: opened on first use, bounded, interrupted at a deadline, closed at a fork."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import duckdb

from strongroom.audit.archive.columns import COLUMNS
from strongroom.audit.archive.duck import connect
from strongroom.errors import ServerFault
from strongroom.store.forks import ForkGate

MEMORY_BYTES: Final = 128 * 2**20
"""Of DuckDB in each process, the unsealed records included."""

THREADS: Final = 2

T = TypeVar("T")
Row = tuple[Any, ...]


class TimeUp(Exception):
    """The deadline came while something was read."""


class Deadline:
    """When an answer must be there."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until then; negative afterwards."""
        return self._end - time.monotonic()

    @property
    def passed(self) -> bool:
        """Whether it has come."""
        return self.left <= 0


class Engine:
    """The search engine of one process. Thread-safe; each process of a fork opens its own.

    The gate is passed for each statement and never while the database is read, so that a fork, which
    shuts all gates, does not wait for one search in two places.

    :param folder: of the archive, the only one it may read
    """

    def __init__(self, folder: Path, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._guard = threading.Lock()
        self._root: duckdb.DuckDBPyConnection | None = None
        self._gate = ForkGate(self)
        self.opened = 0
        """Counts up whenever it was opened: tables made before are gone."""

    def rows(self, sql: str, parameters: Sequence[Any], seconds: float) -> list[Row]:
        """What a statement finds.

        :param seconds: after which it is interrupted
        :raises TimeUp: when it was
        :raises ServerFault: ``search_too_large``
        :raises duckdb.Error: when a file is missing or damaged, or a table is gone
        """

        def found(connection: duckdb.DuckDBPyConnection) -> list[Row]:
            with _interrupted_after(connection, seconds):
                return connection.execute(sql, parameters).fetchall()

        return self.run(found)

    def run(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Do something with a connection, which no fork comes between.

        :raises TimeUp: when it was interrupted
        :raises ServerFault: ``search_too_large``
        """
        with self._gate:
            connection = self._opened().cursor()
            try:
                return work(connection)
            except duckdb.InterruptException:
                raise TimeUp from None
            except duckdb.OutOfMemoryException as error:
                raise ServerFault(
                    "search_too_large",
                    "This search needs more memory than a search may have. "
                    "Add a filter, or look at a shorter span of time.",
                    status=503,
                ) from error
            except duckdb.FatalException:
                self._forget()  # of no use any more; the next statement opens another
                raise
            finally:
                connection.close()

    def close(self) -> None:
        """Let go of everything; it opens again on use."""
        with self._guard:
            root, self._root = self._root, None
        if root is not None:
            root.close()

    # Forkable

    def close_for_fork(self) -> None:
        """See :class:`~strongroom.store.forks.Forkable`."""
        self.close()

    def forked(self) -> None:
        """See :class:`~strongroom.store.forks.Forkable`."""

    def _forget(self) -> None:
        with self._guard:
            self._root = None

    def _opened(self) -> duckdb.DuckDBPyConnection:
        with self._guard:
            if self._root is None:
                root = connect(self._folder, threads=THREADS, memory_bytes=self._memory_bytes)
                root.execute("ATTACH ':memory:' AS live (COMPRESS)")
                root.execute(table_sql("relation"))
                self._root = root
                self.opened += 1
            return self._root


def table_sql(table: str) -> str:
    """The statement that makes an empty table of the relation, for all connections to see."""
    columns = ", ".join(f'"{column.name}" {column.sql_type}' for column in COLUMNS.values())
    return f"CREATE TABLE {table} ({columns})"


@contextmanager
def _interrupted_after(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Interrupt what the connection does after so long, again and again until the block ends."""
    done = threading.Event()

    def watch() -> None:
        wait = max(seconds, 0.001)
        while not done.wait(wait):
            connection.interrupt()
            wait = 0.05

    watcher = threading.Thread(target=watch, name="search-deadline", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()

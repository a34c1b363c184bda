"""A segment's Parquet file: all columns of its records, sorted by sequence number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb

from strongroom.audit.archive.columns import Record, gather
from strongroom.audit.archive.grams import BLOCK_ROWS
from strongroom.audit.archive.relation import column_names, from_lines, read_as
from strongroom.errors import Corrupt

ROW_GROUP: Final = BLOCK_ROWS
"""Rows of a row group: what is read at least where one record is wanted. A whole segment's took three
times as long, and 3 % less room."""

LEVEL: Final = 9
"""Of zstd's compression: a tenth less room than its usual 3, for a fifth of a second a segment."""

LEAST_GROUP: Final = 2_048
GROUP_BYTES: Final = 48 * 2**20
"""As lines of JSON: what a row group needs of memory, where records are long. Full segments of
ordinary records stay below it."""

FETCHED: Final = 512
"""Rows handed over at a time."""


def write_parquet(
    connection: duckdb.DuckDBPyConnection, lines: Path, path: Path, *, count: int, parts: bool
) -> None:
    """Write records to a Parquet file, in their order; not durable yet.

    :param lines: a file of them, each a line of JSON with its columns
    :param count: of lines
    :raises duckdb.Error: when they do not fit into the memory that is allowed, or on to the disk
    """
    length = lines.stat().st_size // max(count, 1) + 1
    group = min(ROW_GROUP, max(GROUP_BYTES // length, LEAST_GROUP))
    connection.execute(
        f"COPY ({from_lines(_quoted(lines), parts=parts)}) TO {_quoted(path)} "
        f"(FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, ROW_GROUP_SIZE {group}, "
        f"COMPRESSION_LEVEL {LEVEL})"
    )


def scan(path: Path) -> str:
    """A file as a relation in SQL, whatever it is called."""
    return f"read_parquet({_quoted(path)})"


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


class ParquetReader:
    """Reads a segment's file as records. For one thread.

    :param connection: that may read in the archive's folder
    :raises Corrupt: from every method, when the file is missing or damaged
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path, *, parts: bool) -> None:
        self._connection = connection
        self._path = path
        self._names = column_names(parts=parts)

    def rows(
        self, start: int, end: int, names: Sequence[str] = (), *, at_a_time: int = FETCHED
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Some columns of the records [start, end), as :func:`gather` wants them, as the file has
        them: in the order of their numbers, if it is what it should be.

        :param names: all columns, without any
        :param at_a_time: rows; no other thread of Python runs while they become objects
        """
        wanted = ", ".join(read_as(name) for name in names or self._names)
        statement = f"SELECT {wanted} FROM {scan(self._path)} WHERE seq >= ? AND seq < ?"  # noqa: S608  # our own names
        cursor = self._connection.cursor()
        try:
            found = cursor.execute(statement, [start, end])
            while rows := found.fetchmany(at_a_time):
                yield rows
        except duckdb.Error as error:
            raise self.corrupt(error) from error
        finally:
            cursor.close()

    def records(self, start: int, end: int) -> Iterator[Record]:
        """The records [start, end), with their ``stream`` and ``seq``."""
        for rows in self.rows(start, end):
            for row in rows:
                yield gather(dict(zip(self._names, row, strict=True)))

    def held(self) -> list[str]:
        """The columns in which some record has a value."""
        wanted = ", ".join(f'count("{name}")' for name in self._names)
        statement = f"SELECT {wanted} FROM {scan(self._path)}"  # noqa: S608  # our own names
        try:
            counts = self._connection.execute(statement).fetchone() or ()
        except duckdb.Error as error:
            raise self.corrupt(error) from error
        return [name for name, count in zip(self._names, counts, strict=True) if count]

    def corrupt(self, error: Exception) -> Corrupt:
        """What is to be raised instead of the engine's own error."""
        if not self._path.exists():
            return Corrupt(f"the segment {self._path.name} is missing from the archive")
        return Corrupt(f"the segment {self._path.name} cannot be read: {error}")

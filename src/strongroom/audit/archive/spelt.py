"""Reading a segment's file so that its columns can be compared with the stored bytes at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb

from strongroom.audit.archive.parquet import ParquetReader, scan
from strongroom.audit.archive.relation import PARTS, read_as
from strongroom.audit.archive.spelling import Spelling
from strongroom.audit.events.event import Stream

FETCHED: Final = 512
"""Rows handed over at a time; no other thread of Python runs while they become objects."""


class SpeltReader:
    """Reads one file. For one thread.

    :param connection: that may read in the archive's folder
    :param stream: of its records
    :raises Corrupt: from every method, when the file is missing or damaged
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path, stream: str) -> None:
        parts = stream == Stream.AUDIT.value
        self._connection = connection
        self._relation = scan(path)
        self._parquet = ParquetReader(connection, path, parts=parts)
        held = self._parquet.held()
        self._spelling = Spelling(held, stream)
        beside = ("seq", *PARTS)
        self.held = ["seq", *(name for name in held if name not in beside)]
        self.held += PARTS if parts else ()
        """The columns of :meth:`others`: those that hold something, and the parts, last."""

    def rows(self, names: Sequence[str] = ()) -> Iterator[list[tuple[Any, ...]]]:
        """Of all records in their order: the number, the entry that the columns spell, whether they
        can be spelt in one way only, and these columns.

        Where the entry is the one that was stored, and the row can be spelt in one way only, all of its
        columns and parts are what was stored, and the entry is canonical JSON.

        :param names: as ``read_as`` has their values
        """
        wanted = ", ".join(
            ("r.seq", self._spelling.entry, self._spelling.plain, *map(_qualified, names))
        )
        cursor = self._connection.cursor()
        try:
            relation = self._spelling.relation(cursor, self._relation)
            found = cursor.execute(f"SELECT {wanted} FROM {relation}")  # noqa: S608  # our own names
            while rows := found.fetchmany(FETCHED):
                yield rows
        except duckdb.Error as error:
            raise self._parquet.corrupt(error) from error
        finally:
            cursor.close()

    def others(self, seqs: Collection[int]) -> Iterator[list[tuple[Any, ...]]]:
        """All columns, as :attr:`names` has them, of the records with these numbers."""
        if not seqs:
            return
        wanted = ", ".join(read_as(name) for name in self.held)
        chosen = "seq IN (SELECT unnest(?::BIGINT[]))"
        cursor = self._connection.cursor()
        try:
            found = cursor.execute(
                f"SELECT {wanted} FROM {self._relation} WHERE {chosen}",  # noqa: S608  # our own names
                [list(seqs)],
            )
            while rows := found.fetchmany(FETCHED):
                yield rows
        except duckdb.Error as error:
            raise self._parquet.corrupt(error) from error
        finally:
            cursor.close()


def _qualified(name: str) -> str:
    return read_as(name).replace(f'"{name}"', f'r."{name}"')

"""The journal's unsealed records as tables of DuckDB, in memory, brought up to date by each search.

The tables hold :data:`CHUNK` records each, at most; those that were not needed for longest go when
there are too many, and come back when they are. What a search may see of them it says itself.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import duckdb
from sqlalchemy import Connection, Row, func, select

from strongroom.audit.archive.columns import Record
from strongroom.audit.archive.forgotten import changes
from strongroom.audit.archive.index import sealed_through
from strongroom.audit.archive.relation import append, as_columns, batches
from strongroom.audit.journal.tables import journal
from strongroom.audit.query.search.engine import Deadline, Engine, TimeUp, table_sql
from strongroom.errors import ServerFault
from strongroom.store import Store

CHUNK: Final = 8_192
"""Records of a table."""

MAX_ROWS: Final = 24 * CHUNK
"""Records kept in memory."""

MAX_BYTES: Final = 192 * 2**20
"""Stored bytes of the records kept in memory; compressed, they need about a fifth."""

ANY_TIME: Final = 2**62
"""Stands for a moment that is not known yet."""


class Moved(Exception):
    """What a search wanted to read has been sealed, pruned or forgotten meanwhile: begin again."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive records of the journal, which are in one table.

    :param end_seq: is outside
    """

    stream: str
    first_seq: int
    end_seq: int
    min_timestamp: int
    max_timestamp: int

    @property
    def last_seq(self) -> int:
        """Is inside."""
        return self.end_seq - 1

    @property
    def rows(self) -> int:
        """How many records it has."""
        return self.end_seq - self.first_seq

    @property
    def chunk(self) -> tuple[str, int]:
        """The table that they belong into."""
        return self.stream, self.first_seq // CHUNK


@dataclass(slots=True)
class _Held:
    """A table and what it holds: records from ``first_seq`` on, up to ``end_seq``, outside, as they
    were when so many changes had been made to them by forgetting."""

    table: str
    first_seq: int
    end_seq: int
    opened: int
    changes: int
    bytes: int = 0
    used: int = 0


@dataclass(slots=True)
class Live:
    """The unsealed records as one process holds them. Thread-safe."""

    store: Store
    engine: Engine
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _held: dict[tuple[str, int], _Held] = field(default_factory=dict)
    _times: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)
    _changes: int = 0

    def see_changes(self, made: int) -> None:
        """Use no table from before this change to records.

        :param made: how often records have lost something, as :func:`changes` counts it
        """
        self._changes = max(self._changes, made)

    def pieces(
        self, connection: Connection, stream: str, sealed: int, next_seq: int
    ) -> Iterator[Piece]:
        """The unsealed records of a stream.

        :param connection: in which ``sealed`` and ``next_seq`` were read
        """
        for number in range(sealed // CHUNK, -(-next_seq // CHUNK)):
            first, end = max(sealed, number * CHUNK), min(next_seq, (number + 1) * CHUNK)
            times = (-ANY_TIME, ANY_TIME)  # until it is full, more may come
            if end == (number + 1) * CHUNK:
                times = self._times.get((stream, number)) or _times(connection, stream, first, end)
                self._times[stream, number] = times
            if first < end:
                yield Piece(stream, first, end, *times)

    def tables(self, pieces: Sequence[Piece], deadline: Deadline) -> list[str]:
        """The tables that hold these pieces, loaded as far as they were not.

        :raises Moved: when some of it was sealed meanwhile
        :raises TimeUp: when the deadline came while they were loaded
        """
        with self._guard:
            names = []
            stamp = next(self._numbers)
            for piece in pieces:
                held = self._loaded(piece, deadline)
                held.used = stamp
                names.append(held.table)
            self._make_room(stamp)
        return names

    def held(self) -> list[str]:
        """The names of all tables that there are."""
        with self._guard:
            return [held.table for held in self._held.values()]

    def forget_sealed(self, heads: Mapping[str, int]) -> None:
        """Let go of what is in segments now, and of what was loaded before something in it was
        forgotten.

        :param heads: ``sealed_through`` by stream
        """
        if not self._guard.acquire(blocking=False):
            return  # another search loads; a later one lets go
        try:
            gone = [
                key
                for key, held in self._held.items()
                if held.end_seq <= heads.get(key[0], 0) or held.changes < self._changes
            ]
            for key in gone:
                self._drop(key)
            for key in [k for k in self._times if (k[1] + 1) * CHUNK <= heads.get(k[0], 0)]:
                del self._times[key]
        finally:
            self._guard.release()

    def _loaded(self, piece: Piece, deadline: Deadline) -> _Held:
        held = self._held.get(piece.chunk)
        if held is not None and held.opened != self.engine.opened:
            del self._held[piece.chunk]  # gone with the engine that had it
            held = None
        if held is not None and held.changes < self._changes:
            self._drop(piece.chunk)  # something in it was forgotten since
            held = None
        if held is not None and held.first_seq > piece.first_seq:
            raise Moved
        if held is None:
            held = self._new(piece)
        if held.end_seq < piece.end_seq:
            self._load(piece, held, deadline)
        return held

    def _new(self, piece: Piece) -> _Held:
        table = f"live.t{next(self._numbers)}"
        self.engine.run(lambda connection: connection.execute(table_sql(table)))
        held = _Held(table, piece.first_seq, piece.first_seq, self.engine.opened, self._changes)
        self._held[piece.chunk] = held
        return held

    def _load(self, piece: Piece, held: _Held, deadline: Deadline) -> None:
        """Add the rows that are new, in the order of their numbers."""
        for rows, size in self._rows(piece, held.end_seq, held.changes):
            records = [_columns(row) for row in rows]
            try:
                self._append(held.table, records)
            except ServerFault:
                self._drop(piece.chunk)
                raise
            held.end_seq = rows[-1].seq + 1
            held.bytes += size
            if deadline.passed and held.end_seq < piece.end_seq:
                raise TimeUp
        held.end_seq = piece.end_seq  # where numbers are missing, which verification says
        if piece.end_seq % CHUNK == 0:
            self._compress()

    def _rows(self, piece: Piece, start: int, made: int) -> Iterator[tuple[list[Row[Any]], int]]:
        wanted = select(journal).where(journal.c.stream == piece.stream)
        while start < piece.end_seq:
            with self.store.read() as connection:
                if sealed_through(connection, piece.stream) > piece.first_seq:
                    raise Moved
                if changes(connection) != made:
                    raise Moved  # else it would have some records as they were before
                here = wanted.where(journal.c.seq >= start, journal.c.seq < piece.end_seq)
                found = connection.execute(here.order_by(journal.c.seq))
                rows = next(batches(found), None)
            if not rows:
                return
            yield rows, sum(len(row.entry or b"") + len(row.content or b"") for row in rows)
            start = rows[-1].seq + 1

    def _append(self, table: str, records: list[Record]) -> None:
        try:
            self.engine.run(lambda connection: append(connection, table, records))
        except (duckdb.Error, TypeError, ValueError):
            # One of them is damaged beyond what a column takes: it must not hide the others.
            for record in records:
                self._append_alone(table, record)

    def _append_alone(self, table: str, record: Record) -> None:
        try:
            self.engine.run(lambda connection: append(connection, table, [record]))
        except (duckdb.Error, TypeError, ValueError):
            bare = [_damaged(record["stream"], record["seq"])]
            self.engine.run(lambda connection: append(connection, table, bare))

    def _compress(self) -> None:
        with suppress(duckdb.Error):  # refused while somebody reads
            self.engine.run(lambda connection: connection.execute("CHECKPOINT live"))

    def _make_room(self, stamp: int) -> None:
        """Drop what was not used for longest, but nothing that is used at this moment."""
        oldest = sorted(
            (key for key, held in self._held.items() if held.used < stamp),
            key=lambda key: self._held[key].used,
        )
        for key in oldest:
            rows = sum(held.end_seq - held.first_seq for held in self._held.values())
            size = sum(held.bytes for held in self._held.values())
            if rows <= MAX_ROWS and size <= MAX_BYTES:
                return
            self._drop(key)

    def _drop(self, key: tuple[str, int]) -> None:
        held = self._held.pop(key)
        if held.opened == self.engine.opened:
            with suppress(duckdb.Error):
                self.engine.run(lambda connection: connection.execute(f"DROP TABLE {held.table}"))


def _times(connection: Connection, stream: str, first: int, end: int) -> tuple[int, int]:
    found = connection.execute(
        select(func.min(journal.c.timestamp), func.max(journal.c.timestamp)).where(
            journal.c.stream == stream, journal.c.seq >= first, journal.c.seq < end
        )
    ).one()
    if not isinstance(found[0], int) or not isinstance(found[1], int):
        return -ANY_TIME, ANY_TIME  # damaged
    return found[0], found[1]


def _columns(row: Row[Any]) -> Record:
    try:
        return as_columns(row, parts=False)
    except (TypeError, ValueError, ArithmeticError, AttributeError):
        return _damaged(row.stream, row.seq)


def _damaged(stream: str, seq: int) -> Record:
    """What is left of a record that no column takes."""
    return {
        "stream": stream,
        "seq": seq,
        "timestamp": 0,
        "level": "error",
        "event": "damaged",
        "extra": '{"damaged":["row"]}',
        "more_text": "row",
    }

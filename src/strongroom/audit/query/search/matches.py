"""Everything that matches, as it was at one moment: read source by source, in memory that is bounded.

A page reads places first and then a few whole records. Whoever wants all records reads each source
once and whole instead, on a connection of its own, so that no search waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import duckdb

from strongroom.audit.archive.columns import gather
from strongroom.audit.archive.duck import connect
from strongroom.audit.archive.index import Segment, sealed_through, segments_between
from strongroom.audit.archive.readers import reading
from strongroom.audit.journal.people import with_names
from strongroom.audit.query.search.engine import TimeUp, table_sql
from strongroom.audit.query.search.live import Moved, Piece
from strongroom.audit.query.search.plan import Plan
from strongroom.audit.query.search.protocol import Found
from strongroom.audit.query.search.reader import Reader, Select
from strongroom.audit.query.search.records import WIDE, WIDE_NAMES
from strongroom.audit.query.search.sources import Source, files_sql, mentioned, whole
from strongroom.errors import ServerFault
from strongroom.store import Store

BATCH: Final = 512
"""Records handed over at a time, at most."""

MEMORY_BYTES: Final = 160 * 2**20
"""Of the engine while segments are read; most take a tenth of it."""

_ATTEMPTS: Final = 20

Row = tuple[Any, ...]


@dataclass(slots=True)
class StoredMatches:
    """Implements :class:`~strongroom.audit.query.search.Matches`.

    :param sources: that may hold a match, those with the newest records first
    :param reader: reads what is not sealed, while it lasts; few of them last at a time
    """

    store: Store
    folder: Path
    plan: Plan
    sources: Sequence[Source]
    reader: Callable[[], AbstractContextManager[Reader]]
    missing: list[str] = field(default_factory=list)
    _connection: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> StoredMatches:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @property
    def searched(self) -> int:
        """See :attr:`Matches.searched`."""
        return sum(source.rows for source in self.sources)

    def of(self, source: Source) -> Iterator[list[Found]]:
        """See :meth:`Matches.of`."""
        found = (
            self._sealed(source.stream, source.first_seq, source.last_seq + 1)
            if not isinstance(source, Piece)
            else self._unsealed(source)
        )
        for rows in found:
            records = [gather(dict(zip(WIDE_NAMES, row[1:], strict=True))) for row in rows]
            with self.store.read() as connection:
                named = with_names(connection, records)
            yield [(row[0], record) for row, record in zip(rows, named, strict=True)]

    # What is in the journal, or was when this began

    def _unsealed(self, piece: Piece) -> Iterator[list[Row]]:
        """As far as it was sealed meanwhile, it is read from where it is now."""
        start = piece.first_seq
        for _ in range(_ATTEMPTS):
            with self.store.read() as connection:
                boundary = min(sealed_through(connection, piece.stream), piece.end_seq)
            if boundary > start:
                yield from self._sealed(piece.stream, start, boundary)
                start = boundary
            if start >= piece.end_seq:
                return
            try:
                for rows in self._live(replace(piece, first_seq=start)):
                    yield rows
                    start = rows[-1][1 + _SEQ] + 1
            except (Moved, TimeUp):
                continue  # what was loaded until then stays loaded
            return
        raise ServerFault(
            "search_disturbed",
            "Records were moved again and again while they were read. Try again.",
            status=503,
        )

    def _live(self, piece: Piece) -> Iterator[list[Row]]:
        """In the order of their numbers: whoever is interrupted knows how far it came."""
        around = "SELECT seq FROM ({}) ORDER BY seq"
        with self.reader() as reader:
            seqs = [row[0] for row in reader.scan([piece], Select(self.plan, "seq", around=around))]
        for at in range(0, len(seqs), BATCH):
            numbers = ", ".join(map(str, seqs[at : at + BATCH]))
            wanted = Select(
                self.plan,
                f"epoch_us(timestamp) AS at, {WIDE}",
                f"seq IN ({numbers})",
                around="SELECT * FROM ({}) ORDER BY seq",
            )
            with self.reader() as reader:
                rows = list(reader.scan([piece], wanted))
            if rows:
                yield rows

    # What is sealed

    def _sealed(self, stream: str, start: int, end: int) -> Iterator[list[Row]]:
        """The records [start, end), from the segments that hold them now."""
        with reading(self.store):  # entered first: what the index then names stays
            with self.store.read() as connection:
                holding = segments_between(connection, stream, start, end)
            at = start
            for segment in holding:
                self._note_gone(stream, at, segment.first_seq)
                at = segment.last_seq + 1
                yield from self._segment(segment, start, end)
            self._note_gone(stream, at, end)

    def _segment(self, segment: Segment, start: int, end: int) -> Iterator[list[Row]]:
        wanted = Select(self.plan, "", "seq >= ? AND seq < ?", [start, end])
        clause, values = wanted.clause(segment.has_rest)
        names = mentioned(WIDE, clause, "timestamp")
        relation = files_sql(self.folder, {segment: [whole(segment)]}, names, by_name=True)
        sql = f"SELECT epoch_us(timestamp) AS at, {WIDE} FROM {relation} WHERE {clause}"  # noqa: S608  # our own words
        cursor = self._opened().cursor()
        try:
            found = cursor.execute(sql, values)
            while rows := found.fetchmany(BATCH):
                yield rows
        except duckdb.OutOfMemoryException as error:
            raise ServerFault(
                "search_too_large", "A segment needs more memory than there is.", status=503
            ) from error
        except duckdb.Error:
            self.missing.append(
                f"records {segment.first_seq:,} to {segment.last_seq:,} of the stream "
                f"{segment.stream}: {segment.path(self.folder).name} cannot be read to its end"
            )
        finally:
            cursor.close()

    def _note_gone(self, stream: str, first: int, end: int) -> None:
        if first < end:
            self.missing.append(
                f"records {first:,} to {end - 1:,} of the stream {stream}: pruned meanwhile"
            )

    def _opened(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            self._connection = connect(
                self.folder, threads=1, memory_bytes=MEMORY_BYTES, streaming=True
            )
            self._connection.execute(table_sql("relation"))
        return self._connection


_SEQ: Final = WIDE_NAMES.index("seq")

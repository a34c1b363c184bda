"""The sealer: moves records from the journal into segments, so that no crash loses or doubles one.

Write to temporary names, sync; compare with journal and ledger; rename, sync the folders; enter the
segment into the index, move the boundary and record it, in one transaction; delete the journal's
rows. Whoever reads takes segments below the boundary and journal rows from it on, so the transaction is
the moment at which the records move. A crash before it leaves files that nobody knows of, a crash
after it leaves rows below the boundary; both are removed by :meth:`Sealer.tidy`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from sqlalchemy import Connection, delete

from strongroom.audit.archive.index import Sealed, Segment, advance, enter
from strongroom.audit.archive.left import rows_left
from strongroom.audit.archive.places import archive_folder, entries_path
from strongroom.audit.archive.readers import remove_unread
from strongroom.audit.archive.reading import ArchiveReader
from strongroom.audit.archive.writing import Draft, SegmentWriter
from strongroom.audit.events import Event, Stream
from strongroom.audit.events.ledger import SegmentSealed
from strongroom.audit.journal.stored import JournalRow
from strongroom.audit.journal.tables import journal
from strongroom.audit.ledger.ledger import Ledger
from strongroom.audit.sealing.check import SealedEntries, check_segment
from strongroom.audit.sealing.due import Span, due
from strongroom.audit.sealing.leftovers import stray_files
from strongroom.audit.sealing.rows import rows_of
from strongroom.errors import Corrupt
from strongroom.store import Store

DELETED: Final = 1_000
"""Rows deleted in one unit: some 10 ms of the write lock."""

LOOK: Final = 512
"""Records between two looks whether to stop."""

REST: Final = 2.0
"""Between two units, so many times as long as the last one took: others write meanwhile."""


class Stopped(Exception):
    """It was asked to end; what was begun is taken up again at the next start."""


Progress = Callable[[Span, str, int], None]
"""Told of which records, what is done with them, and how many of them it is done with."""


def _silent(_span: Span, _step: str, _done: int) -> None:
    pass


class Sealer:
    """Seals the streams of one database. For one thread, and one at a time in an installation: see
    :class:`~strongroom.audit.sealing.lease.sealing_lease`.

    :param record: logs an event; called inside a unit of work, in its context
    :param signed: whether the ledger is signed: then only what a checkpoint covers is sealed
    :param stopping: asked now and then; True ends everything with :class:`Stopped`
    """

    def __init__(
        self,
        store: Store,
        record: Callable[[Event], None],
        *,
        signed: bool,
        progress: Progress = _silent,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._record = record
        self._signed = signed
        self._progress = progress
        self._stopping = stopping
        self._folder = archive_folder(store)

    def seal_due(self, streams: Iterable[Stream] = Stream, *, everything: bool = False) -> int:
        """Seal whatever is due; how many records were.

        :param everything: whether or not they are many or old
        :raises Corrupt: when the journal is not what the ledger says; that stream stays as it is
        :raises Unavailable: when there is no room, or the database cannot be written
        """
        count = 0
        for stream in streams:
            while (span := self.next_span(stream, everything=everything)) is not None:
                self.seal(span)
                count += span.count
        return count

    def next_span(self, stream: Stream, *, everything: bool = False) -> Span | None:
        """The records of the stream's next segment; None when none is due."""
        now = time.time_ns() // 1000
        with self._store.read() as connection:
            return due(connection, stream, now, signed=self._signed, everything=everything)

    def seal(self, span: Span) -> Segment:
        """Move these records; durable when it returns.

        :param span: from the stream's boundary on
        :raises Corrupt: as :meth:`seal_due`
        :raises Unavailable: as :meth:`seal_due`
        """
        draft = self.prepare(span)
        try:
            self.publish(draft)
        finally:
            draft.discard()
        self.commit(span, draft.sealed)
        self.delete_rows(span)
        return draft.sealed.segment

    def prepare(self, span: Span) -> Draft:
        """Write the segment to temporary names, and compare it; nothing counts yet.

        :raises Corrupt: as :meth:`seal_due`
        :raises Unavailable: when there is no room
        """
        draft = self.write(span)
        try:
            self.check(span, draft)
        except BaseException:
            draft.discard()
            raise
        return draft

    def write(self, span: Span) -> Draft:
        """Write the segment to temporary names."""
        self._progress(span, "writing", 0)
        with self._store.read() as connection:
            rows = self._watched(rows_of(connection, span))
            draft = SegmentWriter(self._folder).write(span.stream.value, span.start, rows)
        if draft.sealed.segment.rows != span.count:
            draft.discard()
            raise Corrupt(
                f"record {draft.sealed.segment.last_seq + 1:,} of {span.stream} is missing"
            )
        return draft

    def _watched(self, rows: Iterator[JournalRow]) -> Iterator[JournalRow]:
        for place, row in enumerate(rows):
            if not place % LOOK:
                self._go_on()
            yield row

    def _go_on(self) -> None:
        if self._stopping():
            raise Stopped

    def check(self, span: Span, draft: Draft) -> None:
        """Compare it with journal and ledger."""
        self._progress(span, "comparing", 0)
        signed = Ledger(self._store).newest() if self._signed else None
        segment = draft.sealed.segment
        with ArchiveReader(self._folder) as reader, self._store.read() as connection:
            parquet = draft.drafts[segment.path(self._folder)]
            if span.stream is Stream.AUDIT:
                zipped = draft.drafts[entries_path(self._folder, span.start)]
                with SealedEntries(connection, span, zipped, signed) as entries:
                    check_segment(connection, span, reader, parquet, entries)
            else:
                check_segment(connection, span, reader, parquet, None)

    def publish(self, draft: Draft) -> None:
        """Give the files their names."""
        draft.publish()

    def commit(self, span: Span, sealed: Sealed) -> None:
        """From here on the segment holds the records."""

        def unit(connection: Connection) -> None:
            advance(connection, span.stream.value, span.start, span.end)
            enter(connection, sealed)
            self._record(SegmentSealed(count=span.count, extra=sealed.statement()))

        self._store.write(unit)

    def delete_rows(self, span: Span) -> None:
        """Delete their rows from the journal, so slowly that nobody waits for it."""
        for start in range(span.start, span.end, DELETED):
            self._progress(span, "clearing", start - span.start)
            self._go_on()
            began = time.monotonic()
            self.delete_some(span.stream, start, min(start + DELETED, span.end))
            time.sleep((time.monotonic() - began) * REST)
        self._progress(span, "clearing", span.count)

    def delete_some(self, stream: Stream, start: int, end: int) -> None:
        """Delete the rows [start, end) in one unit."""
        gone = (journal.c.stream == stream.value) & (journal.c.seq >= start) & (journal.c.seq < end)
        self._store.write(lambda connection: connection.execute(delete(journal).where(gone)))

    def tidy(self) -> None:
        """Remove what a crash has left: files without a row in the index, rows below the boundary.

        :raises Corrupt: when a segment does not hold the rows that are left: they stay
        :raises Unavailable: when the database cannot be written
        :raises OSError: when a file cannot be removed
        """
        with self._store.read() as connection:
            stray = stray_files(connection, self._folder)
        if stray:
            remove_unread(self._store, stray)
        for stream in Stream:
            with self._store.read() as connection:
                left = list(rows_left(connection, self._folder, stream.value))
            for start, end in left:
                self.delete_rows(Span(stream, start, end))

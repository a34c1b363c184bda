"""Taking the listed parts out of the journal's rows and out of segments, so that it can be resumed.

Nothing notes how far it is: whatever is listed and still has its part is what is left to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, select, update

from strongroom.audit.archive.forgotten import Place, SeqList, count_change
from strongroom.audit.archive.holds import Hold, read_holds
from strongroom.audit.archive.index import Segment, segments
from strongroom.audit.archive.places import archive_folder
from strongroom.audit.archive.reading import ArchiveReader
from strongroom.audit.archive.rewriting import fields_left, replace, rewrite
from strongroom.audit.events import Event, Stream
from strongroom.audit.journal.stored import JournalRow, decode
from strongroom.audit.journal.tables import journal
from strongroom.audit.privacy.traces import CONTENT, NETWORK
from strongroom.errors import Refused
from strongroom.store import Store

AT_ONCE: Final = 500
"""Rows of the journal that are changed in one unit: a few milliseconds."""

_c: Final = journal.c
_parted: Final = update(journal).where(_c.stream == Stream.AUDIT.value, _c.seq == bindparam("at"))
_whole: Final = (
    update(journal)
    .where(_c.stream == bindparam("of"), _c.seq == bindparam("at"))
    .values(entry=bindparam("left"))
)


def overwrite_deleted(connection: Connection) -> None:
    """Let SQLite overwrite with zeros whatever this connection deletes from now on.

    Source: https://sqlite.org/pragma.html#pragma_secure_delete
    """
    connection.exec_driver_sql("PRAGMA secure_delete=ON")


def check_holds(connection: Connection, known: Sequence[Hold]) -> None:
    """Make sure that no hold came or went since these were looked at.

    :raises Refused: 409 ``holds_changed``
    """
    if {hold.id for hold in read_holds(connection)} != {hold.id for hold in known}:
        raise Refused(
            "holds_changed",
            "A hold was placed or released meanwhile. Run the command again.",
            status=409,
        )


def refuse_held(holds: Sequence[Hold], record: Mapping[str, Any], stream: str) -> None:
    """Refuse to forget what a hold covers.

    :raises Refused: 409 ``records_held``
    """
    for hold in holds:
        if hold.covers(record, stream):
            raise Refused(
                "records_held",
                f"The hold {hold.id} covers some of these records: they must be kept until it is "
                "released (strongroom hold release).",
                status=409,
            )


class Dropper:
    """Drops what lists say. For one thread, and only by whoever has the archive's lease.

    :param lists: by stream and part
    :param holds: that do not cover any of it
    """

    def __init__(
        self,
        store: Store,
        record: Callable[[Event], None],
        forgetting_id: str,
        lists: Mapping[Place, SeqList],
        holds: Sequence[Hold],
    ) -> None:
        self._store = store
        self._record = record
        self._id = forgetting_id
        self._lists = lists
        self._holds = holds
        self._folder = archive_folder(store)

    def parts_of(self, stream: str, seq: int) -> Sequence[str]:
        """The parts that a record is to lose."""
        return [
            part
            for part in (CONTENT, NETWORK)
            if (seqs := self._lists.get((stream, part))) is not None and seq in seqs
        ]

    def drop_from_journal(self) -> None:
        """Take the parts out of rows of the journal; each row that had one is durable without it.

        :raises Refused: 409, for a hold
        :raises Unavailable: when the database cannot be written
        """
        for stream in Stream:
            for rows in self._left_in_journal(stream.value):
                self._empty(stream, rows)

        def unit(connection: Connection) -> None:
            count_change(connection, self._id)

        self._store.write(unit)

    def _left_in_journal(self, stream: str) -> Iterator[list[Row[Any]]]:
        """Rows that still have a part that is listed."""
        start = 0
        wanted = select(journal).where(_c.stream == stream).order_by(_c.seq).limit(AT_ONCE)
        while True:
            with self._store.read() as connection:
                rows = list(connection.execute(wanted.where(_c.seq >= start)))
            if not rows:
                return
            start = rows[-1].seq + 1
            left = [row for row in rows if self.has_something(row)]
            if left:
                yield left

    def has_something(self, row: JournalRow) -> bool:
        """Whether a record still has what it is to lose."""
        parts = self.parts_of(row.stream, row.seq)
        if not parts:
            return False
        if row.stream != Stream.AUDIT.value:
            return fields_left(row.entry, parts) != row.entry
        return (CONTENT in parts and row.content is not None) or (
            NETWORK in parts and row.network is not None
        )

    def _empty(self, stream: Stream, rows: Sequence[Row[Any]]) -> None:
        for row in rows:
            refuse_held(self._holds, decode(row), stream.value)

        def unit(connection: Connection) -> None:
            check_holds(connection, self._holds)
            overwrite_deleted(connection)
            for row in rows:
                parts = self.parts_of(row.stream, row.seq)
                if stream is Stream.AUDIT:
                    gone = dict.fromkeys(parts) | {f"{part}_salt": None for part in parts}
                    connection.execute(_parted.values(**gone), {"at": row.seq})
                else:
                    left = fields_left(row.entry, parts)
                    connection.execute(_whole, {"of": row.stream, "at": row.seq, "left": left})

        self._store.write(unit)

    def drop_from_segments(self, progress: Callable[[Segment], None]) -> int:
        """Write every segment anew in which a record still has what it is to lose; how many.

        :raises Corrupt: when a segment is damaged: it is evidence of that, and stays
        :raises Refused: 409, for a hold
        :raises Unavailable: when there is no room, or the database cannot be written
        """
        done = 0
        with self._store.read() as connection:
            found = segments(connection)
        for about in found:
            if self._is_left(about):
                progress(about)
                draft = rewrite(self._folder, about, partial(self.parts_of, about.stream))
                replace(self._store, about, draft, self._record, self._also)
                done += 1
        return done

    def _also(self, connection: Connection) -> None:
        overwrite_deleted(connection)
        check_holds(connection, self._holds)

    def _is_left(self, about: Segment) -> bool:
        lists = [seqs for (stream, _), seqs in self._lists.items() if stream == about.stream]
        if not any(seqs.touches(about.first_seq, about.last_seq) for seqs in lists):
            return False
        left = False
        with ArchiveReader(self._folder) as reader:
            for row in reader.rows(about, about.first_seq, about.last_seq + 1):
                if self.has_something(row):
                    left = True
                    if not self._holds:
                        return True
                    refuse_held(self._holds, decode(row), about.stream)
        return left

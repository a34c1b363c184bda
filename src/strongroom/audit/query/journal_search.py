"""Search over the journal alone, with plain SQL.

It walks the journal newest first in batches, lets SQL filter by the journal's own columns and
Python by everything else, and stops when the page is full or the deadline is past; it then says
that it is partial. What SQL filters is not interrupted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Row, and_, select, tuple_

from strongroom.audit.journal.people import with_names
from strongroom.audit.journal.stored import decode
from strongroom.audit.journal.tables import journal, journal_head
from strongroom.audit.query.cursor import Cursor
from strongroom.audit.query.filter import Filter
from strongroom.audit.query.language import FieldTerm, Query
from strongroom.audit.query.search import Page, Record, Window
from strongroom.store import Store

BATCH: Final = 2_000
"""Rows fetched at a time."""

DEADLINE_SECONDS: Final = 5.0
"""A page answers within this."""

_ORDER: Final = (journal.c.timestamp, journal.c.stream, journal.c.seq)
_COLUMNS: Final = frozenset({"stream", "level", "event", "request_id", "id"})
"""Fields that are columns of their own; the rest stands in the stored JSON."""


class JournalSearch:
    """Implements :class:`~strongroom.audit.query.search.RecordSearch` on the journal's rows."""

    def __init__(self, store: Store, *, deadline: float = DEADLINE_SECONDS) -> None:
        self._store = store
        self._deadline = deadline

    def page(
        self, query: Query, window: Window, *, cursor: str | None = None, limit: int = 50
    ) -> Page:
        """See :meth:`RecordSearch.page`."""
        after = None if cursor is None else Cursor.parse(cursor)
        stop = time.monotonic() + self._deadline
        with self._store.read() as connection:
            wanted = Filter(query, connection)
        if wanted.finds_nothing:
            return Page(())
        found: list[Record] = []
        place: Cursor | None = None
        for row in self._newest_first(query, window, after):
            if len(found) == limit:
                return Page(self._named(found), next=str(place))
            if place is not None and time.monotonic() > stop:
                return Page(self._named(found), next=str(place), partial=True)
            place = Cursor(row.timestamp, row.stream, row.seq)
            record = decode(row)
            if wanted.matches(record):
                found.append(record)
        return Page(self._named(found))

    def record(self, record_id: str) -> Record | None:
        """See :meth:`RecordSearch.record`."""
        with self._store.read() as connection:
            row = connection.execute(select(journal).where(journal.c.id == record_id)).first()
            return None if row is None else with_names(connection, [decode(row)])[0]

    def of_request(self, request_id: str, *, limit: int = 100) -> Sequence[Record]:
        """See :meth:`RecordSearch.of_request`."""
        wanted = select(journal).where(journal.c.request_id == request_id).limit(limit)
        with self._store.read() as connection:
            rows = connection.execute(wanted.order_by(*_ORDER)).all()
            return with_names(connection, [decode(row) for row in rows])

    def positions(self) -> dict[str, int]:
        """See :meth:`RecordSearch.positions`."""
        with self._store.read() as connection:
            rows = connection.execute(select(journal_head.c.stream, journal_head.c.next_seq)).all()
        return {row.stream: row.next_seq for row in rows}

    def after(
        self, positions: dict[str, int], query: Query, *, limit: int = 200
    ) -> tuple[Sequence[Record], dict[str, int]]:
        """See :meth:`RecordSearch.after`."""
        found: list[Record] = []
        reached = dict(positions)
        with self._store.read() as connection:
            asked = Filter(query, connection)
            for stream, position in positions.items():
                newer = and_(journal.c.stream == stream, journal.c.seq >= position)
                wanted = select(journal).where(newer).order_by(journal.c.seq).limit(limit)
                for row in connection.execute(wanted):
                    reached[stream] = row.seq + 1
                    record = decode(row)
                    if asked.matches(record):
                        found.append(record)
            found = with_names(connection, found)
        found.sort(key=lambda record: (record["timestamp"], record["stream"], record["seq"]))
        return found, reached

    def _named(self, records: list[Record]) -> list[Record]:
        """With the names of the people in them."""
        with self._store.read() as connection:
            return with_names(connection, records)

    def _newest_first(
        self, query: Query, window: Window, place: Cursor | None
    ) -> Iterator[Row[Any]]:
        conditions = [
            journal.c[term.field] == term.value
            for term in query.terms
            if isinstance(term, FieldTerm) and term.field in _COLUMNS
        ]
        if window.start is not None:
            conditions.append(journal.c.timestamp >= window.start)
        if window.end is not None:
            conditions.append(journal.c.timestamp < window.end)
        descending = [column.desc() for column in _ORDER]
        while True:
            bounded = list(conditions)
            if place is not None:
                bounded.append(tuple_(*_ORDER) < tuple_(*place))
            wanted = select(journal).where(*bounded).order_by(*descending).limit(BATCH)
            with self._store.read() as connection:
                rows = connection.execute(wanted).all()
            yield from rows
            if len(rows) < BATCH:
                return
            place = Cursor(rows[-1].timestamp, rows[-1].stream, rows[-1].seq)

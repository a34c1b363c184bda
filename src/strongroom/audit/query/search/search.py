"""The search: one relation over sealed segments and the journal's unsealed rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import Connection

from strongroom.audit.archive.index import Segment
from strongroom.audit.archive.places import archive_folder
from strongroom.audit.journal.people import with_names
from strongroom.audit.query.compile.facts import ANYTHING
from strongroom.audit.query.cursor import Cursor
from strongroom.audit.query.language import Query
from strongroom.audit.query.search import counts, facets, lookups, tail
from strongroom.audit.query.search.counts import Counting
from strongroom.audit.query.search.engine import Deadline, Engine
from strongroom.audit.query.search.fences import Fences
from strongroom.audit.query.search.live import Live, Moved, Piece
from strongroom.audit.query.search.matches import StoredMatches
from strongroom.audit.query.search.pages import FAR, Keys, first_keys
from strongroom.audit.query.search.plan import Plan, plan
from strongroom.audit.query.search.protocol import (
    Facet,
    Histogram,
    Page,
    Percentiles,
    Record,
    Window,
)
from strongroom.audit.query.search.reader import Reader
from strongroom.audit.query.search.records import EVERYTHING, read_records
from strongroom.audit.query.search.shares import Shares
from strongroom.audit.query.search.slots import Slots
from strongroom.audit.query.search.snapshot import Index, Snapshot
from strongroom.audit.query.search.sources import Source, newest_first
from strongroom.audit.query.search.totals import Totals
from strongroom.errors import ServerFault
from strongroom.store import Store

PAGE_SECONDS: Final = 5.0
"""A page answers within this."""

API_SECONDS: Final = 60.0
"""A program waits longer."""

_WAIT_SHARE: Final = 0.4
_WAIT_SECONDS: Final = 5.0
"""To wait for a place to search in: that share of the deadline, and no longer than so many seconds."""

_ATTEMPTS: Final = 5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Task:
    """One search under way.

    :param sources: that may hold a match, in no order
    """

    reader: Reader
    plan: Plan
    seen: Snapshot
    sources: Sequence[Source]


class _Parts:
    """What the searches of one process share. None of it lives on in the child of a fork, where its
    locks may be held by threads that are not there."""

    def __init__(self, store: Store) -> None:
        folder = archive_folder(store)
        self.pid = os.getpid()
        self.engine = Engine(folder)
        self.live = Live(store, self.engine)
        self.totals = Totals(store)
        self.fences = Fences(self.engine, folder)
        self.index = Index(self.live, self.totals, self.fences)


class _Shared:
    """The parts of whichever process this is."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._parts = _Parts(store)

    @property
    def parts(self) -> _Parts:
        """Made anew in the child of a fork, on first use."""
        if self._parts.pid != os.getpid():
            self._parts = _Parts(self._store)
        return self._parts


class Search:
    """Implements :class:`~strongroom.audit.query.search.RecordSearch`.

    Thread-safe. Opens what it needs on first use, and anew after a fork.

    :param deadline: seconds that a page may take
    """

    def __init__(self, store: Store, *, deadline: float = PAGE_SECONDS) -> None:
        self._store = store
        self._seconds = deadline
        self._folder = archive_folder(store)
        self._shared = _Shared(store)
        self._slots = Slots(store.path.with_name(store.path.name + ".searching"))

    def with_deadline(self, seconds: float) -> Search:
        """The same search, on the same engine, for whoever can wait that long."""
        other: Search = object.__new__(Search)
        other.__dict__.update(self.__dict__, _seconds=seconds)
        return other

    def close(self) -> None:
        """Let go of threads, and of all that is remembered; it opens again on use."""
        parts = self._shared.parts
        parts.engine.close()
        parts.totals.forget()

    def tables(self) -> list[str]:
        """The tables of unsealed records that this process holds, by name."""
        return self._shared.parts.live.held()

    def page(
        self, query: Query, window: Window, *, cursor: str | None = None, limit: int = 50
    ) -> Page:
        """See :meth:`RecordSearch.page`."""
        after = None if cursor is None else Cursor.parse(cursor)

        def work(task: Task) -> Page:
            keys = first_keys(task.reader, task.plan, task.sources, after, limit=limit)
            found = read_records(task.reader, keys.found, task.sources)
            return Page(
                self._named(found),
                next=_next(keys),
                partial=keys.stopped,
                reached=keys.reached.timestamp
                if keys.reached is not None and keys.reached.timestamp < FAR
                else None,
                missing=tuple(task.reader.missing.values()),
            )

        return self._run(lambda connection: plan(query, window, connection), work)

    def matches(self, query: Query, window: Window) -> StoredMatches:
        """See :meth:`RecordSearch.matches`."""
        parts = self._shared.parts
        with self._store.read() as connection:
            wanted = plan(query, window, connection)
            seen = parts.index.snapshot(connection)
            sources = parts.index.candidates(connection, seen, wanted)
        shares = Shares(self._folder, seen.filtered, wanted.facts)
        sources = newest_first(shares.of(_within_fences(parts.fences, sources, wanted)))
        return StoredMatches(self._store, self._folder, wanted, sources, self._reader)

    @contextmanager
    def _reader(self) -> Iterator[Reader]:
        """Reads the journal in a place among the searches, for as short as that takes."""
        with self._slots.held(API_SECONDS):
            parts = self._shared.parts
            deadline, unnarrowed = Deadline(PAGE_SECONDS), Shares(self._folder, {}, ANYTHING)
            yield Reader(self._store, parts.engine, parts.live, self._folder, deadline, unnarrowed)

    def record(self, record_id: str) -> Record | None:
        """See :meth:`RecordSearch.record`."""
        here = lookups.unsealed(self._store, record_id)
        found = (
            [here]
            if here is not None
            else self._run(
                lambda _: lookups.plan_for("id", record_id),
                lambda task: lookups.sealed(
                    task.reader, task.plan, task.seen, task.sources, self._shared.parts.fences
                ),
            )
        )
        return self._named(found)[0] if found else None

    def of_request(self, request_id: str, *, limit: int = 100) -> Sequence[Record]:
        """See :meth:`RecordSearch.of_request`."""
        return self._run(
            lambda _: lookups.plan_for("request_id", request_id),
            lambda task: self._named(
                lookups.of_request(task.reader, task.plan, task.sources, limit)
            ),
        )

    def neighbours(
        self, record: Record, *, limit: int = 5
    ) -> tuple[Sequence[Record], Sequence[Record]]:
        """See :meth:`RecordSearch.neighbours`."""
        place = lookups.place_of(record)

        def work(task: Task) -> tuple[list[Record], list[Record]]:
            before, after = lookups.around(task.reader, task.plan, task.sources, place, limit)
            return self._named(before), self._named(after)

        return self._run(lambda _: EVERYTHING, work)

    def positions(self) -> dict[str, int]:
        """See :meth:`RecordSearch.positions`."""
        return tail.positions(self._store)

    def after(
        self, positions: Mapping[str, int], query: Query, *, limit: int = 200
    ) -> tuple[Sequence[Record], dict[str, int]]:
        """See :meth:`RecordSearch.after`."""

        def work(task: Task) -> tuple[list[Record], dict[str, int]]:
            keys, reached = tail.newer(
                task.reader, task.plan, task.seen, task.sources, positions, limit=limit
            )
            return self._named(read_records(task.reader, sorted(keys), task.sources)), reached

        if all(self.positions().get(name, 0) <= place for name, place in positions.items()):
            return [], dict(positions)
        return self._run(lambda connection: plan(query, Window(), connection), work)

    def count(self, query: Query, window: Window) -> tuple[int, bool]:
        """See :meth:`RecordSearch.count`."""
        return self._count(query, window, counts.count)

    def histogram(self, query: Query, window: Window, *, bars: int = 60) -> Histogram:
        """See :meth:`RecordSearch.histogram`."""
        return self._count(query, window, partial(counts.histogram, bars=bars))

    def facet(
        self, query: Query, window: Window, field: str, *, limit: int = 10, prefix: str = ""
    ) -> Facet:
        """See :meth:`RecordSearch.facet`."""
        facets.check_field(field)
        counted = partial(facets.facet, name=field, limit=limit, prefix=prefix)
        return self._count(query, window, counted)

    def percentiles(
        self, query: Query, window: Window, shares: Sequence[float] = (0.5, 0.95, 0.99)
    ) -> Percentiles:
        """See :meth:`RecordSearch.percentiles`."""
        return self._count(query, window, partial(facets.percentiles, shares=shares))

    def _count(self, query: Query, window: Window, count: Callable[[Counting], T]) -> T:
        return self._run(
            lambda connection: plan(query, window, connection),
            lambda task: count(
                Counting(task.reader, task.plan, task.sources, self._shared.parts.totals)
            ),
        )

    def _run(self, planned: Callable[[Connection], Plan], work: Callable[[Task], T]) -> T:
        """Do a search in a place of its own; begin again when what it reads was moved meanwhile."""
        deadline = Deadline(self._seconds)
        with self._slots.held(min(self._seconds * _WAIT_SHARE, _WAIT_SECONDS)):
            parts = self._shared.parts
            for _ in range(_ATTEMPTS):
                with self._store.read() as connection:
                    wanted = planned(connection)
                    seen = parts.index.snapshot(connection)
                    sources = parts.index.candidates(connection, seen, wanted)
                # Outside of the database: see Engine for why.
                parts.live.forget_sealed(seen.sealed_through)
                sources = _within_fences(parts.fences, sources, wanted)
                shares = Shares(self._folder, seen.filtered, wanted.facts)
                reader = Reader(
                    self._store, parts.engine, parts.live, self._folder, deadline, shares
                )
                try:
                    return work(Task(reader, wanted, seen, sources))
                except Moved:
                    continue
        raise ServerFault(
            "search_disturbed",
            "Records were moved again and again while they were searched. Try again.",
            status=503,
        )

    def _named(self, records: Sequence[Record]) -> list[Record]:
        """With the names of the people in them."""
        with self._store.read() as connection:
            return with_names(connection, records)


def _within_fences(fences: Fences, sources: Sequence[Source], wanted: Plan) -> list[Source]:
    sealed = [source for source in sources if isinstance(source, Segment)]
    left = fences.may_hold(sealed, wanted.facts.needles)
    return [*(source for source in sources if isinstance(source, Piece)), *left]


def _next(keys: Keys) -> str | None:
    if keys.reached is not None:
        return str(keys.reached)
    return str(keys.found[-1]) if keys.more else None

"""What any search over records answers. The viewer, the API and the command line ask here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from strongroom.audit.query.language import Query
from strongroom.audit.query.search.sources import Source

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time, in microseconds since 1970-01-01 UTC; open where it is None.

    ``start`` is inside, ``end`` is not.
    """

    start: int | None = None
    end: int | None = None

    def within(self, start: int | None, end: int | None) -> Window:
        """What is in this span and in that one."""
        starts = [moment for moment in (self.start, start) if moment is not None]
        ends = [moment for moment in (self.end, end) if moment is not None]
        return Window(max(starts, default=None), min(ends, default=None))

    def touches(self, first: int, last: int) -> bool:
        """Whether some moment from first to last, both inside, is in it."""
        return (self.start is None or last >= self.start) and (self.end is None or first < self.end)

    def covers(self, first: int, last: int) -> bool:
        """Whether every moment from first to last, both inside, is in it."""
        return (self.start is None or first >= self.start) and (self.end is None or last < self.end)


@dataclass(frozen=True, slots=True)
class Page:
    """Records, newest first.

    :param next: cursor of the page after this one; None on the last
    :param partial: the deadline came before everything was searched; what was found is shown, and
        ``next`` goes on where the search stopped
    :param reached: of a partial page: everything after this moment was searched, in microseconds
        since 1970-01-01 UTC; None where not even that can be said
    :param missing: sealed records that cannot be read, in words; the page is without them
    """

    records: Sequence[Record]
    next: str | None = None
    partial: bool = False
    reached: int | None = None
    missing: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a histogram.

    :param start: microseconds since 1970-01-01 UTC
    :param levels: how many records, by level
    """

    start: int
    levels: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Records by time and level. Bars without records are left out.

    :param width: of a bar, in microseconds
    :param partial: the deadline came first: the counts are too low
    """

    width: int
    bars: Sequence[Bar]
    partial: bool = False
    missing: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Facet:
    """The most frequent values of a field, and how many records have each.

    :param values: as a query has them, in text
    :param partial: the deadline came first: the counts are too low
    """

    field: str
    values: Sequence[tuple[str, int]]
    partial: bool = False
    missing: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Percentiles:
    """How long things took, by event: milliseconds at each of the shares asked for, within 1 %."""

    shares: Sequence[float]
    events: Mapping[str, Sequence[float]]
    counts: Mapping[str, int] = field(default_factory=dict)
    partial: bool = False
    missing: Sequence[str] = ()


Found = tuple[int, Record]
"""Where a record stands in time, in microseconds since 1970-01-01 UTC, and the record."""


class Matches(AbstractContextManager["Matches"], Protocol):
    """All records that match, as they were at one moment. For one thread.

    What is appended later is not among them. What is forgotten or pruned before it is read is not
    given away either: the former comes without what was forgotten, the latter is missing.
    """

    @property
    def sources(self) -> Sequence[Source]:
        """Where they are, those with the newest records first."""

    @property
    def missing(self) -> Sequence[str]:
        """Records that could not be read so far, in words."""

    @property
    def searched(self) -> int:
        """How many records are looked at, whether they match or not."""

    def of(self, source: Source) -> Iterator[list[Found]]:
        """The matches of a source in no order, in batches, with the names of the people in them.

        :raises ServerFault: ``search_busy``, ``search_disturbed`` or ``search_too_large``
        """


class RecordSearch(Protocol):
    """Reads records; sees everything that was committed before the call. Thread-safe.

    Everything here may raise :class:`~strongroom.errors.ServerFault`: ``search_busy`` when too many
    searches run already, ``search_too_large`` when one needs more memory than it may have; both with
    status 503.
    """

    def with_deadline(self, seconds: float) -> RecordSearch:
        """The same search, for whoever can wait that long."""

    def page(
        self, query: Query, window: Window, *, cursor: str | None = None, limit: int = 50
    ) -> Page:
        """One page of the records that match, newest first.

        :raises Refused: when the cursor is not one of ours
        """

    def matches(self, query: Query, window: Window) -> Matches:
        """All records that match and were committed by now, to be read source by source.

        It neither takes a place among the searches nor has a deadline: whoever reads them all bounds
        how many do so.
        """

    def record(self, record_id: str) -> Record | None:
        """The record of that id."""

    def of_request(self, request_id: str, *, limit: int = 100) -> Sequence[Record]:
        """All records of one request, oldest first."""

    def neighbours(
        self, record: Record, *, limit: int = 5
    ) -> tuple[Sequence[Record], Sequence[Record]]:
        """What came before a record and what came after it, in time, each oldest first."""

    def after(
        self, positions: Mapping[str, int], query: Query, *, limit: int = 200
    ) -> tuple[Sequence[Record], dict[str, int]]:
        """What came after these sequence numbers, oldest first, and the positions to go on from.

        :param positions: next sequence number by stream; see :meth:`positions`
        """

    def positions(self) -> dict[str, int]:
        """The next sequence number of each stream."""

    def count(self, query: Query, window: Window) -> tuple[int, bool]:
        """How many records match, and whether that is all (else the deadline came first)."""

    def histogram(self, query: Query, window: Window, *, bars: int = 60) -> Histogram:
        """The records that match, by time and level.

        :param bars: at most so many; their width is a round one
        """

    def facet(
        self, query: Query, window: Window, field: str, *, limit: int = 10, prefix: str = ""
    ) -> Facet:
        """The most frequent values of a field in the records that match.

        :param prefix: only values that begin so, in any case of letters: for completion
        :raises Refused: for a field that has no values to count
        """

    def percentiles(
        self, query: Query, window: Window, shares: Sequence[float] = (0.5, 0.95, 0.99)
    ) -> Percentiles:
        """How long the records that match took, by event."""

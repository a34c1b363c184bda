"""Counts: of records, by time, by value. From roll-ups where they can tell, else by reading."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from strongroom.audit.archive.index import Segment
from strongroom.audit.archive.rollups import HOURS, MINUTES, UNIT, Times
from strongroom.audit.query.search.engine import Row, TimeUp
from strongroom.audit.query.search.live import ANY_TIME
from strongroom.audit.query.search.plan import Plan
from strongroom.audit.query.search.protocol import Bar, Histogram
from strongroom.audit.query.search.reader import LEAST_SECONDS, Reader, Select
from strongroom.audit.query.search.sources import Source, newest_first
from strongroom.audit.query.search.totals import Cells, Totals, split

MOST_COUNTED: Final = 2**20
"""Sealed records that are counted at a time. The deadline is looked at between two such times."""

_LEAST_SECONDS: Final = 0.1
"""To read a batch that is not the first, however near the deadline is."""


@dataclass(frozen=True, slots=True)
class Counting:
    """What counting needs of a search."""

    reader: Reader
    plan: Plan
    sources: Sequence[Source]
    totals: Totals

    def covered(self, segment: Segment) -> bool:
        """Whether the window leaves out none of its records."""
        window = self.plan.window_of(segment.stream)
        return window.covers(segment.min_timestamp, segment.max_timestamp)

    def asks(self, *fields: str) -> bool:
        """Whether the query is about nothing but these fields, each with its exact value."""
        return self.plan.exact is not None and set(self.plan.exact) <= {"stream", *fields}

    def read(self, sources: Sequence[Source], select: Select) -> Iterator[Row]:
        """What a statement finds in all these sources, batch by batch, newest first.

        :raises TimeUp: when the deadline came first
        """
        for rows in self.batched(sources, select):
            yield from rows

    def batched(self, sources: Sequence[Source], select: Select) -> Iterator[list[Row]]:
        """The same, all rows of a batch together."""
        least = LEAST_SECONDS
        for batch in self.reader.batches(newest_first(sources), MOST_COUNTED):
            if least != LEAST_SECONDS and self.reader.deadline.passed:
                raise TimeUp
            yield list(self.reader.scan(batch, select, least=least))
            least = _LEAST_SECONDS

    def missing(self) -> tuple[str, ...]:
        """What could not be read, in words."""
        return tuple(self.reader.missing.values())


def count(counting: Counting) -> tuple[int, bool]:
    """How many records match, and whether that is all of them."""
    total, whole = 0, True
    if counting.asks():
        summed, left = split(counting.sources, counting.covered)
        total = sum(segment.rows for segment in summed)
    elif counting.asks("event", "level"):
        cells, left = _by_time(counting, HOURS)
        total = sum(cells.values())
    else:
        left = list(counting.sources)
    wanted = Select(counting.plan, "count(*) AS n", around="SELECT sum(n) FROM ({})")
    try:
        for (more,) in counting.read(left, wanted):
            total += int(more or 0)
    except TimeUp:
        whole = False
    return total, whole and not counting.reader.missing


def histogram(counting: Counting, bars: int) -> Histogram:
    """How many records match, by time and level, in bars of a round width."""
    start, end = _span(counting)
    width = width_for(end - start, bars)
    cells, whole = by_time(counting, width)
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for (bar, level), number in sorted(cells.items()):
        found[bar * width][level] = number
    told = [Bar(bar, levels) for bar, levels in found.items()]
    return Histogram(width, told, partial=not whole, missing=counting.missing())


def _span(counting: Counting) -> tuple[int, int]:
    """From the first to the last record that there may be, within the window."""
    window = counting.plan.window
    moments = [m for s in counting.sources for m in (s.min_timestamp, s.max_timestamp)]
    unknown = [source for source in counting.sources if source.max_timestamp == ANY_TIME]
    if unknown:
        columns = "epoch_us(min(timestamp)), epoch_us(max(timestamp))"
        for row in counting.reader.scan(unknown, Select(counting.plan, columns)):
            moments += [moment for moment in row if moment is not None]
    known = [moment for moment in moments if abs(moment) != ANY_TIME] or [time.time_ns() // 1_000]
    start = min(known) if window.start is None else window.start
    return start, max(start, max(known) if window.end is None else window.end - 1)


def by_time(counting: Counting, width: int) -> tuple[Cells, bool]:
    """How many records match, by the number of the bar since 1970 and the level; and whether those
    are all."""
    cells: Cells = Counter()
    left = list(counting.sources)
    if counting.asks("event", "level") and width % UNIT[MINUTES] == 0:
        kind = HOURS if width % UNIT[HOURS] == 0 else MINUTES
        found, left = _by_time(counting, kind)
        for (moment, level, _event), number in found.items():
            cells[moment // width, level] += number
    columns = f"epoch_us(timestamp) // {int(width)} AS bar, level, count(*) AS n"
    wanted = Select(counting.plan, columns, group="GROUP BY ALL")
    try:
        for bar, level, number in counting.read(left, wanted):
            cells[bar, level] += number
    except TimeUp:
        return cells, False
    return cells, True


def _by_time(counting: Counting, kind: str) -> tuple[Cells, list[Source]]:
    """From the roll-ups by time: how many records by moment, level, event; and what must be read."""
    summed, left = split(counting.sources, counting.covered)

    def add(total: Cells, packed: bytes) -> None:
        for moment, level, event, number in Times.read(kind, packed).cells():
            total[moment, level, event] += number

    cells, without = counting.totals.of(kind, summed, kind, add)
    exact = counting.plan.exact or {}
    levels, events = exact.get("level"), exact.get("event")
    if levels is not None or events is not None:
        cells = Counter(
            {
                key: number
                for key, number in cells.items()
                if (levels is None or key[1] in levels) and (events is None or key[2] in events)
            }
        )
    return cells, [*left, *without]


_SECOND: Final = 1_000_000
WIDTHS: Final = tuple(
    _SECOND * seconds
    for seconds in (
        1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
        86_400, 2 * 86_400, 7 * 86_400, 30 * 86_400, 90 * 86_400, 365 * 86_400,
    )
)  # fmt: skip
"""Widths that a bar may have."""


def width_for(span: int, bars: int) -> int:
    """The narrowest round width of which no more than so many bars make a span."""
    return next((width for width in WIDTHS if span // width + 2 <= max(bars, 3)), WIDTHS[-1])

"""Pages of records in the order of time, read from as few sources as need be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from strongroom.audit.query.cursor import Cursor
from strongroom.audit.query.search.engine import TimeUp
from strongroom.audit.query.search.plan import Plan
from strongroom.audit.query.search.reader import Reader, Select
from strongroom.audit.query.search.sources import MOST_ROWS, Source

_AFTER_ALL: Final = ("zzzzzzzz", 10**17)
"""A stream and sequence number behind all that share a moment."""

FAR: Final = 10**17
"""A moment after all others, which a cursor can still name."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The places of the records of a page, in order.

    :param more: whether there are others behind them
    :param reached: where the search stopped, when the deadline came before it was through; then the
        records on the way to there are all found, and others are left out
    """

    found: Sequence[Cursor]
    more: bool = False
    reached: Cursor | None = None
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """One of the two directions in time."""

    newest_first: bool

    def sorted(self, keys: Sequence[Cursor]) -> list[Cursor]:
        """In this order."""
        return sorted(keys, reverse=self.newest_first)

    def edge(self, source: Source) -> int:
        """The moment of a source that comes first."""
        return source.max_timestamp if self.newest_first else source.min_timestamp

    def arranged(self, sources: Sequence[Source]) -> list[Source]:
        """The sources by the record that comes first in each."""
        return sorted(sources, key=self.edge, reverse=self.newest_first)

    def is_before(self, one: int, other: int) -> bool:
        """Whether one moment comes before the other, in this order."""
        return one > other if self.newest_first else one < other

    def around(self, limit: int) -> str:
        """The statement that gives the first keys of the union at ``{}``."""
        word = "DESC" if self.newest_first else "ASC"
        return (
            "SELECT epoch_us(timestamp), stream, seq FROM (SELECT * FROM ({}) "  # noqa: S608  # our own words
            f"ORDER BY timestamp {word}, stream {word}, seq {word} LIMIT {int(limit)})"
        )

    def behind(self, place: Cursor) -> tuple[str, list[Any]]:
        """The condition for what comes behind a place."""
        sign = "<" if self.newest_first else ">"
        sql = (
            f"timestamp {sign}= make_timestamptz(?) AND (timestamp {sign} make_timestamptz(?) "
            f"OR stream {sign} ? OR (stream = ? AND seq {sign} ?))"
        )
        return sql, [place.timestamp, place.timestamp, place.stream, place.stream, place.seq]


NEWEST_FIRST: Final = Order(newest_first=True)
OLDEST_FIRST: Final = Order(newest_first=False)


def first_keys(
    reader: Reader,
    plan: Plan,
    sources: Sequence[Source],
    after: Cursor | None,
    *,
    limit: int,
    order: Order = NEWEST_FIRST,
) -> Keys:
    """The places of the records that come first behind a cursor, at most ``limit`` of them."""
    found: list[Cursor] = []
    left = _from(order.arranged(sources), after, order)
    begun = False
    for batch in reader.batches(left, first=MOST_ROWS if plan.is_needle else None):
        edge = order.edge(batch[0])  # nothing that is unread, and may match, lies before it
        if len(found) > limit and order.is_before(found[limit].timestamp, edge):
            return Keys(found[:limit], more=True)
        if reader.deadline.passed and begun and _is_progress(edge, after, order):
            return _stopped(found, edge, limit, order)
        try:
            keys = reader.scan(batch, _select(plan, order, after, found, limit))
            found = order.sorted([*found, *(Cursor(*key) for key in keys)])[: limit + 1]
        except TimeUp:
            return _stopped(found, edge, limit, order)
        begun = True
    return Keys(found[:limit], more=len(found) > limit)


def _from(sources: Sequence[Source], after: Cursor | None, order: Order) -> list[Source]:
    """Those that have something behind the cursor."""
    if after is None:
        return list(sources)
    last: Callable[[Source], int] = (
        (lambda source: source.min_timestamp)
        if order.newest_first
        else (lambda source: source.max_timestamp)
    )
    return [s for s in sources if not order.is_before(last(s), after.timestamp)]


def _is_progress(edge: int, after: Cursor | None, order: Order) -> bool:
    """Whether going on from there means not to begin again."""
    return after is None or order.is_before(after.timestamp, edge)


def _stopped(found: Sequence[Cursor], edge: int, limit: int, order: Order) -> Keys:
    """What is certain: the records that lie before everything unread."""
    certain = [key for key in found if order.is_before(key.timestamp, edge)][:limit]
    if len(certain) == limit:
        return Keys(certain, more=True)
    place = Cursor(min(edge, FAR), *_AFTER_ALL) if order.newest_first else Cursor(edge, "", -1)
    return Keys(certain, more=True, reached=place, stopped=True)


def _select(
    plan: Plan, order: Order, after: Cursor | None, found: Sequence[Cursor], limit: int
) -> Select:
    also, parameters = order.behind(after) if after is not None else ("true", [])
    if len(found) > limit:
        also += f" AND timestamp {'>=' if order.newest_first else '<='} make_timestamptz(?)"
        parameters = [*parameters, found[limit].timestamp]
    columns = "timestamp, stream, seq"
    return Select(plan, columns, also, parameters, around=order.around(limit + 1))

"""The most frequent values of a field, and how long things took."""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import orjson

from strongroom.audit.archive.columns import COLUMNS, MORE_TEXT, REST, Kind, address_text
from strongroom.audit.archive.index import Segment
from strongroom.audit.archive.relation import read_as
from strongroom.audit.archive.rollups import (
    COUNTED,
    DURATIONS,
    GROWTH,
    NO_TIME,
    Spread,
    Values,
)
from strongroom.audit.query.search.counts import Counting
from strongroom.audit.query.search.engine import TimeUp
from strongroom.audit.query.search.protocol import Facet, Percentiles
from strongroom.audit.query.search.reader import Select
from strongroom.audit.query.search.sources import Source
from strongroom.audit.query.search.tally import TOLD, Tally, as_told, shortened
from strongroom.audit.query.search.totals import Cells, split
from strongroom.errors import Refused

_FIELDS: Final = frozenset(
    name
    for name, column in COLUMNS.items()
    if column.kind in (Kind.TEXT, Kind.UUID, Kind.ADDRESS, Kind.INTEGER, Kind.BOOLEAN)
) - {MORE_TEXT, REST, "id"}


def check_field(field: str) -> None:
    """Refuse a field that has no values to count.

    :raises Refused: ``field_not_counted``
    """
    if field not in _FIELDS:
        raise Refused("field_not_counted", f"Values of {field!a} cannot be counted.")


def facet(counting: Counting, name: str, limit: int, prefix: str) -> Facet:
    """The most frequent values of a field in the records that match."""
    select = _select(counting, name)
    sealed, left = split(counting.sources, counting.covered) if counting.asks() else ([], None)
    others = _tallied(counting, counting.sources if left is None else left, select)
    values, whole = list[tuple[str, int]](), False
    for tally in _of_sealed(counting, name, sealed, select):
        values, whole = tally.joined(others).first(limit, prefix)
        if whole:
            break
    return Facet(name, values, partial=not whole, missing=counting.missing())


def _of_sealed(
    counting: Counting, name: str, segments: Sequence[Segment], select: Select
) -> Iterator[Tally]:
    """What whole segments have: by their roll-ups, if they can tell; by the same added up anew, since
    each time that some are added to others a little is left out; and by reading all."""
    if name in COUNTED:
        for anew in (False, True):
            tally, without = _told_by_rollups(counting, name, segments, anew=anew)
            yield tally.joined(_sealed(counting, name, without, select))
            if not tally.cut:
                return
    yield _sealed(counting, name, segments, select)


def _told_by_rollups(
    counting: Counting, name: str, segments: Sequence[Segment], *, anew: bool
) -> tuple[Tally, Sequence[Segment]]:
    """What the roll-ups tell, and the segments that have none."""
    key, wanted = (name, "told"), frozenset(segments)
    known, more = counting.totals.nearest(key, wanted) if not anew else (None, wanted)
    tally, without = known or (Tally(), [])
    if more:
        packed, others = counting.totals.packed(more, name)
        tally = tally.joined(_unpacked(name, list(packed.values())))
        if len(tally.total) > TOLD:
            tally = shortened(tally)
        without = [*without, *others]
        counting.totals.keep(key, wanted, (tally, without), len(tally.total))
    return tally, without


def _unpacked(name: str, packed: Sequence[bytes]) -> Tally:
    """Roll-ups added up."""
    is_address = COLUMNS[name].kind is Kind.ADDRESS
    total, most, told = Counter[Any](), 0, None
    for one in packed:
        found = Values.read(one)
        found.add_to(total)
        if found.most:
            most += found.most
            told = told.intersection(found.values) if told is not None else set(found.values)
    texts = {value: _address(str(value)) if is_address else as_told(value) for value in total}
    return Tally(
        Counter({texts[value]: number for value, number in total.items()}),
        [] if told is None else [(most, frozenset(texts[value] for value in told))],
    )


def _sealed(counting: Counting, name: str, segments: Sequence[Segment], select: Select) -> Tally:
    """What whole segments have, each counted once for as long as it stays as it is."""
    key, wanted = (name, "read"), frozenset(segments)
    known, more = counting.totals.nearest(key, wanted)
    tally: Tally = known or Tally()
    if more:
        tally = tally.joined(_tallied(counting, list(more), select))
        if tally.whole and not counting.reader.missing:
            if len(tally.total) > TOLD:
                tally = shortened(tally)
            counting.totals.keep(key, wanted, tally, len(tally.total))
    return tally


def _tallied(counting: Counting, sources: Sequence[Source], select: Select) -> Tally:
    tally = Tally()
    try:
        for rows in counting.batched(sources, select):
            tally.add(rows)
    except TimeUp:
        tally.whole = False
    return tally


def _select(counting: Counting, name: str) -> Select:
    """One pass. Values that stand in no column of their own are taken from ``rest``."""
    rest = f"json_extract_string({REST}, '$.{name}')"
    if COLUMNS[name].kind is Kind.ADDRESS:
        plain, either = f'"{name}"', f'coalesce("{name}", encode({rest}))'
    else:
        plain, either = read_as(name), f"coalesce({read_as(name)}::VARCHAR, {rest})"
    counted, there = " AS value, count(*) AS n", f'"{name}" IS NOT NULL'
    return Select(
        counting.plan,
        plain + counted,
        also=there,
        group="GROUP BY 1",
        around=f"SELECT value, sum(n) AS n FROM ({{}}) GROUP BY 1 ORDER BY 2 DESC LIMIT {TOLD}",  # noqa: S608  # a number
        with_rest=(either + counted, f"({there} OR {rest} IS NOT NULL)"),
    )


@lru_cache(maxsize=65_536)
def _address(digits: str) -> str:
    """An address by its 32 hexadecimal digits: every segment has mostly the same."""
    return address_text(bytes.fromhex(digits))


def percentiles(counting: Counting, shares: Sequence[float]) -> Percentiles:
    """How long the records that match took, by event."""
    spread, whole, left = Spread(), True, counting.sources
    if counting.asks("event"):
        summed, rest = split(counting.sources, counting.covered)
        cells, without = counting.totals.of(DURATIONS, summed, DURATIONS, _add_durations)
        events = (counting.plan.exact or {}).get("event")
        for (event, bucket), number in cells.items():
            if events is None or event in events:
                spread.buckets.setdefault(event, Counter())[bucket] += number
        left = [*rest, *without]
    bucket = (
        f"CASE WHEN duration_ms > 0 THEN ceil(ln(duration_ms) / {math.log(GROWTH)!r})::INTEGER "
        f"ELSE {NO_TIME} END"
    )
    wanted = Select(
        counting.plan,
        f"event, {bucket} AS bucket, count(*) AS n",
        also="duration_ms IS NOT NULL",
        group="GROUP BY ALL",
    )
    try:
        for event, place, number in counting.read(left, wanted):
            spread.buckets.setdefault(event or "", Counter())[place] += number
    except TimeUp:
        whole = False
    events_found = sorted(spread.buckets)
    return Percentiles(
        shares=tuple(shares),
        events={e: [spread.quantile(e, share) or 0.0 for share in shares] for e in events_found},
        counts={e: spread.buckets[e].total() for e in events_found},
        partial=not whole,
        missing=counting.missing(),
    )


def _add_durations(total: Cells, packed: bytes) -> None:
    for event, (places, numbers) in orjson.loads(zlib.decompress(packed)).items():
        for place, number in zip(places, numbers, strict=True):
            total[event, place] += number

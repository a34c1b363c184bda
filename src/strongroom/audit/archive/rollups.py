"""Roll-ups: what a segment's records count up to, so that histograms and facets need not read them.

Each is JSON, compressed with zlib. Which there are:

- ``minutes`` and ``hours``: records by time, level and event (:class:`Times`);
- the name of a field: how many records have each value (:class:`Values`), or each of the most frequent
  ones. It is missing where a segment has a value that does not fit the field's column: then the records
  must be read. Those in :data:`FORGETTABLE` are removed or made anew when something is forgotten;
- ``durations``: the spread of ``duration_ms`` by event (:class:`Spread`).
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import duckdb
import orjson

from strongroom.audit.archive.columns import REST
from strongroom.audit.archive.relation import read_as

MINUTES: Final = "minutes"
HOURS: Final = "hours"
DURATIONS: Final = "durations"

UNIT: Final[Mapping[str, int]] = {MINUTES: 60_000_000, HOURS: 3_600_000_000}
"""Microseconds that a roll-up by time counts together; they begin at whole ones since 1970."""

COUNTED: Final = (
    "level", "event", "outcome", "reason", "status", "method", "content_type", "detected_type",
    "error_type", "role", "permission", "missing", "app", "version", "host", "aborted",
    "user_id", "ip_address", "filename", "folder",
)  # fmt: skip
"""Fields whose values are counted."""

FORGETTABLE: Final = frozenset({"ip_address", "filename", "folder"})
"""Roll-ups of what can be forgotten."""

MAX_VALUES: Final = 2_048
"""Values of a field in a segment; where it has more, these are the most frequent. Those of all segments
together nearly always tell which are so in the archive, and if not, that they do not."""

GROWTH: Final = 1.01 / 0.99
"""From one bucket of durations to the next: the middle of a bucket is within 1 % of all in it."""

NO_TIME: Final = -10_000
"""The bucket of durations that are zero, or less."""

Value: TypeAlias = str | int | bool


def build_rollups(
    connection: duckdb.DuckDBPyConnection, relation: str, *, has_rest: bool
) -> dict[str, bytes]:
    """All roll-ups of a segment, by kind.

    :param relation: the segment in SQL: a table, or ``'file.parquet'``
    """
    found = {kind: _pack(_times(connection, relation, kind)) for kind in UNIT}
    for name in COUNTED:
        counted = _counted(connection, relation, name, has_rest=has_rest)
        if counted is not None:
            found[name] = _pack(counted)
    if not has_rest or not _stands_in_rest(connection, relation, "duration_ms"):
        found[DURATIONS] = _pack(_durations(connection, relation))
    return found


def _pack(content: Any) -> bytes:
    return zlib.compress(orjson.dumps(content), 6)


def _times(connection: duckdb.DuckDBPyConnection, relation: str, kind: str) -> Any:
    rows = connection.execute(
        f"SELECT epoch_us(timestamp) // {UNIT[kind]} AS unit, level, event, count(*) "  # noqa: S608  # our own names
        f"FROM {relation} GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    keys = sorted({(level or "", event or "") for _, level, event, _ in rows})
    number = {key: place for place, key in enumerate(keys)}
    first = rows[0][0] if rows else 0
    return {
        "first": first,
        "keys": keys,
        "units": [unit - first for unit, *_ in rows],
        "key": [number[level or "", event or ""] for _, level, event, _ in rows],
        "counts": [count for *_, count in rows],
    }


def _counted(
    connection: duckdb.DuckDBPyConnection, relation: str, name: str, *, has_rest: bool
) -> Any:
    if has_rest and _stands_in_rest(connection, relation, name):
        return None
    rows = connection.execute(
        f"SELECT {read_as(name)} AS value, count(*) AS count FROM {relation} "  # noqa: S608  # our own names
        f'WHERE "{name}" IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MAX_VALUES + 1}'
    ).fetchall()
    told = rows[:MAX_VALUES]
    values = [value.hex() if isinstance(value, bytes) else value for value, _ in told]
    counts = [count for _, count in told]
    return {"values": values, "counts": counts, "most": rows[-1][1] if rows != told else 0}


def _stands_in_rest(connection: duckdb.DuckDBPyConnection, relation: str, name: str) -> bool:
    wanted = f"SELECT 1 FROM {relation} WHERE json_exists({REST}, '$.{name}') LIMIT 1"  # noqa: S608  # our own names
    return connection.execute(wanted).fetchone() is not None


def _durations(connection: duckdb.DuckDBPyConnection, relation: str) -> Any:
    bucket = f"ceil(ln(duration_ms) / {math.log(GROWTH)!r})::INTEGER"
    rows = connection.execute(
        f"SELECT event, CASE WHEN duration_ms > 0 THEN {bucket} ELSE {NO_TIME} END AS bucket, "  # noqa: S608  # our own names
        f"count(*) FROM {relation} WHERE duration_ms IS NOT NULL GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    spreads: dict[str, list[list[int]]] = {}
    for event, place, count in rows:
        buckets, counts = spreads.setdefault(event or "", [[], []])
        buckets.append(place)
        counts.append(count)
    return spreads


@dataclass(frozen=True, slots=True)
class Times:
    """Records of a segment by time, level and event.

    :param unit: microseconds that are counted together
    """

    unit: int
    first: int
    keys: tuple[tuple[str, str], ...]
    units: list[int]
    key: list[int]
    counts: list[int]

    @classmethod
    def read(cls, kind: str, packed: bytes) -> Times:
        """Read a roll-up of this kind, :data:`MINUTES` or :data:`HOURS`."""
        told = orjson.loads(zlib.decompress(packed))
        keys = tuple((level, event) for level, event in told["keys"])
        return cls(UNIT[kind], told["first"], keys, told["units"], told["key"], told["counts"])

    def cells(self) -> Iterator[tuple[int, str, str, int]]:
        """When, in microseconds since 1970 at the unit's beginning; level; event; how many."""
        for unit, key, count in zip(self.units, self.key, self.counts, strict=True):
            level, event = self.keys[key]
            yield (self.first + unit) * self.unit, level, event, count


@dataclass(frozen=True, slots=True)
class Values:
    """How many records of a segment have each value of a field, the most frequent first.

    :param values: as they stand in the column; addresses as 32 hexadecimal digits
    :param most: how many records each value has, at most, that is not told; 0 where all are
    """

    values: list[Value]
    counts: list[int]
    most: int = 0

    @classmethod
    def read(cls, packed: bytes) -> Values:
        """Read a roll-up of a field."""
        told = orjson.loads(zlib.decompress(packed))
        return cls(told["values"], told["counts"], told.get("most", 0))

    def add_to(self, total: Counter[Value]) -> None:
        """Add these to what other segments have."""
        for value, count in zip(self.values, self.counts, strict=True):
            total[value] += count


@dataclass(slots=True)
class Spread:
    """How durations are spread, by event: counts in buckets that grow by :data:`GROWTH`.

    Idea: DDSketch (Masson, Rim, Lee, 2019). Any two can be added.
    """

    buckets: dict[str, Counter[int]] = field(default_factory=dict)

    def add(self, packed: bytes) -> None:
        """Add a segment's roll-up."""
        for event, (places, counts) in orjson.loads(zlib.decompress(packed)).items():
            mine = self.buckets.setdefault(event, Counter())
            for place, count in zip(places, counts, strict=True):
                mine[place] += count

    def add_value(self, event: str, milliseconds: float, count: int = 1) -> None:
        """Add one duration."""
        self.buckets.setdefault(event, Counter())[bucket_of(milliseconds)] += count

    def quantile(self, event: str, share: float) -> float | None:
        """The duration, within 1 %, that this share of the event's records took at most.

        :param share: from 0 to 1
        """
        mine = self.buckets.get(event)
        if not mine:
            return None
        rank = max(1, math.ceil(share * mine.total()))
        for place in sorted(mine):
            rank -= mine[place]
            if rank <= 0:
                return value_of(place)
        raise AssertionError("a share is at most 1")


def bucket_of(milliseconds: float) -> int:
    """The bucket that a duration is counted in."""
    return math.ceil(math.log(milliseconds) / math.log(GROWTH)) if milliseconds > 0 else NO_TIME


def value_of(bucket: int) -> float:
    """The duration that stands for all of a bucket."""
    if bucket == NO_TIME:
        return 0.0
    return float(2 * GROWTH**bucket / (GROWTH + 1))

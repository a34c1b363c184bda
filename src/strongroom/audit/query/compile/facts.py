"""What every match of a query has in common, so that a search can leave out what has it not.

All of it may be less than could be known, and never more than is true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

STREAMS: Final = frozenset({"audit", "ops", "imported"})

PRUNED_BY: Final = ("level", "event", "outcome", "status", "reason", "method")
"""Fields of few values: which of them a segment has is kept in memory."""

MAX_VALUES: Final = 100
"""Values of one needle; more are no needle."""


class Bounds(NamedTuple):
    """A span of time in microseconds since 1970-01-01 UTC; open where it is None.

    ``start`` is inside, ``end`` is not.
    """

    start: int | None = None
    end: int | None = None

    def both(self, other: Bounds) -> Bounds:
        """Where the two overlap."""
        starts = [start for start in (self.start, other.start) if start is not None]
        ends = [end for end in (self.end, other.end) if end is not None]
        return Bounds(max(starts, default=None), min(ends, default=None))

    def either(self, other: Bounds) -> Bounds:
        """The shortest span that has both in it."""
        starts = [bounds.start for bounds in (self, other) if bounds.start is not None]
        ends = [bounds.end for bounds in (self, other) if bounds.end is not None]
        return Bounds(
            min(starts) if len(starts) == 2 else None, max(ends) if len(ends) == 2 else None
        )


ALWAYS: Final = Bounds()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of every match.

    :param needles: fields, and the values, in text, of which each match has one
    :param bounds: when each match was
    :param own_bounds: the same of the streams ``audit`` and ``ops``, where ids of requests are ours and
        so tell their time
    :param texts: words, composed and in small letters, each of which some text of each match has
    :param parts: texts in small letters, each of which is part of some text of each match that is no hash
    :param streams: that a match can be in; none where nothing matches
    """

    needles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    bounds: Bounds = ALWAYS
    own_bounds: Bounds = ALWAYS
    texts: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    streams: frozenset[str] = STREAMS

    def bounds_of(self, stream: str) -> Bounds:
        """When each match in this stream was."""
        return self.bounds if stream == "imported" else self.bounds.both(self.own_bounds)

    def both(self, other: Facts) -> Facts:
        """Of what matches the one and the other."""
        needles = dict(self.needles)
        for name, values in other.needles.items():
            needles[name] = needles[name] & values if name in needles else values
        streams = self.streams & other.streams
        if not all(needles.values()):
            streams = frozenset()
        return Facts(
            needles,
            self.bounds.both(other.bounds),
            self.own_bounds.both(other.own_bounds),
            self.texts | other.texts,
            self.parts | other.parts,
            streams,
        )

    def either(self, other: Facts) -> Facts:
        """Of what matches the one or the other."""
        if not self.streams:
            return other
        if not other.streams:
            return self
        shared = {
            name: values | other.needles[name]
            for name, values in self.needles.items()
            if name in other.needles
        }
        return Facts(
            {name: values for name, values in shared.items() if len(values) <= MAX_VALUES},
            self.bounds.either(other.bounds),
            self.bounds_of("audit").either(other.bounds_of("audit")),
            self.texts & other.texts,
            self.parts & other.parts,
            self.streams | other.streams,
        )

    def within(self, streams: frozenset[str]) -> Facts:
        """The same, in these streams only."""
        return replace(self, streams=self.streams & streams)


ANYTHING: Final = Facts()
NOTHING: Final = Facts(streams=frozenset())

"""Roll-ups of many segments added up, and kept while the archive stays as it is."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select

from strongroom.audit.archive.index import Segment
from strongroom.audit.archive.tables import segment, segment_rollup
from strongroom.audit.query.search.live import Moved
from strongroom.audit.query.search.sources import Source
from strongroom.store import Store

MAX_KEPT: Final = 64
"""Sums kept."""

MAX_VALUES: Final = 20_000
"""Values of a sum that is kept."""

Cells = Counter[Any]

_FEW: Final = 16
"""Segments that are asked for one by one."""


@dataclass(slots=True)
class Totals:
    """The sums that one process keeps, of segments, which never change. Thread-safe."""

    store: Store
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _kept: dict[tuple[Any, frozenset[Segment]], Any] = field(default_factory=dict)

    def forget(self) -> None:
        """Let go of all of them."""
        with self._guard:
            self._kept.clear()

    def retain(self, there: Collection[Segment]) -> None:
        """Let go of the sums with a segment that is not there any more: it was pruned, or something in
        it forgotten. What was sealed since is added to the others when it is asked for."""
        with self._guard:
            self._kept = {key: s for key, s in self._kept.items() if key[1].issubset(there)}

    def of(
        self,
        name: Any,
        segments: Collection[Segment],
        kind: str,
        add: Callable[[Cells, bytes], None],
    ) -> tuple[Cells, list[Segment]]:
        """The sum of these segments' roll-ups of a kind, and the segments that have none.

        :param name: of what is summed up, as ``add`` does it
        :param add: adds one packed roll-up to the sum
        :raises Moved: when one of the segments is not there any more
        """
        wanted = frozenset(segments)
        known, more = self.nearest(name, wanted)
        cells: Cells = known[0] if known is not None else Counter()
        left: list[Segment] = known[1] if known is not None else []
        if more:
            cells = Counter(cells)
            packed, without = self.packed(more, kind)
            for one in packed.values():
                add(cells, one)
            left = [*left, *without]
            self.keep(name, wanted, (cells, left), len(cells))
        return cells, left

    def nearest(self, name: Any, wanted: frozenset[Segment]) -> tuple[Any, frozenset[Segment]]:
        """The sum that is kept of most of these segments and of no others, None where none is; and the
        segments that it lacks."""
        with self._guard:
            fitting = [
                (key[1], known)
                for key, known in self._kept.items()
                if key[0] == name and key[1] <= wanted
            ]
        if not fitting:
            return None, wanted
        covered, known = max(fitting, key=lambda one: len(one[0]))
        return known, wanted - covered

    def keep(self, name: Any, segments: frozenset[Segment], known: Any, size: int) -> None:
        """Keep a sum, unless it is large."""
        if size > MAX_VALUES:
            return
        with self._guard:
            while len(self._kept) >= MAX_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[name, segments] = known

    def packed(
        self, segments: Collection[Segment], kind: str
    ) -> tuple[dict[Segment, bytes], list[Segment]]:
        """The roll-ups of a kind as they are stored, and the segments that have none.

        :raises Moved: when one of the segments is not there any more
        """
        left = {(s.stream, s.first_seq): s for s in segments}
        found = dict[Segment, bytes]()
        with self.store.read() as connection:
            wanted = select(segment.c.stream, segment.c.first_seq, segment.c.generation)
            there = {(row[0], row[1]): row[2] for row in connection.execute(wanted)}
            if any(there.get(place) != about.generation for place, about in left.items()):
                raise Moved
            rollups = select(
                segment_rollup.c.stream, segment_rollup.c.first_seq, segment_rollup.c.counts
            ).where(segment_rollup.c.kind == kind)
            if len(left) <= _FEW:
                rollups = rollups.where(segment_rollup.c.first_seq.in_({key[1] for key in left}))
            for stream, first_seq, packed in connection.execute(rollups):
                about = left.pop((stream, first_seq), None)
                if about is not None:
                    found[about] = packed
        return found, list(left.values())


def split(
    sources: Sequence[Source], whole: Callable[[Segment], bool]
) -> tuple[list[Segment], list[Source]]:
    """The segments that roll-ups can stand for, and all else, which must be read."""
    summed = [s for s in sources if isinstance(s, Segment) and whole(s)]
    chosen = set(summed)
    return summed, [s for s in sources if not (isinstance(s, Segment) and s in chosen)]

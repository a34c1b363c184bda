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


@dataclass(slots=True)
class Totals:
    """The sums that one process keeps, of segments, which never change. Thread-safe."""

    store: Store
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _kept: dict[tuple[Any, frozenset[Segment]], Any] = field(default_factory=dict)

    def forget(self) -> None:
        """Let go of all of them: a segment was sealed, pruned, or something in it forgotten."""
        with self._guard:
            self._kept.clear()

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
        key = (name, frozenset(segments))
        with self._guard:
            known = self._kept.get(key)
        if known is None:
            known = self._sum(segments, kind, add)
            self.keep(key, known, len(known[0]))
        return known

    def kept(self, key: tuple[Any, frozenset[Segment]]) -> Any:
        """What is kept under this key; None for nothing."""
        with self._guard:
            return self._kept.get(key)

    def keep(self, key: tuple[Any, frozenset[Segment]], known: Any, size: int) -> None:
        """Keep a sum, unless it is large."""
        if size > MAX_VALUES:
            return
        with self._guard:
            while len(self._kept) >= MAX_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = known

    def _sum(
        self, segments: Collection[Segment], kind: str, add: Callable[[Cells, bytes], None]
    ) -> tuple[Cells, list[Segment]]:
        total: Cells = Counter()
        left = {(s.stream, s.first_seq): s for s in segments}
        with self.store.read() as connection:
            wanted = select(segment.c.stream, segment.c.first_seq, segment.c.generation)
            there = {(row[0], row[1]): row[2] for row in connection.execute(wanted)}
            if any(there.get(place) != about.generation for place, about in left.items()):
                raise Moved
            rollups = select(
                segment_rollup.c.stream, segment_rollup.c.first_seq, segment_rollup.c.counts
            ).where(segment_rollup.c.kind == kind)
            for stream, first_seq, packed in connection.execute(rollups):
                if left.pop((stream, first_seq), None) is not None:
                    add(total, packed)
        return total, list(left.values())


def split(
    sources: Sequence[Source], whole: Callable[[Segment], bool]
) -> tuple[list[Segment], list[Source]]:
    """The segments that roll-ups can stand for, and all else, which must be read."""
    summed = [s for s in sources if isinstance(s, Segment) and whole(s)]
    chosen = set(summed)
    return summed, [s for s in sources if not (isinstance(s, Segment) and s in chosen)]

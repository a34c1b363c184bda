"""What there is to read, seen in one transaction: so nothing is seen twice, and nothing missed."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select

from strongroom.audit.archive.filters import candidates
from strongroom.audit.archive.forgotten import changes
from strongroom.audit.archive.index import Segment, read_heads, segments
from strongroom.audit.archive.rollups import Values
from strongroom.audit.archive.tables import segment, segment_rollup
from strongroom.audit.journal.tables import journal_head
from strongroom.audit.query.compile.facts import PRUNED_BY
from strongroom.audit.query.search.fences import Fences
from strongroom.audit.query.search.live import Live, Piece
from strongroom.audit.query.search.plan import Plan
from strongroom.audit.query.search.shares import Filtered, read_filtered
from strongroom.audit.query.search.sources import Source
from strongroom.audit.query.search.totals import Totals


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All sources as they were at one moment.

    :param sealed: the segments, in the order of stream and sequence number
    :param next_seqs: the next sequence number of each stream
    :param sealed_through: the first record of each stream that is in the journal
    :param filtered: what there is to find parts of texts by
    """

    sealed: Sequence[Segment]
    pieces: Sequence[Piece]
    next_seqs: Mapping[str, int]
    sealed_through: Mapping[str, int]
    filtered: Mapping[tuple[str, int], Filtered]

    @property
    def sources(self) -> list[Source]:
        """All of them."""
        return [*self.pieces, *self.sealed]


@dataclass(slots=True)
class Index:
    """The segments as this process knows them: read again only when they have changed. Thread-safe."""

    live: Live
    totals: Totals
    fences: Fences
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _state: Any = None
    _segments: Sequence[Segment] = ()
    _filtered: Mapping[tuple[str, int], Filtered] = field(default_factory=dict)
    _values: dict[Segment, Mapping[str, frozenset[str]]] = field(default_factory=dict)

    def snapshot(self, connection: Connection) -> Snapshot:
        """What there is to read.

        :param connection: in one transaction, in which the rest of the search's beginning is read
        """
        heads = read_heads(connection)
        sealed = {stream: head.sealed_through for stream, head in heads.items()}
        rows = connection.execute(select(journal_head.c.stream, journal_head.c.next_seq)).all()
        next_seqs: dict[str, int] = {row.stream: row.next_seq for row in rows}
        found, filtered = self._read(connection, heads)
        self.live.see_changes(changes(connection))
        pieces = [
            piece
            for stream, next_seq in next_seqs.items()
            for piece in self.live.pieces(connection, stream, sealed.get(stream, 0), next_seq)
        ]
        return Snapshot(found, pieces, next_seqs, sealed, filtered)

    def candidates(self, connection: Connection, seen: Snapshot, plan: Plan) -> list[Source]:
        """The sources that may hold a match, in no order."""
        near = [source for source in seen.sources if _near(source, plan)]
        needles = plan.facts.needles
        pieces = [source for source in near if isinstance(source, Piece)]
        sealed = [source for source in near if isinstance(source, Segment)]
        if not needles or not sealed:
            return near
        places = candidates(connection, needles)
        values = {name: needles[name] for name in PRUNED_BY if name in needles}
        left = [
            segment
            for segment in sealed
            if (places is None or (segment.stream, segment.first_seq) in places)
            and (not values or self._may_hold(connection, segment, values))
        ]
        return [*pieces, *left]

    def _read(
        self, connection: Connection, heads: Any
    ) -> tuple[Sequence[Segment], Mapping[tuple[str, int], Filtered]]:
        wanted = select(
            func.count(), func.sum(segment.c.generation), func.sum(segment.c.first_seq)
        ).select_from(segment)
        state = (heads, tuple(connection.execute(wanted).one()))
        with self._guard:
            if state != self._state:
                found = segments(connection)
                kept = set(found)
                self._values = {s: v for s, v in self._values.items() if s in kept}
                self._segments, self._state = found, state
                self._filtered = read_filtered(connection)
                self.totals.retain(kept)
                self.fences.keep(found)
            return self._segments, self._filtered

    def _may_hold(
        self, connection: Connection, about: Segment, wanted: Mapping[str, Collection[str]]
    ) -> bool:
        known = self._values.get(about)
        if known is None:
            known = self._values[about] = _values_of(connection, about)
        return all(
            name not in known or not known[name].isdisjoint(values)
            for name, values in wanted.items()
        )


def _near(source: Source, plan: Plan) -> bool:
    if source.stream not in plan.facts.streams:
        return False
    window = plan.window_of(source.stream)
    return window.touches(source.min_timestamp, source.max_timestamp)


def _values_of(connection: Connection, about: Segment) -> Mapping[str, frozenset[str]]:
    wanted = select(segment_rollup.c.kind, segment_rollup.c.counts).where(
        segment_rollup.c.stream == about.stream,
        segment_rollup.c.first_seq == about.first_seq,
        segment_rollup.c.kind.in_(PRUNED_BY),
    )
    found = {kind: Values.read(counts) for kind, counts in connection.execute(wanted)}
    return {
        kind: frozenset(map(_text, told.values)) for kind, told in found.items() if not told.most
    }


def _text(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)

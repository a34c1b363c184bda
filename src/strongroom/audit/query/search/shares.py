"""The shares of segments that may hold a match, by their filters of parts of texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select

from strongroom.audit.archive.grams import GRAMS, Places, Wanted
from strongroom.audit.archive.index import Segment
from strongroom.audit.archive.tables import segment_filter
from strongroom.audit.query.compile.facts import Facts
from strongroom.audit.query.search.live import Piece

Absent = frozenset[str]
Span = tuple[int, int]

NONE: Final[Absent] = frozenset()


@dataclass(frozen=True, slots=True)
class Share:
    """Some records of a segment: no other of its records matches.

    :param spans: sequence numbers [start, end), by the words that no text has there but hashes
    """

    segment: Segment
    spans: Mapping[Absent, tuple[Span, ...]] = field(hash=False)

    @property
    def stream(self) -> str:
        """The segment's."""
        return self.segment.stream

    @property
    def first_seq(self) -> int:
        """The segment's."""
        return self.segment.first_seq

    @property
    def last_seq(self) -> int:
        """The segment's; is inside."""
        return self.segment.last_seq

    @property
    def min_timestamp(self) -> int:
        """The segment's."""
        return self.segment.min_timestamp

    @property
    def max_timestamp(self) -> int:
        """The segment's."""
        return self.segment.max_timestamp

    @property
    def has_rest(self) -> bool:
        """The segment's."""
        return self.segment.has_rest

    @property
    def rows(self) -> int:
        """How many records are in it."""
        return sum(end - start for spans in self.spans.values() for start, end in spans)


Source = Segment | Piece | Share


@dataclass(frozen=True, slots=True)
class Filtered:
    """What the index says of a segment's filters.

    :param places: where in its file those of parts of texts are; None where it has none
    :param hashes: whether it has a hash
    """

    places: Places | None = None
    hashes: bool = True


def read_filtered(connection: Connection) -> dict[tuple[str, int], Filtered]:
    """What the index says, by stream and first sequence number."""
    wanted = select(
        segment_filter.c.stream,
        segment_filter.c.first_seq,
        segment_filter.c.field,
        func.length(segment_filter.c.bits),
    )
    hashes = {
        (stream, first): bool(length)
        for stream, first, _, length in connection.execute(
            wanted.where(segment_filter.c.field == "sha256")
        )
    }
    places = select(segment_filter).where(segment_filter.c.field == GRAMS)
    return {
        (row.stream, row.first_seq): Filtered(
            Places.read(row.bits), hashes.get((row.stream, row.first_seq), True)
        )
        for row in connection.execute(places)
    }


class Shares:
    """Finds the shares of segments for one search. Reads their filters, a few bytes of each.

    :param folder: of the archive
    :param known: the filters that there are; a segment without may hold anything
    """

    def __init__(
        self, folder: Path, known: Mapping[tuple[str, int], Filtered], facts: Facts
    ) -> None:
        self._folder = folder
        self._known = known
        self._parts = facts.parts
        self._wanted = Wanted(sorted(facts.parts | facts.texts))

    def of(self, sources: Iterable[Source]) -> Iterator[Source]:
        """The sources, each segment only as far as it may hold a match."""
        for source in sources:
            if not isinstance(source, Segment) or not self._wanted.texts:
                yield source
            elif (share := self._share(source)) is not None:
                yield share

    def _share(self, about: Segment) -> Segment | Share | None:
        known = self._known.get((about.stream, about.first_seq), Filtered())
        if known.places is None:
            return about
        try:
            absent = self._wanted.absent(about.path(self._folder), known.places)
        except OSError:
            return about  # whoever reads it says what is wrong
        spans: dict[Absent, tuple[Span, ...]] = {}
        numbered = enumerate(self._key(words, hashes=known.hashes) for words in absent)
        for key, group in groupby(numbered, key=lambda one: one[1]):
            blocks = [number for number, _ in group]
            if key is not None:
                start = about.first_seq + blocks[0] * known.places.rows
                end = about.first_seq + (blocks[-1] + 1) * known.places.rows
                spans[key] = (*spans.get(key, ()), (start, min(end, about.last_seq + 1)))
        return Share(about, spans) if spans else None

    def _key(self, absent: Absent, *, hashes: bool) -> Absent | None:
        """How to read a block: the words that need not be looked for; None for not at all."""
        if absent & self._parts or (absent and not hashes):
            return None
        return frozenset(sorted(absent)[:1])

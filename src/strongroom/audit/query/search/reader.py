"""Reads sources for one search, and keeps account of what could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from strongroom.audit.archive.index import Segment, segment_of
from strongroom.audit.query.search.engine import Deadline, Engine, Row
from strongroom.audit.query.search.live import Live, Moved, Piece
from strongroom.audit.query.search.plan import Plan
from strongroom.audit.query.search.shares import NONE, Absent, Share, Shares, Span
from strongroom.audit.query.search.sources import (
    MOST_ROWS,
    Source,
    batches,
    files_sql,
    mentioned,
    piece_sql,
    united,
    whole,
)
from strongroom.store import Store

LEAST_SECONDS = 1.0
"""Each search may read that long, however late it began: else it would never get anywhere."""


@dataclass(slots=True)
class Reader:
    """For one search. Not thread-safe.

    :param shares: narrows the sources that are searched
    :param missing: the segments that could not be read, in words
    """

    store: Store
    engine: Engine
    live: Live
    folder: Path
    deadline: Deadline
    shares: Shares
    missing: dict[tuple[str, int], str] = field(default_factory=dict)

    def batches(
        self, sources: Iterable[Source], most: int = MOST_ROWS, first: int | None = None
    ) -> Iterator[Sequence[Source]]:
        """The sources in their order, narrowed to what may match, in growing batches.

        :param most: sealed records in a batch, about
        :param first: the same, in the first
        """
        return batches(self.shares.of(sources), most, first)

    def scan(
        self, sources: Sequence[Source], select: Select, *, least: float = LEAST_SECONDS
    ) -> Iterator[Row]:
        """What a statement finds in the sources, all together, or each alone where one is damaged.

        :param select: what to read; its results are to be merged by the caller
        :param least: seconds that it may take even when the deadline is past
        :raises TimeUp: when the deadline came first
        :raises Moved: when a source was sealed, forgotten or pruned meanwhile
        """
        whole = [s for s in sources if (s.stream, s.first_seq) not in self.missing or _live(s)]
        if not whole:
            return
        try:
            yield from self._read(whole, select, least)
        except duckdb.Error as error:
            yield from self._one_by_one(whole, select, error)

    def _one_by_one(
        self, sources: Sequence[Source], select: Select, error: duckdb.Error
    ) -> Iterator[Row]:
        if len(sources) == 1 and not _live(sources[0]):
            self._note(sources[0], error)
            return
        pieces = [source for source in sources if _live(source)]
        if pieces:
            yield from self._read(pieces, select, LEAST_SECONDS)  # in memory: nothing is damaged
        for source in sources:
            if not _live(source):
                try:
                    yield from self._read([source], select, LEAST_SECONDS)
                except duckdb.Error as alone:
                    self._note(source, alone)

    def _note(self, source: Source, error: duckdb.Error) -> None:
        segment = source.segment if isinstance(source, Share) else source
        assert isinstance(segment, Segment)
        with self.store.read() as connection:
            if segment_of(connection, segment.stream, segment.first_seq) != segment:
                raise Moved from error
        self.missing[segment.stream, segment.first_seq] = (
            f"records {segment.first_seq:,} to {segment.last_seq:,} of the stream {segment.stream}: "
            f"{segment.path(self.folder).name} cannot be read"
        )

    def _read(self, sources: Sequence[Source], select: Select, least: float) -> list[Row]:
        by_name = False
        for _ in range(4):
            sql, parameters = self._statement(sources, select, by_name=by_name)
            try:
                seconds = max(self.deadline.left, least)
                return self.engine.rows(sql, parameters, seconds)
            except duckdb.CatalogException:
                continue  # a table was let go of: for another search, or for a fork
            except duckdb.Error:
                if by_name or all(map(_live, sources)):
                    raise
                by_name = True  # perhaps their columns differ
        raise Moved

    def _statement(
        self, sources: Sequence[Source], select: Select, *, by_name: bool
    ) -> tuple[str, list[Any]]:
        """One statement over all sources. Where something can stand in ``rest``, the condition
        is another than where not; and where a word is in no text, it need not be looked for."""
        parts, parameters = list[str](), list[Any]()
        pieces = [source for source in sources if isinstance(source, Piece)]
        alike = _alike(sources)
        if pieces:
            alike.setdefault((True, NONE), {})
        for (has_rest, absent), spans in sorted(alike.items(), key=lambda one: one[0][0]):
            here = pieces if (has_rest, absent) == (True, NONE) else []
            clause, values = select.clause(has_rest, absent)
            columns, group = select.columns_of(has_rest), select.group
            names = mentioned(columns, clause, group, "seq")
            relation = self._relation(here, spans, names, by_name=by_name)
            parts.append(f"SELECT {columns} FROM {relation} WHERE {clause} {group}")  # noqa: S608  # our own words
            parameters.extend(values)
        return select.around.format(" UNION ALL ".join(parts)), parameters

    def _relation(
        self,
        pieces: Sequence[Piece],
        spans: Mapping[Segment, Sequence[Span]],
        names: Sequence[str],
        *,
        by_name: bool,
    ) -> str:
        tables = self.live.tables(pieces, self.deadline) if pieces else []
        parts = [piece_sql(*one, names) for one in zip(pieces, tables, strict=True)]
        if spans:
            parts.append(files_sql(self.folder, spans, names, by_name=by_name))
        return united(parts)


@dataclass(frozen=True, slots=True)
class Select:
    """What to read of the records that match.

    :param columns: what stands behind SELECT
    :param also: a condition beside the plan's, with its parameters
    :param with_rest: the two where ``rest`` can hold something, if they differ then
    :param group: what stands behind the condition
    :param around: the statement around the union of what each source gives, which stands at ``{}``
    """

    plan: Plan
    columns: str
    also: str = "true"
    parameters: Sequence[Any] = ()
    group: str = ""
    around: str = "{}"
    with_rest: tuple[str, str] | None = None

    def columns_of(self, has_rest: bool) -> str:
        """What stands behind SELECT."""
        return self.with_rest[0] if has_rest and self.with_rest else self.columns

    def clause(self, has_rest: bool, absent: Absent = NONE) -> tuple[str, list[Any]]:
        """The condition, with its parameters.

        :param absent: words that no text has but hashes
        """
        sql, values = self.plan.clause(has_rest, absent)
        also = self.with_rest[1] if has_rest and self.with_rest else self.also
        window, moments = "", list[int]()
        for moment, operator in ((self.plan.window.start, ">="), (self.plan.window.end, "<")):
            if moment is not None:
                window += f" AND timestamp {operator} make_timestamptz(?)"
                moments.append(moment)
        return f"({also}){window} AND ({sql})", [*self.parameters, *moments, *values]


def _alike(sources: Sequence[Source]) -> dict[tuple[bool, Absent], dict[Segment, list[Span]]]:
    """The spans of sealed records that the same condition finds, by segment."""
    found: dict[tuple[bool, Absent], dict[Segment, list[Span]]] = {}
    for source in sources:
        if isinstance(source, Share):
            for absent, spans in source.spans.items():
                of = found.setdefault((source.has_rest, absent), {})
                of[source.segment] = list(spans)
        elif isinstance(source, Segment):
            found.setdefault((source.has_rest, NONE), {})[source] = [whole(source)]
    return found


def _live(source: Source) -> bool:
    return isinstance(source, Piece)

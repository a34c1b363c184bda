"""Reads sources for one search, and keeps account of what could not be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from strongroom.audit.archive.index import Segment, segment_of
from strongroom.audit.query.search.engine import Deadline, Engine, Row
from strongroom.audit.query.search.live import Live, Moved, Piece
from strongroom.audit.query.search.plan import Plan
from strongroom.audit.query.search.sources import Source, files_sql, piece_sql, united
from strongroom.store import Store

LEAST_SECONDS = 1.0
"""Each search may read that long, however late it began: else it would never get anywhere."""


@dataclass(slots=True)
class Reader:
    """For one search. Not thread-safe.

    :param missing: the segments that could not be read, in words
    """

    store: Store
    engine: Engine
    live: Live
    folder: Path
    deadline: Deadline
    missing: dict[tuple[str, int], str] = field(default_factory=dict)

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
        if len(sources) == 1 and isinstance(sources[0], Segment):
            self._note(sources[0], error)
            return
        pieces = [source for source in sources if isinstance(source, Piece)]
        if pieces:
            yield from self._read(pieces, select, LEAST_SECONDS)  # in memory: nothing is damaged
        for segment in sources:
            if isinstance(segment, Segment):
                try:
                    yield from self._read([segment], select, LEAST_SECONDS)
                except duckdb.Error as alone:
                    self._note(segment, alone)

    def _note(self, segment: Segment, error: duckdb.Error) -> None:
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
                if by_name or not any(isinstance(source, Segment) for source in sources):
                    raise
                by_name = True  # perhaps their columns differ
        raise Moved

    def _statement(
        self, sources: Sequence[Source], select: Select, *, by_name: bool
    ) -> tuple[str, list[Any]]:
        """One statement over all sources: those that can have something in ``rest``, and those
        that cannot, whose condition is simpler."""
        parts, parameters = list[str](), list[Any]()
        for has_rest in (False, True):
            relation = self._relation(
                [s for s in sources if _has_rest(s) == has_rest], by_name=by_name
            )
            if relation:
                clause, values = select.clause(has_rest)
                columns, group = select.columns_of(has_rest), select.group
                parts.append(f"SELECT {columns} FROM {relation} WHERE {clause} {group}")  # noqa: S608  # our own words
                parameters.extend(values)
        return select.around.format(" UNION ALL ".join(parts)), parameters

    def _relation(self, sources: Sequence[Source], *, by_name: bool) -> str:
        pieces = [source for source in sources if isinstance(source, Piece)]
        sealed = [source for source in sources if isinstance(source, Segment)]
        tables = self.live.tables(pieces, self.deadline) if pieces else []
        parts = [piece_sql(*one) for one in zip(pieces, tables, strict=True)]
        if sealed:
            parts.append(files_sql(self.folder, sealed, by_name=by_name))
        if len(parts) < 2:
            return "".join(parts)
        return united(f"SELECT * FROM {part}" for part in parts)  # noqa: S608  # our own names


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

    def clause(self, has_rest: bool) -> tuple[str, list[Any]]:
        """The condition, with its parameters."""
        sql, values = self.plan.clauses[has_rest]
        also = self.with_rest[1] if has_rest and self.with_rest else self.also
        window, moments = "", list[int]()
        for moment, operator in ((self.plan.window.start, ">="), (self.plan.window.end, "<")):
            if moment is not None:
                window += f" AND timestamp {operator} make_timestamptz(?)"
                moments.append(moment)
        return f"({also}){window} AND ({sql})", [*self.parameters, *moments, *values]


def _has_rest(source: Source) -> bool:
    return source.has_rest if isinstance(source, Segment) else True


def _live(source: Source) -> bool:
    return isinstance(source, Piece)

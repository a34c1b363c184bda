"""What a search reads: sealed segments and pieces of the journal, as it found them at its beginning."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from strongroom.audit.archive.columns import COLUMNS
from strongroom.audit.archive.index import Segment
from strongroom.audit.query.search.live import CHUNK, Piece
from strongroom.audit.query.search.shares import Source, Span

__all__ = [
    "Source",
    "batches",
    "files_sql",
    "listed",
    "mentioned",
    "newest_first",
    "piece_sql",
    "quoted",
    "united",
    "whole",
]

FIRST_ROWS: Final = 65_536
"""Records in the first batch, about; each that follows has four times as many."""

_GROWTH: Final = 4
MOST_ROWS: Final = 2**20
"""Of sealed records in a batch: reading them takes a fraction of what a page may take."""

_MOST_LIVE_ROWS: Final = 8 * CHUNK

_WORD: Final = re.compile(r"\w+")


def touched(source: Source) -> tuple[int, int]:
    """The first and last moment of its records."""
    return source.min_timestamp, source.max_timestamp


def batches(
    sources: Iterable[Source], most: int = MOST_ROWS, first: int | None = None
) -> Iterator[list[Source]]:
    """The sources in their order, in growing batches.

    :param most: sealed records in a batch, about
    :param first: the same, in the first; :data:`FIRST_ROWS` where nothing is said
    """
    allowed = FIRST_ROWS if first is None else first
    batch, rows, live = list[Source](), 0, 0
    for source in sources:
        more = source.rows if isinstance(source, Piece) else 0
        if batch and (rows >= allowed or live + more > _MOST_LIVE_ROWS):
            yield batch
            allowed, batch, rows, live = min(allowed * _GROWTH, most), [], 0, 0
        batch.append(source)
        rows += source.rows + 7 * more  # they may have to be loaded first
        live += more
    if batch:
        yield batch


def files_sql(
    folder: Path,
    spans: Mapping[Segment, Sequence[Span]],
    names: Sequence[str],
    *,
    by_name: bool,
) -> str:
    """Columns of some records of these segments, in SQL.

    A field that a segment was written without is absent from its records. The newest file is expected
    to have all columns, and the others those that it has; ``by_name`` looks into all of them, which
    takes twice as long.

    :param spans: of sequence numbers, by segment; what is not in them is not read
    """
    streams: dict[str, list[Segment]] = {}
    for segment in sorted(spans, key=lambda one: one.sealed_at, reverse=True):
        streams.setdefault(segment.stream, []).append(segment)
    columns = listed(names)
    parts = []
    for segments in streams.values():
        files = ", ".join(quoted(str(segment.path(folder))) for segment in segments)
        found = f"read_parquet([{files}])"
        if by_name:
            every = f"SELECT * FROM read_parquet([{files}], union_by_name = true)"  # noqa: S608  # our own names
            found = f"({every} UNION ALL BY NAME SELECT * FROM relation)"  # noqa: S608  # our own names
        parts.append(f"SELECT {columns} FROM {found}{_within(segments, spans)}")  # noqa: S608  # our own names
    return united(parts)


def _within(segments: Sequence[Segment], spans: Mapping[Segment, Sequence[Span]]) -> str:
    if all(list(spans[segment]) == [whole(segment)] for segment in segments):
        return ""
    places = " OR ".join(
        f"(seq >= {start} AND seq < {end})" for segment in segments for start, end in spans[segment]
    )
    return f" WHERE ({places})"


def whole(segment: Segment) -> Span:
    """The span of all its records."""
    return segment.first_seq, segment.last_seq + 1


def piece_sql(piece: Piece, table: str, names: Sequence[str]) -> str:
    """Columns of a piece of the journal, in SQL, by the table that holds it."""
    return (
        f"SELECT {listed(names)} FROM {table} "  # noqa: S608  # our own names
        f"WHERE seq >= {piece.first_seq} AND seq < {piece.end_seq}"
    )


def united(statements: Sequence[str]) -> str:
    """What all these statements find, as one relation. They have the same columns."""
    return "(" + " UNION ALL ".join(statements) + ")"


def mentioned(*statements: str) -> Sequence[str]:
    """The columns whose names occur in these parts of a statement, in order.

    To name those alone halves the time that a statement is planned in, which is most of what a small
    one takes.
    """
    words = {word for statement in statements for word in _WORD.findall(statement)}
    return [name for name in COLUMNS if name in words]


def listed(names: Iterable[str]) -> str:
    """Columns as they stand behind SELECT."""
    return ", ".join(f'"{name}"' for name in names)


def quoted(text: str) -> str:
    """A text of ours as SQL has it."""
    return "'" + text.replace("'", "''") + "'"


def newest_first(sources: Iterable[Source]) -> list[Source]:
    """The sources by their newest record."""
    return sorted(sources, key=lambda source: source.max_timestamp, reverse=True)

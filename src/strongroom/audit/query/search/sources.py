"""What a search reads: sealed segments and pieces of the journal, as it found them at its beginning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from strongroom.audit.archive.index import Segment
from strongroom.audit.query.search.live import CHUNK, Piece

Source: TypeAlias = Segment | Piece

FIRST_ROWS: Final = 65_536
"""Records in the first batch, about; each that follows has four times as many."""

_GROWTH: Final = 4
MOST_ROWS: Final = 2**20
"""Of sealed records in a batch: reading them takes a fraction of what a page may take."""

_MOST_LIVE_ROWS: Final = 8 * CHUNK


def touched(source: Source) -> tuple[int, int]:
    """The first and last moment of its records."""
    return source.min_timestamp, source.max_timestamp


def batches(sources: Sequence[Source], most: int = MOST_ROWS) -> Iterator[list[Source]]:
    """The sources in their order, in growing batches.

    :param most: sealed records in a batch, about
    """
    allowed, batch, rows, live = FIRST_ROWS, list[Source](), 0, 0
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


def files_sql(folder: Path, segments: Iterable[Segment], *, by_name: bool) -> str:
    """The relation of these segments in SQL.

    A field that a segment was written without is absent from its records. The newest file tells which
    columns there are; ``by_name`` looks into all of them, which takes twice as long.
    """
    streams: dict[str, list[str]] = {}
    for segment in sorted(segments, key=lambda one: one.sealed_at, reverse=True):
        streams.setdefault(segment.stream, []).append(quoted(str(segment.path(folder))))
    option = ", union_by_name = true" if by_name else ""
    parts = [
        f"SELECT * FROM read_parquet([{', '.join(files)}]{option})"  # noqa: S608  # our own names
        for files in streams.values()
    ]
    return united([*parts, "SELECT * FROM relation"])


def piece_sql(piece: Piece, table: str) -> str:
    """The relation of a piece of the journal in SQL, by the table that holds it."""
    return f"(SELECT * FROM {table} WHERE seq >= {piece.first_seq} AND seq < {piece.end_seq})"  # noqa: S608  # numbers


def united(statements: Iterable[str]) -> str:
    """What all these statements find, as one relation."""
    return "(" + " UNION ALL BY NAME ".join(statements) + ")"


def quoted(text: str) -> str:
    """A text of ours as SQL has it."""
    return "'" + text.replace("'", "''") + "'"


def newest_first(sources: Iterable[Source]) -> list[Source]:
    """The sources by their newest record."""
    return sorted(sources, key=lambda source: source.max_timestamp, reverse=True)

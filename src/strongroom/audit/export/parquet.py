"""Parquet with typed columns, written by DuckDB from lines of JSON.

A Parquet file tells at its end where its parts are, so it is written whole before any of it leaves: in
parts of so many records, which are put together at the end, row group by row group. Both steps need
the memory of one row group.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Final

import duckdb

from strongroom.audit.archive.columns import SQL_TYPE, Kind
from strongroom.audit.archive.duck import connect
from strongroom.audit.export.cells import KINDS
from strongroom.audit.query.search.sources import quoted
from strongroom.errors import Unavailable

PART_ROWS: Final = 16_384
PART_BYTES: Final = 12 * 2**20
"""Of lines in a part: whatever comes first."""

MEMORY_BYTES: Final = 96 * 2**20
"""Of the engine that writes."""

MAX_LINE: Final = 4 * 2**20
"""Bytes of one record: the pipeline lets none become a fifth of it. The engine holds some such buffers."""


def write_parquet(lines: Iterable[bytes], folder: Path) -> Path:
    """Write the records into a Parquet file, in their order.

    Columns have the types of the archive, but ids and addresses are texts, as people write them, and
    ``exception``, ``extra`` and ``rest`` hold JSON.

    :param lines: each of them what :func:`~strongroom.audit.export.cells.typed` gives, as JSON
    :param folder: an empty one, in which the file and its parts are written
    :raises Unavailable: when there is no room
    """
    with closing(connect(folder, threads=1, memory_bytes=MEMORY_BYTES)) as connection:
        try:
            parts = list(_parts(iter(lines), folder, connection))
            whole = folder / "whole.parquet"
            names = ", ".join(quoted(str(part)) for part in parts)
            _copy(connection, f"FROM read_parquet([{names}])", whole, PART_ROWS)
        except duckdb.Error as error:
            raise Unavailable(f"the export cannot be written: {error}") from error
    for part in parts:
        part.unlink()
    return whole


def _parts(
    lines: Iterator[bytes], folder: Path, connection: duckdb.DuckDBPyConnection
) -> Iterator[Path]:
    """Files of some records each; one without any where there are none, for its columns."""
    draft, number = folder / "lines.ndjson", 0
    columns = ", ".join(f"'{name}': '{_read_as(kind)}'" for name, kind in KINDS.items())
    found = ", ".join(f'{_value(name, kind)} AS "{name}"' for name, kind in KINDS.items())
    relation = (
        f"SELECT {found} FROM read_json({quoted(str(draft))}, format = 'newline_delimited', "  # noqa: S608  # our own names
        f"columns = {{{columns}}}, maximum_object_size = {MAX_LINE})"
    )
    while _fill(draft, lines) or number == 0:
        part = folder / f"{number:09}.parquet"
        _copy(connection, relation, part, PART_ROWS)
        yield part
        number += 1
    draft.unlink()


def _fill(draft: Path, lines: Iterator[bytes]) -> int:
    """Put the lines of one part into a file; how many there were."""
    count = size = 0
    with draft.open("wb") as file:
        for line in islice(lines, PART_ROWS):
            file.write(line)
            count, size = count + 1, size + len(line)
            if size >= PART_BYTES:
                break
    return count


def _copy(connection: duckdb.DuckDBPyConnection, relation: str, path: Path, rows: int) -> None:
    connection.execute(
        f"COPY ({relation}) TO {quoted(str(path))} "
        f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {rows}, ROW_GROUP_SIZE_BYTES {PART_BYTES})"
    )


def _read_as(kind: Kind) -> str:
    return "BIGINT" if kind is Kind.TIME else SQL_TYPE[kind]


def _value(name: str, kind: Kind) -> str:
    return f'make_timestamptz("{name}")' if kind is Kind.TIME else f'"{name}"'

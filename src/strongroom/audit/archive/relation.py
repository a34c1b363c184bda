"""The relation that searches see, in DuckDB: a table of it, filled from rows of the journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, TypeVar

import duckdb
import orjson

from strongroom.audit.archive.columns import COLUMNS, SQL_TYPE, Kind, Record, spread
from strongroom.audit.journal.stored import JournalRow, decode

BATCH: Final = 4_096
"""Records handed over at a time, at most."""

BATCH_BYTES: Final = 8 * 2**20
"""Stored bytes of the records handed over at a time: some have 100 kB each."""

MAX_LINE: Final = 8 * 2**20
"""Bytes of a record in a file that is read: the pipeline lets none become a tenth of it."""

PARTS: Final = ("content", "content_salt", "network", "network_salt")
"""Columns that audit records have in addition: the exact bytes of their parts."""


R = TypeVar("R", bound=JournalRow)

_IN_JSON: Final = {Kind.ADDRESS: "VARCHAR", Kind.TIME: "BIGINT"}
_FROM_JSON: Final = {
    Kind.ADDRESS: 'unhex(r."{0}")',
    Kind.TIME: 'make_timestamptz(r."{0}")',
}
_READ: Final = {
    Kind.UUID: '"{0}"::VARCHAR',  # else the driver makes an object of each
    Kind.TIME: 'epoch_us("{0}")',
}


def create_table(connection: duckdb.DuckDBPyConnection, table: str, *, parts: bool) -> None:
    """Make an empty table with all columns.

    :param table: a name that we chose
    :param parts: with :data:`PARTS` as well
    """
    columns = [f'"{column.name}" {column.sql_type}' for column in COLUMNS.values()]
    columns += [f"{name} BLOB" for name in PARTS if parts]
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} ({', '.join(columns)})")


def load(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Iterable[JournalRow], *, parts: bool
) -> int:
    """Append rows of the journal to a table; how many there were.

    :raises duckdb.Error: when they do not fit into the memory that is allowed
    """
    count = 0
    for batch in batches(rows):
        append(connection, table, [as_columns(row, parts=parts) for row in batch])
        count += len(batch)
    return count


def batches(rows: Iterable[R], most: int = BATCH) -> Iterator[list[R]]:
    """The rows, so many at a time that the memory they need is bounded."""
    batch: list[R] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += len(row.entry) + len(row.content or b"")
        if len(batch) == most or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def append(connection: duckdb.DuckDBPyConnection, table: str, records: Sequence[Record]) -> None:
    """Append records, as :func:`as_columns` has them, to a table.

    They go over column by column, and only those columns that hold something.

    :raises duckdb.Error: when they do not fit into the memory that is allowed
    """
    held = set[str]().union(*records)
    names = tuple(name for name in (*COLUMNS, *PARTS) if name in held)
    columns = {name: [record.get(name) for record in records] for name in names}
    connection.execute(_insertion(table, names), [orjson.dumps(columns).decode()])


def as_columns(row: JournalRow, *, parts: bool) -> Record:
    """The columns of a row of the journal, as JSON has them."""
    columns = spread(decode(row), row.timestamp)
    if parts:
        add_parts(columns, row)
    return columns


def add_parts(columns: Record, row: JournalRow) -> None:
    """Add the columns of an audit record's parts, those that it still has."""
    for name in PARTS:
        value: bytes | None = getattr(row, name)
        if value is not None:
            columns[name] = value.hex()


@lru_cache(maxsize=256)
def _insertion(table: str, names: tuple[str, ...]) -> str:
    shape, values = {}, []
    for name in names:
        kind = COLUMNS[name].kind if name in COLUMNS else Kind.ADDRESS  # a part goes as hex too
        shape[name] = [_IN_JSON.get(kind) or COLUMNS[name].sql_type]
        values.append(_FROM_JSON.get(kind, 'r."{0}"').format(name))
    lists = ", ".join(f'unnest(c."{name}") AS "{name}"' for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    structure = orjson.dumps(shape).decode()
    return (
        f"INSERT INTO {table} ({columns}) SELECT {', '.join(values)} "  # noqa: S608  # our own names
        f"FROM (SELECT {lists} FROM (SELECT from_json(?, '{structure}') AS c)) AS r"
    )


def from_lines(path: str, *, parts: bool) -> str:
    """A query that gives all columns of records in a file, one of :func:`as_columns` a line.

    Five times as fast as :func:`append`, and it needs no table.

    :param path: quoted, as SQL wants it
    """
    shape, values = [], []
    for name in column_names(parts=parts):
        kind = COLUMNS[name].kind if name in COLUMNS else Kind.ADDRESS  # a part comes as hex too
        shape.append(f"\"{name}\": '{_IN_JSON.get(kind) or SQL_TYPE[kind]}'")
        value = _FROM_JSON.get(kind, 'r."{0}"').format(name)
        values.append(f'{value} AS "{name}"')
    return (
        f"SELECT {', '.join(values)} FROM read_json({path}, format = 'newline_delimited', "  # noqa: S608  # our own names
        f"columns = {{{', '.join(shape)}}}, maximum_object_size = {MAX_LINE}) AS r"
    )


def column_names(*, parts: bool) -> Sequence[str]:
    """The names of a table's columns, in order."""
    return (*COLUMNS, *(PARTS if parts else ()))


def read_as(name: str) -> str:
    """The SQL that gives a column's value as :func:`~strongroom.audit.archive.columns.gather`
    wants it."""
    column = COLUMNS.get(name)
    form = '"{0}"' if column is None else _READ.get(column.kind, '"{0}"')
    return form.format(name)

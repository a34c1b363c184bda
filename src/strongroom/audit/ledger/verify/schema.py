"""Whether the tables are tables: everything else is read through them.

A view in a table's place can show one thing to a verification and another to everybody else, and a
trigger can undo what was written, such as the verdict of a verification. Nothing signs the schema; it
is compared with what the migrations make. Source: https://sqlite.org/schematab.html, and
https://sqlite.org/pragma.html for ``table_xinfo`` and ``index_list``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import sqlite

from strongroom.audit.archive.tables import metadata as archive_metadata
from strongroom.audit.journal.tables import metadata as journal_metadata
from strongroom.audit.ledger.tables import metadata as ledger_metadata
from strongroom.audit.ledger.verify.report import Tally, Verdict
from strongroom.audit.ledger.verify.rows import Block, fetch

_TABLES: Final = (
    *journal_metadata.sorted_tables,
    *ledger_metadata.sorted_tables,
    *archive_metadata.sorted_tables,
)
_NAMES: Final = frozenset((*(table.name for table in _TABLES), "audit_schema_version"))
_MENTIONED: Final = re.compile(rf"\b(?:{'|'.join(sorted(_NAMES))})\b", re.IGNORECASE)
_UNIQUE: Final[dict[str, set[tuple[str, ...]]]] = {
    "journal": {("stream", "seq"), ("id",)},
    "ledger_key": {("verifier_key",)},
    "archive_head": {("stream",)},
    "segment": {("stream", "first_seq")},
    "segment_filter": {("stream", "first_seq", "field")},
    "segment_rollup": {("stream", "first_seq", "kind")},
    "pruning": {("stream", "first_seq")},
    "hold": {("id",)},
    "forgetting": {("id",)},
    "forgotten": {("forgetting_id", "stream", "part", "block")},
}
"""What must be unique, and is by an index; a sole key of numbers is the row's own address."""

_schema: Final = text("SELECT type, name, tbl_name, sql FROM sqlite_schema")
_DIALECT: Final = sqlite.dialect()


class Schema:
    """Compares tables, columns and unique indexes; finds views and triggers that touch them."""

    def __init__(self) -> None:
        self.tally = Tally("schema", "the tables are tables with their columns, without triggers")
        self.names = [self.tally.name]

    def begin(self, connection: Connection) -> None:
        """Look at the database's own description of itself."""
        if connection.dialect.name != "sqlite":
            return
        with self.tally as tally:
            tally.count = len(_NAMES)
            tables: dict[str, str] = {}
            for row in fetch(connection, _schema):
                kind, name, table, sql = map(str, row)
                if kind == "table":
                    tables[name.lower()] = sql
                elif reason := _touches(kind, name, table, sql):
                    tally.fail(reason)
            for reason in (*_missing(tables), *_different(connection, tables)):
                tally.fail(reason)

    def see(self, block: Block) -> None:
        """Nothing to look at in the records."""

    def verdicts(self) -> Sequence[Verdict]:
        """What it came to."""
        return [self.tally.verdict(nothing=None if self.tally.count else "only of SQLite")]


def _touches(kind: str, name: str, table: str, sql: str) -> str | None:
    """Why this view, trigger or index must not be there; None where it does no harm."""
    if kind == "view" and name.lower() in _NAMES:
        return f"{name} is a view, not a table"
    if kind == "trigger" and (table.lower() in _NAMES or _MENTIONED.search(f"{name} {sql}")):
        return f"there is a trigger {name!a:.60} that the program has not made"
    return None


def _missing(tables: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(_NAMES):
        if name not in tables:
            yield f"there is no table {name}"
        elif tables[name].upper().startswith("CREATE VIRTUAL"):
            yield f"{name} is a virtual table"


def _different(connection: Connection, tables: Mapping[str, str]) -> Iterator[str]:
    for table in _TABLES:
        if table.name in tables:
            yield from _differences(connection, table)


def _differences(connection: Connection, table: Table) -> Iterator[str]:
    """Where a stored table is another than it should be."""
    # cid, name, type, notnull, dflt_value, pk, hidden
    found = {
        str(row[1]): (str(row[2]).upper(), bool(row[3]), row[5], row[4], row[6])
        for row in fetch(connection, text(f"PRAGMA table_xinfo({table.name})"))
    }
    keys = [column.name for column in table.primary_key]
    for column in table.columns:
        place = keys.index(column.name) + 1 if column.name in keys else 0
        kind = column.type.compile(dialect=_DIALECT).upper()
        wanted = (kind, not column.nullable, place, None, 0)
        if column.name not in found:
            yield f"{table.name} has no column {column.name}"
        elif found.pop(column.name) != wanted:
            yield f"the column {column.name} of {table.name} is of another kind"
    if found:
        yield f"{table.name} has a column {min(found)!a:.60} that the program has not made"
    unique = set(_unique(connection, table.name))
    for columns in sorted(_UNIQUE.get(table.name, set()) - unique):
        yield f"nothing keeps {', '.join(columns)} of {table.name} unique"


def _unique(connection: Connection, table: str) -> Iterator[tuple[str, ...]]:
    """The columns of each index that lets no value in twice, of the whole table."""
    # seq, name, unique, origin, partial
    for _, name, unique, _, partial in fetch(connection, text(f"PRAGMA index_list({table})")):
        if unique and not partial:
            quoted = str(name).replace('"', '""').replace(":", r"\:")
            columns = fetch(connection, text(f'PRAGMA index_info("{quoted}")'))
            yield tuple(str(column[2]) for column in columns)

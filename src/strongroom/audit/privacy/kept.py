"""What may stay although it was somebody's: values that are not theirs alone.

A trace may stay where a record has it that is not forgotten (an address that others used, a name that
somebody else gave a file), where the directory has it as another person's name, where a hold names it,
and where the application has it in tables of its own: the account and the names of files are not
records.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, select, text

from strongroom.audit.archive.columns import COLUMNS, Kind
from strongroom.audit.archive.index import segments
from strongroom.audit.archive.places import folder_of
from strongroom.audit.archive.reading import ArchiveReader
from strongroom.audit.archive.tables import hold, segment_rollup
from strongroom.audit.archive.tables import metadata as archive_metadata
from strongroom.audit.journal.people import metadata as people_metadata
from strongroom.audit.journal.people import person
from strongroom.audit.journal.tables import journal
from strongroom.audit.journal.tables import metadata as journal_metadata
from strongroom.audit.ledger.tables import metadata as ledger_metadata
from strongroom.audit.privacy.traces import Matcher, joined

_TEXTS: Final = tuple(
    name for name, column in COLUMNS.items() if column.kind in (Kind.TEXT, Kind.ADDRESS, Kind.JSON)
)
_OURS: Final = frozenset(
    name
    for metadata in (archive_metadata, people_metadata, journal_metadata, ledger_metadata)
    for name in metadata.tables
)
_FETCHED: Final = 2_048

RECORDS: Final = "other records"

Kept = dict[str, set[str]]
"""By each trace that may stay: where it is held."""


def rightly_kept(connection: Connection, matcher: Matcher) -> Kept:
    """The traces that are held elsewhere, once everything that is to be forgotten was dropped.

    :param connection: in one transaction; reads every record, in constant memory
    :raises Corrupt: when a segment is missing or damaged
    """
    kept: Kept = {}
    for where, value in _values(connection):
        for trace in matcher.found(value):
            kept.setdefault(trace, set()).add(where)
    return kept


def _values(connection: Connection) -> Iterator[tuple[str, bytes]]:
    for value in _sealed(connection):
        yield RECORDS, value
    columns = (journal.c.entry, journal.c.content, journal.c.network)
    yield from _in_table(connection, select(*columns), RECORDS)
    yield from _in_table(connection, select(person.c.name), "another person's name")
    yield from _in_table(connection, select(hold.c.filename, hold.c.reason), "holds")
    tables = connection.execute(text("SELECT name FROM sqlite_schema WHERE type = 'table'"))
    for (name,) in tables.all():
        if name not in _OURS and not name.startswith("sqlite_"):
            quoted = str(name).replace('"', '""')
            wanted = text(f'SELECT * FROM "{quoted}"')  # noqa: S608  # a table that is there
            yield from _in_table(connection, wanted, f"table {name}")


def _sealed(connection: Connection) -> Iterator[bytes]:
    with ArchiveReader(folder_of(connection)) as reader:
        for about in segments(connection):
            parquet = reader.parquet(about)
            for rows in parquet.rows(about.first_seq, about.last_seq + 1, _TEXTS):
                yield joined(rows)


def _in_table(connection: Connection, wanted: Any, where: str) -> Iterator[tuple[str, bytes]]:
    for rows in connection.execute(wanted).partitions(_FETCHED):
        yield where, joined(rows)


def in_rollups(connection: Connection, matcher: Matcher) -> bool:
    """Whether a roll-up of a segment, which is compressed, has a trace."""
    for (packed,) in connection.execute(select(segment_rollup.c.counts)):
        if matcher.found(zlib.decompress(packed)):
            return True
    return False

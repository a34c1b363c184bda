"""Holds: what must be kept, whatever the rules of retention say, until somebody releases it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import duckdb
from sqlalchemy import Connection, delete, insert, select

from strongroom.audit.archive.columns import REST
from strongroom.audit.archive.filters import candidates
from strongroom.audit.archive.index import Segment
from strongroom.audit.archive.parquet import scan
from strongroom.audit.archive.places import folder_of
from strongroom.audit.archive.reading import ArchiveReader
from strongroom.audit.archive.tables import hold as table
from strongroom.audit.journal.stored import microseconds

NAMES: Final = ("filename", "previous_filename")
"""The fields in which a hold by name looks."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Keeps the records that have all of what it says; those in segments, and those to come.

    :param id: a UUIDv7
    :param stream: None for all streams
    :param since: microseconds since 1970-01-01 UTC, inside; None for no bound
    :param until: the same, outside
    :param filename: exactly the name that a file has or had; None for any record
    :param reason: in the words of whoever placed it; may be empty
    :param placed_by: who that is
    """

    id: str
    stream: str | None
    since: int | None
    until: int | None
    filename: str | None
    reason: str
    placed_by: str
    placed_at: int

    def touches(self, stream: str, earliest: int, latest: int) -> bool:
        """Whether it may cover a record of the stream from this span of time, both ends inside."""
        return (
            self.stream in (None, stream)
            and (self.since is None or latest >= self.since)
            and (self.until is None or earliest < self.until)
        )

    def covers(self, record: Mapping[str, Any], stream: str) -> bool:
        """Whether it covers this record.

        :param record: flat, as :func:`~strongroom.audit.journal.decode` gives it
        """
        moment = microseconds(record["timestamp"])
        return self.touches(stream, moment, moment) and (
            self.filename is None or self.filename in [record.get(name) for name in NAMES]
        )


def read_holds(connection: Connection) -> list[Hold]:
    """All holds, oldest first."""
    rows = connection.execute(select(table).order_by(table.c.placed_at, table.c.id))
    return [Hold(**row) for row in rows.mappings()]


def enter_hold(connection: Connection, hold: Hold) -> None:
    """From the commit on, it holds."""
    connection.execute(insert(table), asdict(hold))


def remove_hold(connection: Connection, hold_id: str) -> bool:
    """From the commit on, it holds no more; False when there is none of that id."""
    return connection.execute(delete(table).where(table.c.id == hold_id)).rowcount == 1


def covers_segment(
    connection: Connection, reader: ArchiveReader, hold: Hold, about: Segment
) -> bool:
    """Whether a hold covers any record of the segment.

    A hold by name reads the segment, unless its filter says that the name is not in it.

    :raises Corrupt: when it must be read and is missing or damaged
    """
    if not hold.touches(about.stream, about.min_timestamp, about.max_timestamp):
        return False
    if hold.filename is None:
        unbounded = hold.since is None and hold.until is None
        return unbounded or _any(connection, reader, hold, about)
    places = candidates(connection, {NAMES[0]: [hold.filename]})
    if places is not None and (about.stream, about.first_seq) not in places:
        return False
    return _any(connection, reader, hold, about)


def _any(connection: Connection, reader: ArchiveReader, hold: Hold, about: Segment) -> bool:
    """Whether some record of the segment is in the span of time and has the name."""
    conditions, values = ["true"], list[Any]()
    for bound, sign in ((hold.since, ">="), (hold.until, "<")):
        if bound is not None:
            conditions.append(f"epoch_us(timestamp) {sign} ?")
            values.append(bound)
    if hold.filename is not None:
        forms = list(NAMES)
        if about.has_rest:  # a name of an unusual form stands there
            forms += [f"json_extract_string({REST}, '$.{name}')" for name in NAMES]
        conditions.append(f"({' OR '.join(f'{form} = ?' for form in forms)})")
        values += [hold.filename] * len(forms)
    path = about.path(folder_of(connection))
    statement = f"SELECT 1 FROM {scan(path)} WHERE {' AND '.join(conditions)} LIMIT 1"  # noqa: S608  # our own names
    try:
        return reader.connection.execute(statement, values).fetchone() is not None
    except duckdb.Error as error:
        raise reader.parquet(about).corrupt(error) from error

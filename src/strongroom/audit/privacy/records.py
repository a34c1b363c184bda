"""Reading all records of a subject: from segments what a condition finds, from the journal all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import duckdb
from sqlalchemy import Connection, select

from strongroom.audit.archive.columns import COLUMNS, MORE_TEXT, gather
from strongroom.audit.archive.index import Segment, sealed_through, segments
from strongroom.audit.archive.parquet import scan
from strongroom.audit.archive.places import folder_of
from strongroom.audit.archive.reading import ArchiveReader
from strongroom.audit.archive.relation import read_as
from strongroom.audit.events import Stream
from strongroom.audit.journal.stored import decode
from strongroom.audit.journal.tables import journal
from strongroom.audit.privacy.subject import Person, Subject

FETCHED: Final = 512
_NAMES: Final = tuple(name for name in COLUMNS if name != MORE_TEXT)
_COLUMNS: Final = ", ".join(read_as(name) for name in _NAMES)

Record = dict[str, Any]


def records_of(connection: Connection, subject: Subject) -> Iterator[Record]:
    """Every record of which a part is theirs, by stream, oldest first; in constant memory.

    :param connection: in one transaction, which may last for minutes
    :raises Corrupt: when a segment is missing or damaged
    """
    if isinstance(subject, Person):
        for record in _candidates(connection, subject):
            subject.learn(record)
    for record in _candidates(connection, subject):
        if subject.claims(record):
            yield record


def _candidates(connection: Connection, subject: Subject) -> Iterator[Record]:
    with ArchiveReader(folder_of(connection)) as reader:
        for stream in Stream:
            for about in segments(connection, stream.value):
                yield from _sealed(reader, connection, about, subject)
            yield from unsealed(connection, stream)


def _sealed(
    reader: ArchiveReader, connection: Connection, about: Segment, subject: Subject
) -> Iterator[Record]:
    path = about.path(folder_of(connection))
    condition, values = subject.condition(has_rest=about.has_rest)
    statement = f"SELECT {_COLUMNS} FROM {scan(path)} WHERE {condition} ORDER BY seq"  # noqa: S608  # our own words
    try:
        found = reader.connection.execute(statement, values)
        while rows := found.fetchmany(FETCHED):
            for row in rows:
                yield gather(dict(zip(_NAMES, row, strict=True)))
    except duckdb.Error as error:
        raise reader.parquet(about).corrupt(error) from error


def unsealed(connection: Connection, stream: Stream) -> Iterator[Record]:
    """The records of a stream that are in the journal."""
    start = sealed_through(connection, stream.value)
    wanted = select(journal).where(journal.c.stream == stream.value).order_by(journal.c.seq)
    while rows := connection.execute(wanted.where(journal.c.seq >= start).limit(FETCHED)).all():
        start = rows[-1].seq + 1
        for row in rows:
            yield decode(row)

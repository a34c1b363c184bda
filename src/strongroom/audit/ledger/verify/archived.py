"""Reading what is sealed, whoever wrote it there: the records of segments, as blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

import orjson
from sqlalchemy import Connection, bindparam, select

from strongroom.audit.archive.columns import REST
from strongroom.audit.archive.index import Segment
from strongroom.audit.archive.places import folder_of
from strongroom.audit.archive.reading import ArchiveReader
from strongroom.audit.archive.relation import PARTS
from strongroom.audit.archive.tables import archive_head, segment
from strongroom.audit.events import Stream
from strongroom.audit.ledger.verify.pruned import pruned_of
from strongroom.audit.ledger.verify.rows import BLOCK, Block, Unreadable, fetch
from strongroom.errors import Corrupt

_head: Final = select(archive_head.c.sealed_through).where(
    archive_head.c.stream == bindparam("wanted")
)
_segments: Final = (
    select(segment).where(segment.c.stream == bindparam("wanted")).order_by(segment.c.first_seq)
)
_INDEXED: Final = ("id", "timestamp", "level", "event", "request_id")


def boundary_of(connection: Connection, stream: str) -> int:
    """The first record of a stream that is not sealed.

    :raises Unreadable: when the database does not say it
    """
    rows = fetch(connection, _head, wanted=stream)
    if len(rows) != 1 or type(rows[0][0]) is not int or rows[0][0] < 0:
        raise Unreadable(f"archive_head does not say where the archive of {stream} ends")
    return int(rows[0][0])


def segments_of(connection: Connection, stream: str) -> list[Segment]:
    """The segments of a stream, which follow one another from where it was pruned to its boundary.

    :raises Unreadable: when they do not, or a row of the index is none
    """
    found, end = list[Segment](), pruned_of(connection, stream)
    for row in fetch(connection, _segments, wanted=stream):
        if set(map(type, row[1:])) != {int} or row[7] not in (0, 1):
            raise Unreadable(f"the index of segments of {stream} has a row that is none")
        values = dict(zip(segment.columns.keys(), row, strict=True))
        about = Segment(**values | {"has_rest": bool(values["has_rest"])})
        if about.first_seq != end or about.last_seq < end:
            raise Unreadable(f"record {end:,} of {stream} is in no segment")
        found.append(about)
        end = about.last_seq + 1
    boundary = boundary_of(connection, stream)
    if end != boundary:
        raise Unreadable(
            f"the records of {stream} are sealed up to {boundary:,}, but segments end at {end:,}"
        )
    return found


def sealed_blocks(connection: Connection, *, ledger_only: bool) -> Iterator[Block]:
    """The records of the audit stream that are sealed.

    :param ledger_only: the entries alone
    :raises Unreadable: when a file is missing or damaged
    """
    folder = folder_of(connection)
    for about in segments_of(connection, Stream.AUDIT.value):
        try:
            with ArchiveReader(folder) as reader:
                if ledger_only:
                    yield from _entry_blocks(reader, about)
                else:
                    yield from _whole_blocks(reader, about)
        except Corrupt as error:
            raise Unreadable(str(error)) from error


def _entry_blocks(reader: ArchiveReader, about: Segment) -> Iterator[Block]:
    entries = reader.entries(about, about.first_seq, about.last_seq + 1)
    start = about.first_seq
    while some := list(islice(entries, BLOCK)):
        seqs = range(start, start + len(some))
        block = Block(seqs, [0] * len(some), (), some)
        block.events = [None if record is None else record.get("event") for record in block.records]
        yield block
        start += len(some)


def _whole_blocks(reader: ArchiveReader, about: Segment) -> Iterator[Block]:
    parquet = reader.parquet(about)
    names = ["seq", *(name for name in parquet.held() if name not in ("seq", *PARTS)), *PARTS]
    entries = reader.entries(about, about.first_seq, about.last_seq + 1)
    for rows in parquet.rows(about.first_seq, about.last_seq + 1, names):
        columns: dict[str, Sequence[Any]] = dict(zip(names, zip(*rows, strict=True), strict=True))
        some = list(islice(entries, len(rows)))
        if len(some) < len(rows):
            raise Corrupt(
                f"the segment from record {about.first_seq:,} on has more than its entries"
            )
        indexed = {name: _values(columns, name, len(rows)) for name in _INDEXED}
        yield Block(
            columns["seq"],
            indexed["timestamp"],
            indexed["event"],
            some,
            indexed["id"],
            indexed["level"],
            indexed["request_id"],
            *(columns[name] for name in PARTS),
            sealed=(names, rows),
        )
    if next(entries, None) is not None:
        raise Corrupt(f"the segment from record {about.first_seq:,} on has fewer than its entries")


def _values(columns: dict[str, Sequence[Any]], name: str, count: int) -> Sequence[Any]:
    """A column, with those of its values that stand elsewhere since they do not fit into it."""
    values = columns.get(name, [None] * count)
    rest = columns.get(REST, ())
    if name == "timestamp" or not any(rest):
        return values
    return [
        value if odd is None else _odd(odd, name, value)
        for value, odd in zip(values, rest, strict=True)
    ]


def _odd(rest: str, name: str, value: Any) -> Any:
    try:
        return orjson.loads(rest).get(name, value)
    except (ValueError, AttributeError):
        return value

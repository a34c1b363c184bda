"""Reading what is sealed, whoever wrote it there: the records of segments, as blocks."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import Connection, bindparam, select

from strongroom.audit.archive.columns import REST
from strongroom.audit.archive.index import Segment
from strongroom.audit.archive.places import folder_of
from strongroom.audit.archive.reading import ArchiveReader
from strongroom.audit.archive.relation import PARTS
from strongroom.audit.archive.spelt import SpeltReader
from strongroom.audit.archive.tables import archive_head, segment
from strongroom.audit.events import Stream
from strongroom.audit.ledger.verify.ahead import ahead
from strongroom.audit.ledger.verify.pruned import pruned_of
from strongroom.audit.ledger.verify.rows import BLOCK, Block, Proven, Unreadable, fetch
from strongroom.errors import Corrupt

_head: Final = select(archive_head.c.sealed_through).where(
    archive_head.c.stream == bindparam("wanted")
)
_segments: Final = (
    select(segment).where(segment.c.stream == bindparam("wanted")).order_by(segment.c.first_seq)
)
AHEAD: Final = 8
"""Blocks that are read ahead."""

_TOLD: Final = ("timestamp", "event", "content")
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
    found = segments_of(connection, Stream.AUDIT.value)
    yield from ahead(_read(folder, found, ledger_only=ledger_only), AHEAD)


def _read(
    folder: Path, found: Sequence[Segment], *, ledger_only: bool
) -> Generator[Block, None, None]:
    for about in found:
        try:
            with ArchiveReader(folder) as reader:
                if ledger_only:
                    yield from _entry_blocks(reader, about)
                else:
                    yield from _whole_blocks(reader, folder, about)
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


def _whole_blocks(reader: ArchiveReader, folder: Path, about: Segment) -> Iterator[Block]:
    """Every record; and after them once more, with all columns, those that their bytes did not prove."""
    columns = SpeltReader(reader.connection, about.path(folder), about.stream)
    entries = reader.entries(about, about.first_seq, about.last_seq + 1)
    unproven: dict[int, bytes] = {}
    for rows in columns.rows(_TOLD):
        seqs, spelt, plain, *told = zip(*rows, strict=True)
        some = list(islice(entries, len(rows)))
        if len(some) < len(rows):
            raise Corrupt(
                f"the segment from record {about.first_seq:,} on has more than its entries"
            )
        if tuple(some) != spelt or not all(plain):
            unproven |= {
                seq: entry
                for seq, entry, same, sure in zip(seqs, some, spelt, plain, strict=True)
                if entry != same or not sure
            }
        timestamps, events, contents = told
        yield Block(seqs, timestamps, events, some, contents=contents, proven=Proven.BY_BYTES)
    if next(entries, None) is not None:
        raise Corrupt(f"the segment from record {about.first_seq:,} on has fewer than its entries")
    for rows in columns.others(unproven):
        yield _whole_block(columns.held, rows, unproven)


def _whole_block(
    names: Sequence[str], rows: Sequence[tuple[Any, ...]], entries: Mapping[int, bytes]
) -> Block:
    columns: dict[str, Sequence[Any]] = dict(zip(names, zip(*rows, strict=True), strict=True))
    indexed = {name: _values(columns, name, len(rows)) for name in _INDEXED}
    return Block(
        columns["seq"],
        indexed["timestamp"],
        indexed["event"],
        [entries[seq] for seq in columns["seq"]],
        indexed["id"],
        indexed["level"],
        indexed["request_id"],
        *(columns[name] for name in PARTS),
        sealed=(names, rows),
        proven=Proven.NOT_BY_BYTES,
    )


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

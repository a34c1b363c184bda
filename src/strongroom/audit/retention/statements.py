"""What a segment's records say of the sealing of other segments: it must not go with them.

An audit segment holds the records by which segments of other streams, sealed at the time, are known
not to be altered. When it is pruned before they are, these are recorded once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import duckdb
import orjson
from sqlalchemy import Connection

from strongroom.audit.archive.index import Segment, segment_of
from strongroom.audit.archive.parquet import scan
from strongroom.audit.archive.places import folder_of
from strongroom.audit.archive.reading import ArchivedRow, ArchiveReader
from strongroom.audit.events import Stream
from strongroom.audit.events.ledger import SegmentSealed
from strongroom.audit.journal.stored import part_digest
from strongroom.errors import Corrupt

_FACTS: Final = frozenset({"stream", "first_seq", "last_seq", "generation", "files", "index"})


def statements_in(connection: Connection, about: Segment) -> Iterator[dict[str, Any]]:
    """The statements in an audit segment of the present generation of segments that stay.

    The entries were compared with the ledger before; here the parts are compared with the entries.

    :raises Corrupt: when one is not what was recorded
    """
    if about.stream != Stream.AUDIT.value:
        return
    folder = folder_of(connection)
    with ArchiveReader(folder) as reader:
        path = about.path(folder)
        wanted = f"SELECT seq FROM {scan(path)} WHERE event = ? ORDER BY seq"  # noqa: S608  # our own names
        try:
            seqs = reader.connection.execute(wanted, [SegmentSealed.event_name]).fetchall()
        except duckdb.Error as error:
            raise reader.parquet(about).corrupt(error) from error
        for (seq,) in seqs:
            said = _statement(next(iter(reader.rows(about, seq, seq + 1))))
            other = segment_of(connection, said["stream"], said["first_seq"])
            if (
                other is not None
                and other.first_seq == said["first_seq"]
                and other.generation == said["generation"]
                and (other.stream, other.first_seq) != (about.stream, about.first_seq)
            ):
                yield said


def _statement(row: ArchivedRow) -> dict[str, Any]:
    try:
        assert row.content is not None
        assert row.content_salt is not None
        digest = orjson.loads(row.entry)["parts"]["content"]
        said = orjson.loads(row.content)["extra"]
        if part_digest(row.content_salt, row.content) != digest or not said.keys() >= _FACTS:
            raise ValueError
    except (AssertionError, ValueError, KeyError, TypeError, AttributeError):
        raise Corrupt(f"record {row.seq:,}, of a sealing, is not what was recorded") from None
    return {name: said[name] for name in sorted(_FACTS)}

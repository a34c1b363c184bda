"""The index of segments in the database: which records they hold, and what is known of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from strongroom.audit.archive.places import entries_path, segment_path
from strongroom.audit.archive.tables import archive_head, segment, segment_filter, segment_rollup
from strongroom.audit.events.event import Stream
from strongroom.errors import Corrupt


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive records of one stream in files of their own, which never change.

    :param last_seq: is inside
    :param generation: counts up each time that something in it is forgotten; names the file
    :param min_timestamp: microseconds since 1970-01-01 UTC, as are the others
    :param bytes: of all its files
    :param has_rest: whether some value stands in no column of its own
    """

    stream: str
    first_seq: int
    last_seq: int
    generation: int
    min_timestamp: int
    max_timestamp: int
    bytes: int
    has_rest: bool
    sealed_at: int

    @classmethod
    def of(cls, row: Row[Any]) -> Segment:
        """Read an index row."""
        return cls(**{name: getattr(row, name) for name in cls.__dataclass_fields__})

    @property
    def rows(self) -> int:
        """How many records it holds."""
        return self.last_seq - self.first_seq + 1

    def path(self, folder: Path) -> Path:
        """Its Parquet file.

        :param folder: of the archive
        """
        return segment_path(folder, self.stream, self.first_seq, self.generation)

    def files(self, folder: Path) -> Sequence[Path]:
        """All its files."""
        if self.stream != Stream.AUDIT.value:
            return (self.path(folder),)
        return (self.path(folder), entries_path(folder, self.first_seq))


@dataclass(frozen=True, slots=True)
class Sealed:
    """What the database gets to know of a segment.

    :param digests: SHA-256 of each file, in hexadecimal, by its path below the archive's folder
    """

    segment: Segment
    filters: Mapping[str, bytes] = field(repr=False)
    rollups: Mapping[str, bytes] = field(repr=False)
    digests: Mapping[str, str]

    def statement(self) -> dict[str, Any]:
        """What is recorded of it in the ledger, so that neither files nor index can be altered."""
        return {
            "stream": self.segment.stream,
            "first_seq": self.segment.first_seq,
            "last_seq": self.segment.last_seq,
            "generation": self.segment.generation,
            "files": dict(sorted(self.digests.items())),
            "index": index_digest(self.segment, self.filters, self.rollups),
        }


def index_digest(about: Segment, filters: Mapping[str, Any], rollups: Mapping[str, Any]) -> str:
    """SHA-256 of everything in the index of a segment, in hexadecimal."""
    whole = {
        "segment": asdict(about),
        "filters": {name: _sha256(bits) for name, bits in filters.items()},
        "rollups": {name: _sha256(counts) for name, counts in rollups.items()},
    }
    return _sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class ArchiveHead:
    """Where a stream's archive ends and begins.

    :param sealed_through: records below it are in segments, those from it on in the journal
    :param pruned_through: records below it were pruned
    """

    sealed_through: int
    pruned_through: int


def read_heads(connection: Connection) -> dict[str, ArchiveHead]:
    """The heads of all streams, by their names. Read them in the transaction that reads the rest."""
    rows = connection.execute(select(archive_head))
    return {row.stream: ArchiveHead(row.sealed_through, row.pruned_through) for row in rows}


def sealed_through(connection: Connection, stream: str) -> int:
    """The first record of the stream that no segment holds.

    :raises Corrupt: when the stream has no head row
    """
    wanted = select(archive_head.c.sealed_through).where(archive_head.c.stream == stream)
    found: int | None = connection.execute(wanted).scalar()
    if found is None:
        raise Corrupt(f"archive_head has no row for the stream {stream}")
    return found


def segments(connection: Connection, stream: str | None = None) -> list[Segment]:
    """All segments, of one stream or of all, in the order of their records."""
    wanted = select(segment).order_by(segment.c.stream, segment.c.first_seq)
    if stream is not None:
        wanted = wanted.where(segment.c.stream == stream)
    return [Segment.of(row) for row in connection.execute(wanted)]


_holding: Final = (
    select(segment)
    .where(segment.c.stream == bindparam("wanted"), segment.c.first_seq <= bindparam("seq"))
    .order_by(segment.c.first_seq.desc())
    .limit(1)
)


def segment_of(connection: Connection, stream: str, seq: int) -> Segment | None:
    """The segment that holds a record; None when none does."""
    row = connection.execute(_holding, {"wanted": stream, "seq": seq}).first()
    return None if row is None or row.last_seq < seq else Segment.of(row)


def segments_between(connection: Connection, stream: str, start: int, end: int) -> list[Segment]:
    """The segments that hold some of the records [start, end), in their order."""
    wanted = select(segment).where(
        segment.c.stream == stream, segment.c.last_seq >= start, segment.c.first_seq < end
    )
    return [Segment.of(row) for row in connection.execute(wanted.order_by(segment.c.first_seq))]


def read_filters(connection: Connection, about: Segment) -> dict[str, bytes]:
    """The filters of a segment, by name."""
    wanted = select(segment_filter.c.field, segment_filter.c.bits).where(
        segment_filter.c.stream == about.stream, segment_filter.c.first_seq == about.first_seq
    )
    return {row.field: row.bits for row in connection.execute(wanted)}


def read_rollups(connection: Connection, about: Segment) -> dict[str, bytes]:
    """The roll-ups of a segment, by kind."""
    wanted = select(segment_rollup.c.kind, segment_rollup.c.counts).where(
        segment_rollup.c.stream == about.stream, segment_rollup.c.first_seq == about.first_seq
    )
    return {row.kind: row.counts for row in connection.execute(wanted)}


def enter(connection: Connection, sealed: Sealed) -> None:
    """Enter a segment into the index, in the place of an earlier generation of it, if there is one.

    Does not move ``sealed_through``.
    """
    place = {"stream": sealed.segment.stream, "first_seq": sealed.segment.first_seq}
    for table in (segment, segment_filter, segment_rollup):
        connection.execute(
            delete(table).where(
                table.c.stream == place["stream"], table.c.first_seq == place["first_seq"]
            )
        )
    connection.execute(insert(segment), asdict(sealed.segment))
    if sealed.filters:
        connection.execute(
            insert(segment_filter),
            [{**place, "field": name, "bits": bits} for name, bits in sealed.filters.items()],
        )
    if sealed.rollups:
        connection.execute(
            insert(segment_rollup),
            [{**place, "kind": kind, "counts": counts} for kind, counts in sealed.rollups.items()],
        )


def advance(connection: Connection, stream: str, old: int, new: int) -> None:
    """Move the boundary between archive and journal.

    :raises Corrupt: when it is not where it was
    """
    done = connection.execute(
        update(archive_head)
        .where(archive_head.c.stream == stream, archive_head.c.sealed_through == old)
        .values(sealed_through=new)
    )
    if done.rowcount != 1:
        raise Corrupt(f"the archive of the stream {stream} does not end at record {old:,}")

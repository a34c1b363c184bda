"""What was pruned: the rows that say so, and the steps that make it so. Files are others' business."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert, select, update

from strongroom.audit.archive.index import Segment
from strongroom.audit.archive.tables import (
    archive_head,
    network_drop,
    pruning,
    segment,
    segment_filter,
    segment_rollup,
)
from strongroom.audit.events.event import Stream
from strongroom.errors import Corrupt


@dataclass(frozen=True, slots=True)
class Pruning:
    """Consecutive records that were pruned together.

    :param last_seq: is inside
    :param rule: because of which
    :param pruned_at: microseconds since 1970-01-01 UTC
    """

    stream: str
    first_seq: int
    last_seq: int
    rule: str
    pruned_at: int


def pruned_through(connection: Connection, stream: str) -> int:
    """The first record of the stream that was not pruned.

    :raises Corrupt: when the stream has no head row
    """
    wanted = select(archive_head.c.pruned_through).where(archive_head.c.stream == stream)
    found: int | None = connection.execute(wanted).scalar()
    if found is None:
        raise Corrupt(f"archive_head has no row for the stream {stream}")
    return found


def pruning_of(connection: Connection, stream: str, seq: int) -> Pruning | None:
    """The pruning by which a record went; None when it did not."""
    wanted = select(pruning).where(
        pruning.c.stream == stream, pruning.c.first_seq <= seq, pruning.c.last_seq >= seq
    )
    row = connection.execute(wanted).mappings().first()
    return None if row is None else Pruning(**row)


def enter_pruning(connection: Connection, done: Pruning) -> None:
    """Take a segment out of the index, and move the boundary behind it.

    :raises Corrupt: when the boundary is not where the segment begins, or the index has another
    """
    moved = connection.execute(
        update(archive_head)
        .where(
            archive_head.c.stream == done.stream, archive_head.c.pruned_through == done.first_seq
        )
        .values(pruned_through=done.last_seq + 1)
    )
    if moved.rowcount != 1:
        raise Corrupt(f"the records of {done.stream} do not begin at {done.first_seq:,}")
    gone = 0
    for table in (segment_filter, segment_rollup, segment):
        gone = connection.execute(
            delete(table).where(table.c.stream == done.stream, table.c.first_seq == done.first_seq)
        ).rowcount
    if gone != 1:
        raise Corrupt(f"no segment of {done.stream} begins at {done.first_seq:,}")
    if done.stream == Stream.AUDIT.value:
        connection.execute(delete(network_drop).where(network_drop.c.last_seq <= done.last_seq))
    connection.execute(insert(pruning), asdict(done))


def dropped_networks(connection: Connection) -> dict[int, int]:
    """The audit records without network part: the last number of each span, by its first."""
    wanted = select(network_drop.c.first_seq, network_drop.c.last_seq)
    return {row.first_seq: row.last_seq for row in connection.execute(wanted)}


def enter_network_drop(connection: Connection, about: Segment, dropped_at: int) -> None:
    """The records of this segment have no network part any more."""
    row = {"first_seq": about.first_seq, "last_seq": about.last_seq, "dropped_at": dropped_at}
    connection.execute(insert(network_drop), row)

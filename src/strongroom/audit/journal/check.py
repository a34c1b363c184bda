"""Whether a stream is whole: dense, and the tree's edge is that of its entries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, select

from strongroom.audit.events.event import Stream
from strongroom.audit.journal.head import Head
from strongroom.audit.journal.tables import journal
from strongroom.audit.merkle import CompactRange, leaf_hash
from strongroom.errors import Corrupt
from strongroom.store import Store

BATCH: Final = 5_000


Before = Callable[[Connection, Stream], tuple[int, CompactRange]]
"""How many records of a stream are not in the journal any more, and the tree over their entries."""


def _all_here(_connection: Connection, _stream: Stream) -> tuple[int, CompactRange]:
    return 0, CompactRange()


def check_stream(store: Store, stream: Stream, before: Before = _all_here) -> int:
    """The number of records in the stream, when it is whole. Memory use is constant.

    Recomputes the tree from the stored entries, so a changed entry shows too.

    :param before: what of it was sealed
    :raises Corrupt: naming the first record that is missing, or what does not fit
    """
    with store.read() as connection:
        head = Head.load(connection, stream)
        position, edge = before(connection, stream)
        wanted = select(journal.c.seq, journal.c.entry).where(
            journal.c.stream == stream.value, journal.c.seq >= position
        )
        rows = connection.execution_options(yield_per=BATCH).execute(wanted.order_by(journal.c.seq))
        for batch in rows.partitions():
            for row in batch:
                if not isinstance(row.entry, bytes):
                    raise Corrupt(f"the entry of record {position:,} is not what was stored")
                if row.seq != position:
                    raise Corrupt(f"record {position:,} is missing; the next is {row.seq:,}")
                position += 1
            if head.edge is not None:
                edge = edge.extend(leaf_hash(row.entry) for row in batch)
        if position != head.next_seq:
            raise Corrupt(f"{position:,} records, but the head says {head.next_seq:,}")
        if head.edge is not None and edge != head.edge:
            raise Corrupt("the entries do not give the root hash that the head has")
    return position

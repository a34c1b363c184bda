"""The entries that the tree is made of, as the journal has them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from strongroom.errors import Corrupt
from strongroom.store.engine import driver_cursor

_NEXT: Final = (
    "SELECT seq, entry FROM journal WHERE stream = 'audit' AND seq >= ? AND seq < ? ORDER BY seq"
)


def next_entries(connection: Connection, start: int, end: int) -> list[bytes]:
    """The entries of the records [start, end) of the audit stream.

    :raises Corrupt: naming the first that is missing
    """
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    cursor = driver_cursor(connection)
    cursor.execute(_NEXT.replace("?", mark), (start, end))
    rows: list[tuple[int, bytes]] = cursor.fetchall()
    for expected, (seq, entry) in zip(range(start, end), rows, strict=False):
        if seq != expected:
            raise Corrupt(f"record {expected:,} is missing; the next is {seq:,}")
        if not isinstance(entry, bytes):
            raise Corrupt(f"the entry of record {expected:,} is not what was stored")
    if len(rows) < end - start:
        raise Corrupt(f"record {start + len(rows):,} is missing, and all after it")
    return [entry for _, entry in rows]

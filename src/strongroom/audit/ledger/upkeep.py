"""Whatever the ledger needs at its hour: heartbeats, and fewer of the old checkpoints."""

from __future__ import annotations

import time
from typing import Final

from sqlalchemy import Connection, delete, func, select

from strongroom.audit.events import Stream
from strongroom.audit.journal.tables import journal, journal_head
from strongroom.audit.ledger.keys import known_keys
from strongroom.audit.ledger.tables import ledger_checkpoint
from strongroom.store import Store

KEPT_SECONDS: Final = 7 * 24 * 3600
"""Every checkpoint is kept for a week; of older ones the last of each hour."""

AHEAD_SECONDS: Final = 300
"""So far a clock may have been ahead without anything being wrong."""

_HOUR: Final = 3600 * 10**6


def has_unsigned(store: Store) -> bool:
    """Whether there are audit records that no checkpoint covers."""
    head = select(journal_head.c.next_seq).where(journal_head.c.stream == Stream.AUDIT.value)
    signed = select(func.max(ledger_checkpoint.c.size))
    with store.read() as connection:
        entries = connection.execute(head).scalar() or 0
        return entries > (connection.execute(signed).scalar() or 0)


def heartbeat_due(store: Store, seconds: int) -> bool:
    """Whether no heartbeat was recorded for so long.

    One of the future does not count: it was made while the clock was ahead, and would silence the
    others until then.
    """
    now = time.time_ns() // 1000
    since = now - seconds * 10**6
    wanted = select(journal.c.seq).where(
        journal.c.timestamp >= since,
        journal.c.timestamp <= now + AHEAD_SECONDS * 10**6,
        journal.c.stream == Stream.AUDIT.value,
        journal.c.event == "heartbeat",
    )
    with store.read() as connection:
        return connection.execute(wanted.limit(1)).first() is None


def thin_checkpoints(store: Store) -> int:
    """Delete what need not be kept; how many.

    The newest stays, and the first of each key, which shows that the key before it agreed.

    :raises Unavailable: when the database cannot be written
    """
    until = time.time_ns() // 1000 - KEPT_SECONDS * 10**6
    with store.read() as connection:
        given_up = _given_up(connection, until)
    if given_up:
        gone = ledger_checkpoint.c.size.in_(given_up)
        store.write(lambda connection: connection.execute(delete(ledger_checkpoint).where(gone)))
    return len(given_up)


def _given_up(connection: Connection, until: int, most: int = 1_000) -> list[int]:
    old = select(ledger_checkpoint.c.size, ledger_checkpoint.c.signed_at).where(
        ledger_checkpoint.c.signed_at < until
    )
    last_of_hour: dict[int, int] = {}
    sizes = []
    for row in connection.execute(old.order_by(ledger_checkpoint.c.size)):
        sizes.append(row.size)
        last_of_hour[row.signed_at // _HOUR] = row.size
    newest = connection.execute(
        select(ledger_checkpoint.c.size).order_by(ledger_checkpoint.c.size.desc()).limit(1)
    ).scalar()
    kept = {*last_of_hour.values(), newest, *(key.first_size for key in known_keys(connection))}
    return [size for size in sizes if size not in kept][:most]

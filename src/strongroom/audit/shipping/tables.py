"""The tables of shipping, as the migrations have made them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, Text

metadata = MetaData()

shipping_cursor = Table(
    "shipping_cursor",
    metadata,
    Column("destination", String(32), primary_key=True),
    Column("stream", String(8), primary_key=True),
    # Records below it were taken, or are among the dead letters.
    Column("next_seq", BigInteger, nullable=False),
    # Microseconds since 1970-01-01 UTC, as are the others; null while nothing was taken.
    Column("shipped_at", BigInteger),
)

shipping_state = Table(
    "shipping_state",
    metadata,
    Column("destination", String(32), primary_key=True),
    # Since when nothing was taken; null while all is well.
    Column("failing_since", BigInteger),
    Column("error", Text),
    # When it was recorded that shipping has stalled, and that retention waits no longer.
    Column("stalled_at", BigInteger),
    Column("abandoned_at", BigInteger),
)

shipping_dead_letter = Table(
    "shipping_dead_letter",
    metadata,
    Column("destination", String(32), primary_key=True),
    Column("stream", String(8), primary_key=True),
    Column("first_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("last_seq", BigInteger, nullable=False),
    # How many of them were refused: some destinations do not say which.
    Column("refused", Integer, nullable=False),
    # In our words: what a destination answers may hold what must be forgotten some day.
    Column("reason", Text, nullable=False),
    Column("refused_at", BigInteger, nullable=False),
)

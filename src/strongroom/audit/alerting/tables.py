"""The tables of alerts, as the migrations have made them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, String, Table

metadata = MetaData()

alert_cursor = Table(
    "alert_cursor",
    metadata,
    Column("stream", String(8), primary_key=True),
    # Critical records below this have been found.
    Column("next_seq", BigInteger, nullable=False),
)

alert_waiting = Table(
    "alert_waiting",
    metadata,
    Column("destination", String(32), primary_key=True),
    Column("stream", String(8), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    # Microseconds since 1970-01-01 UTC.
    Column("found_at", BigInteger, nullable=False),
    # JSON of what is told: enumerations, numbers and opaque ids, nothing that may have to be forgotten.
    Column("told", LargeBinary, nullable=False),
)

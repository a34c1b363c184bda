"""The journal's tables, as the migrations have made them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, String, Table

metadata = MetaData()

journal = Table(
    "journal",
    metadata,
    Column("stream", String(8), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", String(36), nullable=False),
    # Microseconds since 1970-01-01 UTC; the entry holds the same as text.
    Column("timestamp", BigInteger, nullable=False),
    Column("level", String(8), nullable=False),
    Column("event", String(64), nullable=False),
    Column("request_id", String(36)),
    # The exact bytes that were hashed; never serialised again.
    Column("entry", LargeBinary, nullable=False),
    Column("content", LargeBinary),
    Column("content_salt", LargeBinary(16)),
    Column("network", LargeBinary),
    Column("network_salt", LargeBinary(16)),
)

journal_head = Table(
    "journal_head",
    metadata,
    Column("stream", String(8), primary_key=True),
    Column("next_seq", BigInteger, nullable=False),
    # Compact range of the Merkle tree over the stream: 32 bytes for each 1 bit of next_seq.
    Column("edge", LargeBinary, nullable=False),
)

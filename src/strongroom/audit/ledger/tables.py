"""The ledger's tables, as the migrations have made them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)

metadata = MetaData()

ledger_tile = Table(
    "ledger_tile",
    metadata,
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("tile_index", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
)

ledger_checkpoint = Table(
    "ledger_checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    # Microseconds since 1970-01-01 UTC.
    Column("signed_at", BigInteger, nullable=False),
    Column("note", LargeBinary, nullable=False),
)

ledger_key = Table(
    "ledger_key",
    metadata,
    # 0 is the key that the ledger began with.
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("verifier_key", Text, nullable=False, unique=True),
    Column("first_size", BigInteger),
    # Signed by the key before and by this one; null for the first key, and after a loss.
    Column("handover", LargeBinary),
)

ledger_verdict = Table(
    "ledger_verdict",
    metadata,
    # Who has looked: 1 the verification, 2 the signing, 3 the comparison with the copies.
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("checked_at", BigInteger, nullable=False),
    Column("failure", Text),
)

ledger_copy = Table(
    "ledger_copy",
    metadata,
    Column("place", Text, primary_key=True),
    Column("size", BigInteger),
    Column("copied_at", BigInteger),
    Column("error", Text),
)

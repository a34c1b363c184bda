"""The archive's index in the database, as the migrations have made it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

archive_head = Table(
    "archive_head",
    metadata,
    Column("stream", String(8), primary_key=True),
    # Records below this are in segments, those from it on in the journal. A search reads it once.
    Column("sealed_through", BigInteger, nullable=False),
    # Records below this were pruned.
    Column("pruned_through", BigInteger, nullable=False),
)

segment = Table(
    "segment",
    metadata,
    Column("stream", String(8), primary_key=True),
    Column("first_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("last_seq", BigInteger, nullable=False),
    # Counts up each time that something in it is forgotten; names the file.
    Column("generation", Integer, nullable=False),
    # Microseconds since 1970-01-01 UTC.
    Column("min_timestamp", BigInteger, nullable=False),
    Column("max_timestamp", BigInteger, nullable=False),
    # Of all its objects that go when it is pruned.
    Column("bytes", BigInteger, nullable=False),
    # Whether some value stands in the column "rest"; mostly none does.
    Column("has_rest", Boolean, nullable=False),
    Column("sealed_at", BigInteger, nullable=False),
)

segment_filter = Table(
    "segment_filter",
    metadata,
    Column("stream", String(8), primary_key=True),
    Column("first_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("field", String(32), primary_key=True),
    # Split-block Bloom filter over the field's exact values, as Apache Parquet defines it.
    Column("bits", LargeBinary, nullable=False),
)

segment_rollup = Table(
    "segment_rollup",
    metadata,
    Column("stream", String(8), primary_key=True),
    Column("first_seq", BigInteger, primary_key=True, autoincrement=False),
    # "minutes", or the name of a field.
    Column("kind", String(32), primary_key=True),
    # Compressed counts; see archive/rollups.py.
    Column("counts", LargeBinary, nullable=False),
)

pruning = Table(
    "pruning",
    metadata,
    # Of the records that were pruned together; those of a stream follow one another from 0 on.
    Column("stream", String(8), primary_key=True),
    Column("first_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("rule", String(16), nullable=False),
    Column("pruned_at", BigInteger, nullable=False),
)

network_drop = Table(
    "network_drop",
    metadata,
    # Of audit records whose addresses and agents were dropped since they were old.
    Column("first_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("dropped_at", BigInteger, nullable=False),
)

hold = Table(
    "hold",
    metadata,
    Column("id", String(36), primary_key=True),
    # Null for all streams, or for no bound, or for all names.
    Column("stream", String(8)),
    Column("since", BigInteger),
    Column("until", BigInteger),
    # Goes with the row when the hold is released; the ledger has it in a part that can be forgotten.
    Column("filename", Text),
    Column("reason", Text, nullable=False),
    Column("placed_by", Text, nullable=False),
    Column("placed_at", BigInteger, nullable=False),
)

forgetting = Table(
    "forgetting",
    metadata,
    Column("id", String(36), primary_key=True),
    # Of whom: a user, or an address. Who that is stands nowhere.
    Column("kind", String(8), nullable=False),
    # pending, clean once nothing was found any more, done once that was recorded.
    Column("state", String(8), nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    # Counts up whenever records have lost something: whoever keeps copies in memory compares it.
    Column("changes", BigInteger, nullable=False),
    # While it is pending: what is looked for, encrypted, so that it does not find itself.
    Column("traces", LargeBinary),
    Column("traces_key", LargeBinary),
    # What it waits for, in words that name nobody.
    Column("waits", Text),
)

forgotten = Table(
    "forgotten",
    metadata,
    Column("forgetting_id", String(36), primary_key=True),
    Column("stream", String(8), primary_key=True),
    Column("part", String(8), primary_key=True),
    # Sequence number // 65,536; see archive/forgotten.py for the list of those that are listed.
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    Column("seqs", LargeBinary, nullable=False),
)

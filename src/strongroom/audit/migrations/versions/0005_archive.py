"""The archive: an index of sealed segments, with filters and roll-ups to prune and count by."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

STREAMS = ("audit", "ops", "imported")


def upgrade() -> None:
    head = op.create_table(
        "archive_head",
        sa.Column("stream", sa.String(8), primary_key=True),
        sa.Column("sealed_through", sa.BigInteger, nullable=False),
        sa.Column("pruned_through", sa.BigInteger, nullable=False),
    )
    rows = [{"stream": name, "sealed_through": 0, "pruned_through": 0} for name in STREAMS]
    op.bulk_insert(head, rows)
    op.create_table(
        "segment",
        *_place(),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("min_timestamp", sa.BigInteger, nullable=False),
        sa.Column("max_timestamp", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("has_rest", sa.Boolean, nullable=False),
        sa.Column("sealed_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "segment_filter",
        *_place(),
        sa.Column("field", sa.String(32), primary_key=True),
        sa.Column("bits", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "segment_rollup",
        *_place(),
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("counts", sa.LargeBinary, nullable=False),
    )


def _place() -> tuple[sa.Column[str], sa.Column[int]]:
    return (
        sa.Column("stream", sa.String(8), primary_key=True),
        sa.Column("first_seq", sa.BigInteger, primary_key=True, autoincrement=False),
    )

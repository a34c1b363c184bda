"""The journal and the heads of its streams."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "journal",
        sa.Column("stream", sa.String(8), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("timestamp", sa.BigInteger, nullable=False),
        sa.Column("level", sa.String(8), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(36)),
        sa.Column("entry", sa.LargeBinary, nullable=False),
        sa.Column("content", sa.LargeBinary),
        sa.Column("content_salt", sa.LargeBinary(16)),
        sa.Column("network", sa.LargeBinary),
        sa.Column("network_salt", sa.LargeBinary(16)),
        sa.PrimaryKeyConstraint("stream", "seq"),
    )
    # Level and event stand in it so that a filter by them reads the index alone.
    op.create_index("journal_by_time", "journal", ["timestamp", "stream", "seq", "level", "event"])
    op.create_index("journal_by_id", "journal", ["id"], unique=True)
    op.create_index("journal_by_request", "journal", ["request_id"])
    op.create_table(
        "journal_head",
        sa.Column("stream", sa.String(8), primary_key=True),
        sa.Column("next_seq", sa.BigInteger, nullable=False),
        sa.Column("edge", sa.LargeBinary, nullable=False),
    )
    op.bulk_insert(
        sa.table(
            "journal_head",
            sa.column("stream", sa.String),
            sa.column("next_seq", sa.BigInteger),
            sa.column("edge", sa.LargeBinary),
        ),
        [{"stream": stream, "next_seq": 0, "edge": b""} for stream in ("audit", "ops")],
    )

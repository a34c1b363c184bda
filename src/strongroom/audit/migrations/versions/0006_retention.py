"""Retention: what was pruned, whose network part was dropped, and what must be kept."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "pruning",
        sa.Column("stream", sa.String(8), primary_key=True),
        sa.Column("first_seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("rule", sa.String(16), nullable=False),
        sa.Column("pruned_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "network_drop",
        sa.Column("first_seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("dropped_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "hold",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("stream", sa.String(8)),
        sa.Column("since", sa.BigInteger),
        sa.Column("until", sa.BigInteger),
        sa.Column("filename", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("placed_by", sa.Text, nullable=False),
        sa.Column("placed_at", sa.BigInteger, nullable=False),
    )

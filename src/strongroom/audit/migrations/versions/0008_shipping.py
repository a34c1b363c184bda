"""Shipping: how far each destination has come, and what it refused."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "shipping_cursor",
        sa.Column("destination", sa.String(32), primary_key=True),
        sa.Column("stream", sa.String(8), primary_key=True),
        sa.Column("next_seq", sa.BigInteger, nullable=False),
        sa.Column("shipped_at", sa.BigInteger),
    )
    op.create_table(
        "shipping_state",
        sa.Column("destination", sa.String(32), primary_key=True),
        sa.Column("failing_since", sa.BigInteger),
        sa.Column("error", sa.Text),
        sa.Column("stalled_at", sa.BigInteger),
        sa.Column("abandoned_at", sa.BigInteger),
    )
    op.create_table(
        "shipping_dead_letter",
        sa.Column("destination", sa.String(32), primary_key=True),
        sa.Column("stream", sa.String(8), primary_key=True),
        sa.Column("first_seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("refused", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("refused_at", sa.BigInteger, nullable=False),
    )

"""Alerts: how far critical records were found, and what each destination has not taken yet."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "alert_cursor",
        sa.Column("stream", sa.String(8), primary_key=True),
        sa.Column("next_seq", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "alert_waiting",
        sa.Column("destination", sa.String(32), primary_key=True),
        sa.Column("stream", sa.String(8), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("found_at", sa.BigInteger, nullable=False),
        sa.Column("told", sa.LargeBinary, nullable=False),
    )

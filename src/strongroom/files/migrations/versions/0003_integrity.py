"""Content that was found damaged, who has it, and how far the scrub is."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "damaged",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("stamp", sa.Text, nullable=False),
        sa.Column("found_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "damaged_file",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("file_id", sa.String(36), primary_key=True),
    )
    op.create_table(
        "scrub",
        sa.Column("scrub_id", sa.Integer, primary_key=True),
        sa.Column("last", sa.String(64), nullable=False),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
    )

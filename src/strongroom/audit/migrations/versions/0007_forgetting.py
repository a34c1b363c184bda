"""Forgetting: what is to be forgotten, and the exact list of the records that have lost a part."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "forgetting",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("changes", sa.BigInteger, nullable=False),
        sa.Column("traces", sa.LargeBinary),
        sa.Column("traces_key", sa.LargeBinary),
        sa.Column("waits", sa.Text),
    )
    op.create_table(
        "forgotten",
        sa.Column("forgetting_id", sa.String(36), primary_key=True),
        sa.Column("stream", sa.String(8), primary_key=True),
        sa.Column("part", sa.String(8), primary_key=True),
        sa.Column("block", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("seqs", sa.LargeBinary, nullable=False),
    )

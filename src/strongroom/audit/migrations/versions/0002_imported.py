"""The head of the stream of other programs' logs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.bulk_insert(
        sa.table(
            "journal_head",
            sa.column("stream", sa.String),
            sa.column("next_seq", sa.BigInteger),
            sa.column("edge", sa.LargeBinary),
        ),
        [{"stream": "imported", "next_seq": 0, "edge": b""}],
    )

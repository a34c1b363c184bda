"""The ledger: hash tiles, signed checkpoints, the keys that signed them, copies held elsewhere."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "ledger_tile",
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("tile_index", sa.BigInteger, nullable=False),
        # Up to 256 hashes of 32 bytes; the last tile of a level has fewer.
        sa.Column("hashes", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("level", "tile_index"),
    )
    op.create_table(
        "ledger_checkpoint",
        sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("signed_at", sa.BigInteger, nullable=False),
        sa.Column("note", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "ledger_key",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("verifier_key", sa.Text, nullable=False, unique=True),
        # The first checkpoint that this key signed; the key before it signed that one too.
        sa.Column("first_size", sa.BigInteger),
        # The statement by which the key before gives the ledger to this one, signed by both; null
        # for the first key, and where the key before was lost.
        sa.Column("handover", sa.LargeBinary),
    )
    op.create_table(
        "ledger_copy",
        sa.Column("place", sa.Text, primary_key=True),
        # The newest checkpoint that the place has taken, and when.
        sa.Column("size", sa.BigInteger),
        sa.Column("copied_at", sa.BigInteger),
        # Why the latest attempt failed; null when it did not.
        sa.Column("error", sa.Text),
    )
    op.create_table(
        "ledger_verdict",
        # Who has looked: 1 the verification, 2 the signing, 3 the comparison with the copies.
        sa.Column("number", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("checked_at", sa.BigInteger, nullable=False),
        # Why it does not hold; null when it does.
        sa.Column("failure", sa.Text),
    )

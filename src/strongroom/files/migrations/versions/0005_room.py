"""Room held for content that is about to be stored; indexes of folders alone and of versions by age."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "held",
        sa.Column("user_id", sa.String(36), primary_key=True),
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("file_size_bytes", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("held_by_expiry", "held", ["expires_at"])
    # Whatever its state, as what is below a folder is found; without the files in it, of which there
    # may be very many.
    op.create_index(
        "node_folders",
        "node",
        ["parent_id"],
        sqlite_where=sa.text("kind = 'folder'"),
        postgresql_where=sa.text("kind = 'folder'"),
    )
    op.drop_index("file_version_by_file", "file_version")
    op.create_index("file_version_by_age", "file_version", ["file_id", "created_at", "version_id"])

"""Files and their versions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "file",
        sa.Column("file_id", sa.String(36), primary_key=True),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("version_id", sa.String(36), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String(36)),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
    )
    # Two files in the trash may bear one name, two listed ones may not.
    op.create_index(
        "file_by_name",
        "file",
        ["filename"],
        unique=True,
        sqlite_where=sa.text("state = 'listed'"),
        postgresql_where=sa.text("state = 'listed'"),
    )
    op.create_table(
        "file_version",
        sa.Column("version_id", sa.String(36), primary_key=True),
        sa.Column("file_id", sa.String(36), sa.ForeignKey("file.file_id"), nullable=False),
        sa.Column("file_size_bytes", sa.BigInteger, nullable=False),
        sa.Column("content_type", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String(36)),
    )
    op.create_index("file_version_by_file", "file_version", ["file_id"])
    op.create_index("file_version_by_content", "file_version", ["sha256"])

"""Sizes beside names, so that every order of a folder has an index; metadata of uploads as sent."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column(
        "node", sa.Column("file_size_bytes", sa.BigInteger, nullable=False, server_default="0")
    )
    op.execute(
        "UPDATE node SET file_size_bytes = (SELECT v.file_size_bytes FROM file_version AS v"
        " WHERE v.version_id = node.version_id) WHERE version_id IS NOT NULL"
    )
    listed: dict[str, Any] = {
        "sqlite_where": sa.text("state = 'listed'"),
        "postgresql_where": sa.text("state = 'listed'"),
    }
    op.create_index(
        "node_by_size", "node", ["parent_id", "kind", "file_size_bytes", "node_id"], **listed
    )
    # What a search goes through, wherever it is; with all that it looks at.
    op.create_index(
        "node_by_age", "node", ["kind", "changed_at", "node_id", "parent_id", "name_key"], **listed
    )
    op.add_column("upload", sa.Column("metadata", sa.Text))

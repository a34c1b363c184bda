"""Folders, versions, permissions, quotas and resumable uploads."""

import unicodedata
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ROOT = "00000000-0000-0000-0000-000000000000"


def upgrade() -> None:
    _make_nodes()
    _make_versions()
    _copy()
    op.drop_table("file_version_0001")
    op.drop_table("file")
    op.create_index("file_version_by_file", "file_version", ["file_id"])
    op.create_index("file_version_by_content", "file_version", ["sha256"])
    op.create_index(
        "file_version_replaced",
        "file_version",
        ["replaced_at"],
        sqlite_where=sa.text("replaced_at IS NOT NULL"),
        postgresql_where=sa.text("replaced_at IS NOT NULL"),
    )
    _make_permissions()
    _make_storage()
    _make_uploads()


def _make_nodes() -> None:
    op.create_table(
        "node",
        sa.Column("node_id", sa.String(36), primary_key=True),
        sa.Column("parent_id", sa.String(36), sa.ForeignKey("node.node_id")),
        sa.Column("kind", sa.String(6), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_key", sa.Text, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("version_id", sa.String(36)),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String(36)),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("trashed_by", sa.String(36)),
    )
    listed: dict[str, Any] = {
        "sqlite_where": sa.text("state = 'listed'"),
        "postgresql_where": sa.text("state = 'listed'"),
    }
    # Two things in the trash may bear one name, two listed ones in one folder may not.
    op.create_index("node_by_name", "node", ["parent_id", "name"], unique=True, **listed)
    op.create_index("node_by_key", "node", ["parent_id", "kind", "name_key", "node_id"], **listed)
    op.create_index(
        "node_by_change", "node", ["parent_id", "kind", "changed_at", "node_id"], **listed
    )
    op.create_index(
        "node_trashed",
        "node",
        ["changed_at", "node_id"],
        sqlite_where=sa.text("state = 'trashed'"),
        postgresql_where=sa.text("state = 'trashed'"),
    )
    # Whatever its state: a folder that is purged takes all with it that was ever in it.
    op.create_index("node_by_parent", "node", ["parent_id"])


def _make_versions() -> None:
    op.drop_index("file_version_by_file", "file_version")
    op.drop_index("file_version_by_content", "file_version")
    op.rename_table("file_version", "file_version_0001")
    op.create_table(
        "file_version",
        sa.Column("version_id", sa.String(36), primary_key=True),
        sa.Column("file_id", sa.String(36), sa.ForeignKey("node.node_id"), nullable=False),
        sa.Column("file_size_bytes", sa.BigInteger, nullable=False),
        sa.Column("content_type", sa.Text, nullable=False),
        sa.Column("detected_type", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String(36)),
        sa.Column("replaced_at", sa.BigInteger),
    )


def _copy() -> None:
    connection = op.get_bind()
    node = sa.text(
        "INSERT INTO node (node_id, parent_id, kind, name, name_key, state, version_id,"
        " created_at, created_by, changed_at) VALUES (:node_id, :parent_id, :kind, :name,"
        " :name_key, :state, :version_id, :created_at, :created_by, :changed_at)"
    )
    root = {
        "node_id": ROOT, "parent_id": None, "kind": "folder", "name": "", "name_key": "",
        "state": "listed", "version_id": None, "created_at": 0, "created_by": None, "changed_at": 0,
    }  # fmt: skip
    connection.execute(node, root)
    stored = connection.execute(sa.text("SELECT * FROM file")).mappings()
    while rows := stored.fetchmany(1_000):
        copied = [
            {
                "node_id": row["file_id"], "parent_id": ROOT, "kind": "file",
                "name": row["filename"], "name_key": _key(row["filename"]), "state": row["state"],
                "version_id": row["version_id"], "created_at": row["created_at"],
                "created_by": row["created_by"], "changed_at": row["changed_at"],
            }
            for row in rows
        ]  # fmt: skip
        connection.execute(node, copied)
    op.execute(
        "INSERT INTO file_version (version_id, file_id, file_size_bytes, content_type,"
        " detected_type, sha256, created_at, created_by)"
        " SELECT version_id, file_id, file_size_bytes, content_type,"
        " 'application/octet-stream', sha256, created_at, created_by FROM file_version_0001"
    )


def _key(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _make_permissions() -> None:
    op.create_table(
        "folder_permission",
        sa.Column("folder_id", sa.String(36), sa.ForeignKey("node.node_id"), primary_key=True),
        sa.Column("user_id", sa.String(36), primary_key=True),
        sa.Column("level", sa.String(8), nullable=False),
    )
    op.get_bind().execute(
        sa.text("INSERT INTO folder_permission VALUES (:root, 'everyone', 'write')"), {"root": ROOT}
    )


def _make_storage() -> None:
    op.create_table(
        "user_storage",
        sa.Column("user_id", sa.String(36), primary_key=True),
        sa.Column("used_bytes", sa.BigInteger, nullable=False),
        sa.Column("quota_bytes", sa.BigInteger),
    )
    op.execute(
        "INSERT INTO user_storage (user_id, used_bytes) SELECT created_by, sum(file_size_bytes)"
        " FROM file_version WHERE created_by IS NOT NULL GROUP BY created_by"
    )


def _make_uploads() -> None:
    op.create_table(
        "upload",
        sa.Column("upload_id", sa.String(36), primary_key=True),
        sa.Column("parent_id", sa.String(36), nullable=False),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("content_type", sa.Text, nullable=False),
        sa.Column("file_size_bytes", sa.BigInteger),
        sa.Column("replaces", sa.String(64)),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String(36)),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("file_id", sa.String(36)),
    )
    op.create_index("upload_by_expiry", "upload", ["expires_at"])

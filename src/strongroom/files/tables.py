"""The file server's tables, as the migrations have made them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, String, Table, Text

metadata = MetaData()

ROOT_ID: Final = "00000000-0000-0000-0000-000000000000"
"""Of the one folder that is in no other."""

EVERYONE: Final = "everyone"
"""Stands in the place of a ``user_id`` where a permission is for all people."""

# Times are microseconds since 1970-01-01 UTC.

node = Table(
    "node",
    metadata,
    Column("node_id", String(36), primary_key=True),  # a file's file_id, a folder's folder_id
    Column("parent_id", String(36), ForeignKey("node.node_id")),  # none for the root alone
    Column("kind", String(6), nullable=False),  # folder or file
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),  # what names are sorted and searched by
    Column("state", String(8), nullable=False),  # listed or trashed
    Column("version_id", String(36)),  # of a file, the one that is shown
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(36)),
    Column("changed_at", BigInteger, nullable=False),
    Column("trashed_by", String(36)),
    Column("file_size_bytes", BigInteger, nullable=False, server_default="0"),
)
"""Folders and files. What is in a trashed folder stays as it was: only the folder is trashed.

The size is that of the version that is shown, kept here since lists are sorted by it."""

file_version = Table(
    "file_version",
    metadata,
    Column("version_id", String(36), primary_key=True),
    Column("file_id", String(36), ForeignKey("node.node_id"), nullable=False),
    Column("file_size_bytes", BigInteger, nullable=False),
    Column("content_type", Text, nullable=False),  # as declared
    Column("detected_type", Text, nullable=False),  # as its first bytes show
    Column("sha256", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(36)),
    Column("replaced_at", BigInteger),  # none for the one that is shown
)

folder_permission = Table(
    "folder_permission",
    metadata,
    Column("folder_id", String(36), ForeignKey("node.node_id"), primary_key=True),
    Column("user_id", String(36), primary_key=True),  # or EVERYONE
    Column("level", String(8), nullable=False),  # read, write or manage
)
"""A folder with rows of its own has these alone; the others have those of the folder above."""

user_storage = Table(
    "user_storage",
    metadata,
    Column("user_id", String(36), primary_key=True),
    Column("used_bytes", BigInteger, nullable=False),  # of all versions they uploaded, kept so far
    Column("quota_bytes", BigInteger),  # none where the setting counts
)

held = Table(
    "held",
    metadata,
    Column("user_id", String(36), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("file_size_bytes", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
"""Room for content that somebody with a quota is about to store: from before it is published, until a
version names it. What is published and then refused counts until it has been collected."""

upload = Table(
    "upload",
    metadata,
    Column("upload_id", String(36), primary_key=True),
    Column("parent_id", String(36), nullable=False),
    Column("filename", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("file_size_bytes", BigInteger),  # none while it is not known
    Column("replaces", String(64)),  # SHA-256 of the version to be replaced
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(36)),
    Column("expires_at", BigInteger, nullable=False),
    Column("file_id", String(36)),  # once it is stored
    Column("metadata", Text),  # as the client sent it; none of uploads from before it was kept
)
"""Resumable uploads. How much has arrived is in the object store, where it cannot be wrong."""

damaged = Table(
    "damaged",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("stamp", Text, nullable=False),  # of the stored content then; empty when it was gone
    Column("found_at", BigInteger, nullable=False),
)
"""Content that is not what was uploaded. Counts as long as the stamp is the same: who uploads the
content anew makes it sound without knowing of this."""

damaged_file = Table(
    "damaged_file",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("file_id", String(36), primary_key=True),
)
"""Which files are recorded as damaged by it already."""

scrub = Table(
    "scrub",
    metadata,
    Column("scrub_id", Integer, primary_key=True),  # 1: there is one row
    Column("last", String(64), nullable=False),  # the hash that was read last
    Column("began_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),  # none while a round is under way
)

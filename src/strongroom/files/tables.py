"""The file server's tables, as the migrations have made them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, MetaData, String, Table, Text

metadata = MetaData()

# Times are microseconds since 1970-01-01 UTC.

file = Table(
    "file",
    metadata,
    Column("file_id", String(36), primary_key=True),
    Column("filename", Text, nullable=False),
    Column("state", String(8), nullable=False),  # listed or trashed
    Column("version_id", String(36), nullable=False),  # the one that is shown
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(36)),
    Column("changed_at", BigInteger, nullable=False),
)

file_version = Table(
    "file_version",
    metadata,
    Column("version_id", String(36), primary_key=True),
    Column("file_id", String(36), ForeignKey("file.file_id"), nullable=False),
    Column("file_size_bytes", BigInteger, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(36)),
)

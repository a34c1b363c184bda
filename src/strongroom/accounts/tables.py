"""The tables of accounts, as the migrations have made them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

# Times are microseconds since 1970-01-01 UTC. Of secrets only the SHA-256 is kept, in hex.

account = Table(
    "account",
    metadata,
    Column("user_id", String(36), primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False, unique=True),  # what names are compared on
    Column("role", String(16), nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("password_hash", Text),  # Argon2's own format; none until a password was chosen
    Column("created_at", BigInteger, nullable=False),
    Column("last_sign_in_at", BigInteger),
)

account_link = Table(
    "account_link",
    metadata,
    Column("secret_hash", String(64), primary_key=True),
    Column("kind", String(8), nullable=False),  # setup or password
    Column("user_id", String(36), ForeignKey("account.user_id")),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
)

account_session = Table(
    "account_session",
    metadata,
    Column("session_id", String(36), primary_key=True),
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("user_id", String(36), ForeignKey("account.user_id"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("user_agent", Text),
    Column("ip_address", String(64)),
)

account_token = Table(
    "account_token",
    metadata,
    Column("token_id", String(36), primary_key=True),
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("user_id", String(36), ForeignKey("account.user_id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),  # separated by spaces
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),
)

sign_in_count = Table(
    "sign_in_count",
    metadata,
    Column("kind", String(8), primary_key=True),  # pair, address or account
    Column("account", String(48), primary_key=True),  # see accounts/throttle.py; or empty
    Column("address", String(64), primary_key=True),  # a network; or empty
    Column("attempts", Integer, nullable=False),
    Column("counted_at", BigInteger, nullable=False),
    Column("blocked_until", BigInteger, nullable=False),
)

sign_in_address = Table(
    "sign_in_address",
    metadata,
    Column("user_id", String(36), ForeignKey("account.user_id"), primary_key=True),
    Column("address", String(64), primary_key=True),  # a network
    Column("last_used_at", BigInteger, nullable=False),
)

"""Accounts, sessions, tokens, one-time links, and counts of failed sign-ins."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("user_id", sa.String(36), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_key", sa.Text, nullable=False, unique=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("password_hash", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("last_sign_in_at", sa.BigInteger),
    )
    op.create_table(
        "account_link",
        sa.Column("secret_hash", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("user_id", sa.String(36), sa.ForeignKey("account.user_id")),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
    )
    op.create_index("account_link_by_user", "account_link", ["user_id"])
    op.create_table(
        "account_session",
        sa.Column("session_id", sa.String(36), primary_key=True),
        sa.Column("secret_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("user_id", sa.String(36), sa.ForeignKey("account.user_id"), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("last_used_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("user_agent", sa.Text),
        sa.Column("ip_address", sa.String(64)),
    )
    op.create_index("account_session_by_user", "account_session", ["user_id"])
    op.create_table(
        "account_token",
        sa.Column("token_id", sa.String(36), primary_key=True),
        sa.Column("secret_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("user_id", sa.String(36), sa.ForeignKey("account.user_id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("last_used_at", sa.BigInteger),
    )
    op.create_index("account_token_by_user", "account_token", ["user_id"])
    op.create_table(
        "sign_in_count",
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("account", sa.String(48), primary_key=True),
        sa.Column("address", sa.String(64), primary_key=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("counted_at", sa.BigInteger, nullable=False),
        sa.Column("blocked_until", sa.BigInteger, nullable=False),
    )
    op.create_index("sign_in_count_by_time", "sign_in_count", ["counted_at"])
    op.create_table(
        "sign_in_address",
        sa.Column("user_id", sa.String(36), sa.ForeignKey("account.user_id"), primary_key=True),
        sa.Column("address", sa.String(64), primary_key=True),
        sa.Column("last_used_at", sa.BigInteger, nullable=False),
    )

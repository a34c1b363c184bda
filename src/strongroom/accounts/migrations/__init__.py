"""The tables of accounts, as Alembic revisions."""

from pathlib import Path

from strongroom.store.migrate import Schema

ACCOUNTS_SCHEMA = Schema("accounts", Path(__file__).parent / "versions")
"""Accounts, their sessions, tokens and one-time links, and what slows guessing down."""

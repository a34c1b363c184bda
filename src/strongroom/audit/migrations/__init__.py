"""The tables of the audit system, as Alembic revisions."""

from pathlib import Path

from strongroom.store.migrate import Schema

AUDIT_SCHEMA = Schema("audit", Path(__file__).parent / "versions")

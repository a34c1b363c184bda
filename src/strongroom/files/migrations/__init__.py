"""The tables of the file server, as Alembic revisions."""

from pathlib import Path

from strongroom.store.migrate import Schema

FILES_SCHEMA = Schema("files", Path(__file__).parent / "versions")

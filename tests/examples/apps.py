"""Small applications to watch, and what was recorded of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask

from strongroom import AuditLog
from tests.examples.running import Record, stored


def new_app(name: str, folder: Path) -> Flask:
    """An application whose records are in ``<folder>/<name>.db``, as :func:`watched` has it."""
    return Flask(name, instance_path=str(folder))


def watched(app: Flask, **options: Any) -> AuditLog:
    """Its audit log."""
    return AuditLog(app, database=f"sqlite:///{app.name}.db", viewer=None, **options)


def records(audit: AuditLog) -> list[Record]:
    """Everything recorded so far but the process's start and stop, oldest first."""
    audit.store.close()  # all that is queued is on disk when this returns
    found = stored(audit.store.path)
    return [record for record in found if not record["event"].startswith("application_")]


def events(audit: AuditLog) -> list[str]:
    """The names of the same, sorted."""
    return sorted(record["event"] for record in records(audit))

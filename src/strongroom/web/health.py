"""Whether the process lives, and whether it can do its work."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from strongroom.audit.extension import AuditLog
from strongroom.audit.ledger.verdict import read_verdict
from strongroom.errors import Unavailable
from strongroom.permissions import Access, needs

COUNTED = {
    "/healthz": "healthz",
    "/readyz": "readyz",
    "/metrics": "metrics",
    "/static/": "static",
    "/files/static/": "static",
    "/history/static/": "static",
    "/accounts/static/": "static",
}
"""Path prefixes of requests that are counted, not recorded one by one."""


def health_blueprint(audit: AuditLog) -> Blueprint:
    """``/healthz`` and ``/readyz``."""
    health = Blueprint("health", __name__)

    @health.get("/healthz")
    @needs(Access.ANYBODY)
    def healthz() -> dict[str, Any]:
        return {"status": "ok"}

    @health.get("/readyz")
    @needs(Access.ANYBODY)
    def readyz() -> tuple[dict[str, Any], int]:
        try:
            audit.journal.probe()
        except Unavailable:
            return {"status": "unavailable", "journal": "cannot be written"}, 503
        verdict = read_verdict(audit.store)
        if verdict is not None and verdict.failure is not None:
            # What exactly is in the records, for those who may read them.
            return {"status": "unavailable", "ledger": "does not hold"}, 503
        return {"status": "ok"}, 200

    return health

"""An application of somebody else's ships its records too."""

from __future__ import annotations

import json
from pathlib import Path

from flask import Flask

from strongroom import AuditLog
from strongroom.audit.events.system import ApplicationStarted
from strongroom.audit.shipping import Destination
from tests.receiving import wait_for


def test_its_records_arrive(tmp_path: Path) -> None:
    out = tmp_path / "records.jsonl"
    app = Flask("shop", instance_path=str(tmp_path))
    audit = AuditLog(app, destinations=[Destination("lines", f"file:{out}")])

    @app.get("/")
    def home() -> str:
        return "hello"

    audit.log(ApplicationStarted())
    app.test_client().get("/").close()
    try:
        wait_for(lambda: out.exists() and out.read_text().count("\n") >= 3)
        [status] = audit.shipping.status()
        assert status.state.failing_since is None
    finally:
        audit.close()
    records = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    ops = [record["event"] for record in records if record["stream"] == "ops"]
    assert ops[:3] == ["application_started", "request", "response"]

"""Every piece of code in "Add it to your application" runs, and does what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import structlog
from flask import Flask

from strongroom import AuditLog
from tests.examples.running import flask_run, named, stored

PAGE = Path(__file__).parents[2] / "docs" / "add-to-your-application.md"
TEXT = PAGE.read_text("utf-8")


def snippet(containing: str) -> str:
    """The one piece of Python on the page that has this in it."""
    (found,) = [
        code for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if containing in code
    ]
    return str(found)


def run(code: str, folder: Path) -> dict[str, Any]:
    """What the code defines, its application having its instance in the folder."""
    names: dict[str, Any] = {"__name__": "page"}
    placed = code.replace("Flask(__name__", f"Flask(__name__, instance_path={str(folder)!r}")
    exec(compile(placed, str(PAGE), "exec", dont_inherit=True), names)
    return names


@pytest.mark.parametrize("command", [True, False])
def test_the_first_five_minutes(tmp_path: Path, command: bool) -> None:
    code = snippet('log.info("invoice_paid", invoice_id=number)')
    if command:
        (tmp_path / "shop.py").write_text(f"{code}\n\ndef create_app(_): return app\n")
        with (
            flask_run(str(tmp_path / "shop.py"), "", tmp_path / "log") as server,
            server.client() as client,
        ):
            assert client.post("/invoices/7/pay").json() == {"paid": 7}
            found = {"query": "event:invoice_paid"}
            while "/invoices/7/pay" not in client.get("/logs", params=found).text:
                time.sleep(0.05)  # committed within 50 ms; a test's time-out ends this otherwise
        records = stored(tmp_path / "instance" / "audit.db")
    else:
        names = run(code, tmp_path)
        answer = names["app"].test_client().post("/invoices/7/pay", buffered=True)
        records = names["audit"].records()
        names["audit"].close()
        assert answer.headers["X-Request-ID"] == named(records, "invoice_paid")[0]["request_id"]
    (paid,) = named(records, "invoice_paid")
    assert (paid["extra"], paid["stream"]) == ({"invoice_id": 7}, "ops")
    assert {"method", "path", "ip_address", "user_agent"} <= paid.keys()
    (response,) = [r for r in named(records, "response") if r["request_id"] == paid["request_id"]]
    assert response["status"] == 200


def test_who_it_was(tmp_path: Path) -> None:
    audit = AuditLog(Flask("app", instance_path=str(tmp_path)))
    exec(snippet('bind_contextvars(user_id="u-31")'), {"structlog": structlog})
    structlog.get_logger().info("invoice_paid")
    structlog.contextvars.clear_contextvars()
    assert audit.records()[-1]["user_id"] == "u-31"
    audit.close()


def test_a_declared_event(tmp_path: Path) -> None:
    names = run(snippet("class InvoicePaid(Event)"), tmp_path)
    names["app"].test_client().post("/invoices/7/pay", buffered=True)
    (paid,) = names["audit"].records("event:invoice_paid")
    assert paid["extra"] == {"invoice_id": 7}
    assert (paid["event"], paid["stream"], paid["outcome"]) == ("invoice_paid", "audit", "success")
    names["audit"].close()


def test_a_transaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declared, _, _ = snippet("class InvoicePaid(Event)").partition("app = Flask")
    events = ModuleType("events")
    exec(compile(declared, str(PAGE), "exec", dont_inherit=True), events.__dict__)
    monkeypatch.setitem(sys.modules, "events", events)
    names = run(snippet("audit.transaction(connection)"), tmp_path)
    with names["sqlite3"].connect(names["path"]) as connection:
        connection.execute("create table payment (invoice int)")
    names["pay"](7)
    assert connection.execute("select invoice from payment").fetchall() == [(7,)]
    connection.close()
    (paid,) = names["audit"].records("event:invoice_paid")
    assert paid["extra"] == {"invoice_id": 7}
    names["audit"].close()


def test_who_may_read(tmp_path: Path) -> None:
    names = run(snippet("allow_viewer=lambda"), tmp_path)
    client = names["app"].test_client()
    assert client.get("/internal/logs", buffered=True).status_code == 403
    with client.session_transaction() as session:
        session["is_admin"] = True
    assert client.get("/internal/logs", buffered=True).status_code == 200
    names["audit"].close()


def test_the_test_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "test_app.py").write_text(snippet("import pytest"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    finished = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert finished.returncode == 0, finished.stdout
    assert "1 passed" in finished.stdout


def test_numbers(tmp_path: Path) -> None:
    names = run(snippet("registry.register(audit.metrics)"), tmp_path)
    client = names["app"].test_client()
    client.get("/nowhere", buffered=True)
    told = client.get("/metrics", buffered=True).text
    names["audit"].close()
    assert 'strongroom_requests_total{method="GET",status="404"} 1.0' in told
    assert told.endswith("# EOF\n")


def test_no_code_goes_untested() -> None:
    assert len(re.findall(r"```python\n", TEXT)) == 8


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", TEXT):
        assert (PAGE.parent / target).exists(), target

"""Behind ``ProxyFix``, and with a logging set-up of its own that must not be broken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from examples import behind_proxy
from strongroom import AuditLog
from strongroom.audit.access import from_loopback, from_this_machine
from tests.examples.conftest import Closing
from tests.examples.running import ROOT, gunicorn, named, stored

FORWARDED = {"X-Forwarded-For": "203.0.113.9", "User-Agent": "person"}

VISIT = """
import sys
from examples import behind_proxy
app = behind_proxy.create_app(sys.argv[1], audited=sys.argv[2] == "audited")
client = app.test_client()
client.post("/invoices/7/pay", buffered=True)
client.get("/fail", buffered=True)
client.get("/nowhere", buffered=True)
"""


def visit(instance: Path, how: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", VISIT, str(instance), how],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


def test_what_is_printed_stays_and_is_recorded_once(tmp_path: Path) -> None:
    before, audited = visit(tmp_path, "before"), visit(tmp_path, "audited")
    assert before.stderr.count("\n") >= 3
    assert (audited.stdout, audited.stderr) == (before.stdout, before.stderr)

    records = stored(tmp_path / "audit.db")
    (paid,) = named(records, "invoice_paid")
    assert paid["extra"] == {"invoice_id": 7}
    assert (paid["path"], paid["level"]) == ("/invoices/7/pay", "info")
    (slow,) = named(records, "message_logged")
    assert slow["extra"] == {"logger": "bank", "message": "transfer 7 is slow"}
    (failed,) = named(records, "payment_failed")
    assert (failed["error_type"], failed["level"]) == ("ValueError", "error")
    assert failed["exception"][0]["frames"]  # structured, though it is printed as text
    assert named(records, "not_printed") == []


def test_under_a_real_server(tmp_path: Path) -> None:
    log = tmp_path / "log"
    target = f"examples.behind_proxy:create_app('{tmp_path}')"
    with gunicorn(target, log, LOGS_WORD="sesame") as server, server.client() as client:
        assert client.post("/invoices/8/pay", headers=FORWARDED).json() == {"paid": 8}
        assert client.get("/logs", headers=FORWARDED).status_code == 403
        assert client.get("/logs", headers=FORWARDED, auth=("", "sesame")).status_code == 200
    records = stored(tmp_path / "audit.db")
    by_person = [record for record in records if record.get("user_agent") == "person"]
    assert len(by_person) > 6
    for record in by_person:
        assert (record["ip_address"], record["peer_address"]) == ("203.0.113.9", "127.0.0.1")
    assert named(by_person, "access_denied")[0]["reason"] == "viewer_not_allowed"
    starting = [
        r for r in named(records, "message_logged") if r["extra"]["logger"] == "gunicorn.error"
    ]
    assert starting  # the server's own messages, though its loggers do not propagate
    assert '"event": "invoice_paid"' in log.read_text()


def addresses(tmp_path: Path, app: Flask, closing: Closing) -> set[tuple[Any, Any]]:
    """Client and peer in every record of one request through the proxy."""
    audit = closing(app)

    @app.get("/")
    def index() -> str:
        return "ok"

    app.test_client().get("/", headers=FORWARDED, buffered=True)
    audit.store.close()
    records = [r for r in stored(tmp_path / "audit.db") if "request_id" in r]
    assert len(records) == 2
    return {(record["ip_address"], record["peer_address"]) for record in records}


@pytest.mark.parametrize("order", ["ProxyFix first", "AuditLog first", "two proxies first"])
def test_the_order_does_not_matter(tmp_path: Path, closing: Closing, order: str) -> None:
    app = Flask("app", instance_path=str(tmp_path))
    if order == "AuditLog first":
        AuditLog(app)
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    if order == "two proxies first":
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=0, x_host=1)  # type: ignore[method-assign]
    if order != "AuditLog first":
        AuditLog(app)
    assert addresses(tmp_path, app, closing) == {("203.0.113.9", "127.0.0.1")}


def test_without_proxy_fix_a_header_is_not_believed(tmp_path: Path, closing: Closing) -> None:
    app = Flask("app", instance_path=str(tmp_path))
    AuditLog(app)
    assert addresses(tmp_path, app, closing) == {("127.0.0.1", "127.0.0.1")}


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("127.0.0.1", {"Host": "127.0.0.1:5000"}, 200),
        ("::1", {"Host": "[::1]:5000"}, 200),
        ("192.0.2.1", {}, 403),
        ("", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 403),  # a proxy on this machine
        ("127.0.0.1", {"X-Forwarded-Host": "localhost"}, 403),
        ("127.0.0.1", {"X-Forwarded-Proto": "https"}, 403),
        ("127.0.0.1", {"X-Forwarded-Server": "a"}, 403),
        ("127.0.0.1", {"X-Real-IP": "127.0.0.1"}, 403),
        ("127.0.0.1", {"Via": "1.1 proxy"}, 403),
        ("127.0.0.1", {"CF-Connecting-IP": "127.0.0.1"}, 403),
        ("127.0.0.1", {"Forwarded": "for=192.0.2.1"}, 403),
        ("127.0.0.1", {"Host": "files.example.org"}, 403),  # DNS rebinding
    ],
)
def test_by_default_the_viewer_is_for_this_machine(
    tmp_path: Path, closing: Closing, address: str, headers: dict[str, str], status: int
) -> None:
    app = Flask("app", instance_path=str(tmp_path))
    closing(AuditLog(app))
    client = app.test_client()
    environ = {"REMOTE_ADDR": address}
    answer = client.get("/logs", headers=headers, environ_overrides=environ, buffered=True)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("believed", "asked", "status"),
    [
        ({"x_for": 1}, ("127.0.0.1", {}), 200),  # past the proxy
        ({"x_for": 1}, ("192.0.2.1", {}), 403),
        ({"x_for": 1}, ("192.0.2.1", {"X-Forwarded-For": "127.0.0.1"}), 403),  # not by the proxy
        ({"x_for": 1}, ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}), 403),
        ({"x_for": 1}, ("127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}), 403),
        ({"x_for": 2}, ("127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}), 403),  # one proxy only
        ({"x_for": 0, "x_proto": 1}, ("127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}), 403),
        ({"x_for": 0, "x_host": 1}, ("127.0.0.1", {"X-Forwarded-Host": "localhost"}), 403),
    ],
)
@pytest.mark.parametrize("order", ["ProxyFix first", "AuditLog first"])
def test_nor_does_it_open_through_proxy_fix(
    tmp_path: Path,
    order: str,
    believed: dict[str, int],
    asked: tuple[str, dict[str, str]],
    status: int,
) -> None:
    app = Flask("app", instance_path=str(tmp_path))
    if order == "AuditLog first":
        AuditLog(app)
    app.wsgi_app = ProxyFix(app.wsgi_app, **believed)  # type: ignore[method-assign]
    if order == "ProxyFix first":
        AuditLog(app)
    address, headers = asked
    environ = {"REMOTE_ADDR": address}
    client = app.test_client()
    answer = client.get("/logs", headers=headers, environ_overrides=environ, buffered=True)
    app.extensions["strongroom.audit"].close()
    assert answer.status_code == status


def test_without_the_header_the_connection_itself_must_be_local() -> None:
    """``ProxyFix`` in other middleware may have used a header that is gone by now."""
    app = Flask("app")
    replaced = {"werkzeug.proxy_fix.orig": {"REMOTE_ADDR": "192.0.2.1"}}
    for environ, allowed in (({}, True), (replaced, False)):
        overrides = {"REMOTE_ADDR": "127.0.0.1", **environ}
        with app.test_request_context("/", environ_overrides=overrides):
            assert from_loopback() is from_this_machine() is allowed


def test_the_example_says_who_may_read(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Flask("app")
    with app.test_request_context("/", auth=("", "")):
        assert not behind_proxy.may_read_logs()  # no word is set: nobody
    monkeypatch.setenv("LOGS_WORD", "sesame")
    with app.test_request_context("/", auth=("", "sesam")):
        assert not behind_proxy.may_read_logs()

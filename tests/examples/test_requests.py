"""Whatever becomes of a request in a foreign application: one ``request``, one ``response``."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask, Response, stream_with_context
from flask import request as flask_request

from strongroom import AuditLog, Catalogue, Event, Level, Outcome, Stream, declare
from strongroom.errors import Unavailable
from tests.examples.apps import new_app, records, watched
from tests.examples.conftest import Closing
from tests.examples.running import Record, named

log = structlog.get_logger()


@declare("invoice_paid", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO}, own_fields=True)
class InvoicePaid(Event):
    """An invoice was paid."""

    invoice_id: int


@declare(
    "invoice_checked",
    stream=Stream.AUDIT,
    levels={Outcome.SUCCESS: Level.INFO, Outcome.DENIED: Level.WARNING},
    own_fields=True,
)
class InvoiceChecked(Event):
    """Somebody looked an invoice through."""

    outcome: Outcome


CATALOGUE = Catalogue(InvoicePaid, InvoiceChecked)


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return new_app("app", tmp_path)


@pytest.fixture
def audit(app: Flask, closing: Closing) -> AuditLog:
    return closing(watched(app, catalogue=CATALOGUE))


def visit(app: Flask, path: str = "/", method: str = "GET") -> int:
    return app.test_client().open(path, method=method, buffered=True).status_code


def only(audit: AuditLog, event: str) -> Record:
    (record,) = named(records(audit), event)
    return record


def check_one_pair(audit: AuditLog, status: int) -> None:
    assert only(audit, "request")["request_id"] == only(audit, "response")["request_id"]
    assert only(audit, "response")["status"] == status


def test_an_async_view(app: Flask, audit: AuditLog) -> None:
    @app.get("/")
    async def index() -> str:
        log.info("seen")
        return "ok"

    assert visit(app) == 200
    check_one_pair(audit, 200)
    assert only(audit, "seen")["request_id"] == only(audit, "request")["request_id"]


@pytest.mark.parametrize("where", ["before_request", "view", "after_request", "teardown", "async"])
def test_an_exception_anywhere(app: Flask, audit: AuditLog, where: str) -> None:
    def fail(*_: object) -> Any:
        raise ZeroDivisionError(where)

    async def fail_later() -> str:
        raise ZeroDivisionError(where)

    if where == "before_request":
        app.before_request(fail)
    elif where == "after_request":
        app.after_request(fail)
    elif where == "teardown":
        app.teardown_request(fail)
    views: dict[str, Any] = {"view": fail, "async": fail_later}
    view = views.get(where, lambda: "ok")
    app.add_url_rule("/", "index", view)
    if where == "teardown":
        with pytest.raises(ZeroDivisionError):  # leaves Flask; the server answers 500
            visit(app)
    else:
        assert visit(app) == 500
    check_one_pair(audit, 500)
    assert only(audit, "unhandled_exception")["error_msg"] == where
    assert only(audit, "unhandled_exception")["path"] == "/"
    # Flask runs these functions for its answer to the failure as well, and says that it failed too.
    again = ["Request finalizing failed with an error while handling an error"]
    messages = [r["extra"]["message"] for r in named(records(audit), "message_logged")]
    assert messages == (again if where == "after_request" else [])


def test_an_exception_that_flask_lets_through_while_testing(app: Flask, audit: AuditLog) -> None:
    app.testing = True

    @app.get("/")
    def index() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        visit(app)
    check_one_pair(audit, 500)
    assert only(audit, "unhandled_exception")["error_type"] == "ZeroDivisionError"


def test_a_handled_exception_is_none(app: Flask, audit: AuditLog) -> None:
    @app.errorhandler(ZeroDivisionError)
    def handle(_error: ZeroDivisionError) -> tuple[str, int]:
        return "not today", 409

    @app.get("/")
    def index() -> str:
        raise ZeroDivisionError

    assert visit(app) == 409
    check_one_pair(audit, 409)
    assert named(records(audit), "unhandled_exception") == []


def test_the_message_of_an_application_about_its_exception_is_kept(
    app: Flask, audit: AuditLog
) -> None:
    @app.errorhandler(500)
    def sorry(error: object) -> tuple[str, int]:
        app.logger.error("we are sorry", exc_info=getattr(error, "original_exception", None))
        return "sorry", 500

    @app.get("/")
    def index() -> str:
        raise ZeroDivisionError

    assert visit(app) == 500
    assert only(audit, "message_logged")["extra"]["message"] == "we are sorry"
    assert only(audit, "unhandled_exception")["error_type"] == "ZeroDivisionError"


@pytest.mark.parametrize("with_context", [False, True])
def test_a_stream(app: Flask, audit: AuditLog, with_context: bool) -> None:
    def parts() -> Iterator[str]:
        try:
            log.info("stream_begun")
            yield "a"
            if with_context:
                yield flask_request.path
        finally:
            log.info("stream_ended")

    @app.get("/")
    def index() -> Response:
        structlog.contextvars.bind_contextvars(tenant="north")
        return Response(stream_with_context(parts()) if with_context else parts())

    assert visit(app) == 200
    log.info("afterwards")
    check_one_pair(audit, 200)
    request_id = only(audit, "request")["request_id"]
    for event in ("stream_begun", "stream_ended"):
        assert only(audit, event)["request_id"] == request_id
        assert only(audit, event)["extra"] == {"tenant": "north"}
    assert {"request_id", "extra"}.isdisjoint(only(audit, "afterwards"))


def test_a_stream_that_breaks(app: Flask, audit: AuditLog) -> None:
    def parts() -> Iterator[str]:
        yield "a"
        raise ZeroDivisionError("halfway")

    app.add_url_rule("/", "index", lambda: Response(parts()))
    with pytest.raises(ZeroDivisionError):
        visit(app)
    check_one_pair(audit, 200)  # the status had left
    assert only(audit, "response")["outcome"] == "failed"
    assert only(audit, "response")["aborted"] is False
    assert only(audit, "unhandled_exception")["error_msg"] == "halfway"


def test_a_stream_that_the_client_leaves(app: Flask, audit: AuditLog) -> None:
    app.add_url_rule("/", "index", lambda: Response(iter(["a", "b", "c"])))
    answer = app.test_client().get("/")
    next(iter(answer.response))
    answer.close()
    check_one_pair(audit, 200)
    assert only(audit, "response")["aborted"] is True


def test_declared_events_by_instance_and_by_name(app: Flask, audit: AuditLog) -> None:
    @app.get("/")
    def index() -> str:
        audit.log(InvoicePaid(invoice_id=1))
        log.info("invoice_paid", invoice_id=2)
        log.info("invoice_checked", outcome="denied")
        log.info("invoice_lost", invoice_id=3)
        return "ok"

    assert visit(app) == 200
    found = records(audit)
    assert [r["extra"] for r in named(found, "invoice_paid")] == [
        {"invoice_id": 1},
        {"invoice_id": 2},
    ]
    for record in named(found, "invoice_paid"):
        assert (record["stream"], record["outcome"]) == ("audit", "success")
    checked = only(audit, "invoice_checked")
    assert (checked["stream"], checked["level"]) == ("audit", "warning")
    assert only(audit, "invoice_lost")["stream"] == "ops"


def test_fields_of_its_own_are_asked_for_and_well_named() -> None:
    with pytest.raises(TypeError, match="vocabulary of fields: invoice_id"):

        @declare("invoice_lost", stream=Stream.OPS, levels=Level.INFO)
        class InvoiceLost(Event):
            """It cannot be found."""

            invoice_id: int

    with pytest.raises(TypeError, match="not snake_case: invoiceId"):

        @declare("invoice_found", stream=Stream.OPS, levels=Level.INFO, own_fields=True)
        class InvoiceFound(Event):
            """It was found."""

            invoiceId: int  # noqa: N815  # that is the mistake


def test_before_it_watches_anything(capsys: pytest.CaptureFixture[str]) -> None:
    audit = AuditLog()
    with pytest.raises(Unavailable, match="call init_app first"):
        audit.log(InvoicePaid(invoice_id=1))
    audit.close()


def rename(audit: AuditLog, table: str, to: str) -> None:
    connection = sqlite3.connect(audit.store.path)
    connection.execute(f"alter table {table} rename to {to}")
    connection.close()


@pytest.mark.parametrize("probe", [None, False])
def test_while_the_journal_fails_nothing_is_changed(
    app: Flask, closing: Closing, probe: bool | None
) -> None:
    audit = closing(watched(app, catalogue=CATALOGUE, probe=probe))
    done: list[str] = []

    @app.route("/", methods=["GET", "POST"])
    def index() -> str:
        done.append(flask_request.method)
        audit.log(InvoicePaid(invoice_id=1))
        return "ok"

    audit.store.close()
    rename(audit, "journal_head", "away")
    for method in ("POST", "GET"):
        answer = app.test_client().open("/", method=method, buffered=True)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.headers["X-Request-ID"]
    # Without a probe the handler has run by the time anybody knows.
    assert done == (["GET"] if probe is None else ["POST", "GET"])
    rename(audit, "away", "journal_head")
    assert visit(app, method="POST") == 200
    statuses = [record["status"] for record in named(records(audit), "response")]
    assert statuses == [503, 503, 200]


def test_where_it_shall_go_on_without_records(app: Flask, closing: Closing) -> None:
    audit = closing(watched(app, catalogue=CATALOGUE, audit_failure="continue"))

    @app.post("/")
    def index() -> str:
        audit.log(InvoicePaid(invoice_id=1))
        return "ok"

    audit.store.close()
    rename(audit, "journal_head", "away")
    assert visit(app, method="POST") == 200
    rename(audit, "away", "journal_head")


def test_the_probe_is_not_repeated_for_each_request(
    app: Flask, audit: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    probe = audit.journal.probe

    def ask() -> None:
        asked.append("once")
        probe()

    monkeypatch.setattr(audit.journal, "probe", ask)
    monkeypatch.setattr("strongroom.audit.watch.PROBE_SECONDS", 3600.0)
    app.add_url_rule("/", "index", lambda: "ok", methods=["POST", "GET"])
    assert visit(app) == 200
    assert asked == []
    for _ in range(5):
        assert visit(app, method="POST") == 200
    assert asked == ["once"]
    audit.store.close()
    rename(audit, "journal_head", "away")
    with pytest.raises(Unavailable):
        audit.log(InvoicePaid(invoice_id=1))  # a failure makes it ask again
    assert visit(app, method="POST") == 503
    rename(audit, "away", "journal_head")


def test_the_same_exception_again(app: Flask, audit: AuditLog) -> None:
    """One that is raised in two requests is recorded in both, whatever was at its address before."""
    always = ZeroDivisionError("again")

    @app.get("/")
    def fail() -> str:
        raise always

    for _ in range(3):
        assert visit(app) == 500
    assert len(named(records(audit), "unhandled_exception")) == 3

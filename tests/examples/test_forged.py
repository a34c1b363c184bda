"""What a client sends cannot become the request, the event or the stream of a record."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import structlog
from flask import Flask, request

from strongroom import AuditLog, Catalogue, Event, Level, Outcome, Output, Stream, declare
from tests.examples.apps import new_app, records, watched
from tests.examples.conftest import Closing
from tests.examples.running import Record, named

log = structlog.get_logger()

CLAIMS = {
    "request_id": "victim",
    "method": "DELETE",
    "path": "/other",
    "ip_address": "192.0.2.66",
    "peer_address": "192.0.2.67",
    "user_agent": "nobody",
    "client_request_id": "theirs",
    "app": "evil",
    "version": "evil",
    "host": "evil",
    "pid": "1",
}


@declare("invoice_paid", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO}, own_fields=True)
class InvoicePaid(Event):
    """An invoice was paid."""

    invoice_id: int


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return new_app("shop", tmp_path)


@pytest.fixture
def audit(app: Flask, closing: Closing) -> AuditLog:
    return closing(watched(app, catalogue=Catalogue(InvoicePaid)))


def context_of(record: Record) -> Record:
    """The fields that a client has claimed, as they are recorded."""
    return {name: record.get(name) for name in CLAIMS}


@pytest.mark.parametrize("chain", ["default", "of its own"])
def test_what_the_pipeline_binds_cannot_be_claimed(app: Flask, audit: AuditLog, chain: str) -> None:
    if chain == "of its own":
        structlog.configure(processors=[structlog.processors.JSONRenderer()])

    @app.get("/search")
    def search() -> str:
        given = request.args.to_dict()
        log.info("searched", **given)
        log.info("invoice_paid", invoice_id=1, **given)
        structlog.contextvars.bind_contextvars(**given)
        audit.log(InvoicePaid(invoice_id=2))
        return "ok"

    app.test_client().get("/search", query_string=CLAIMS, buffered=True)
    found = records(audit)
    (asked,) = named(found, "request")
    assert context_of(asked)["path"] == "/search"
    logged = ["searched", "invoice_paid", "invoice_paid"]
    assert [record["event"] for record in found] == ["request", *logged, "response"]
    for record in found:
        assert context_of(record) == context_of(asked)
    for record in found[1:4]:
        assert CLAIMS.items() <= record["extra"].items()


def test_nor_outside_of_a_request(audit: AuditLog) -> None:
    log.info("searched", **CLAIMS)
    (record,) = records(audit)
    assert record["extra"] == CLAIMS
    assert record["app"] == "shop"
    assert {"request_id", "path", "ip_address", "version"}.isdisjoint(record)


def test_who_it_was_cannot_be_claimed_once_it_is_bound(app: Flask, audit: AuditLog) -> None:
    @app.get("/")
    def index() -> str:
        log.info("greeted", user_id="first")
        structlog.contextvars.bind_contextvars(user_id="u-31")
        log.info("searched", user_id="admin", extra={"term": "a"})
        log.info("found")
        return "ok"

    app.test_client().get("/", buffered=True)
    found = records(audit)
    assert named(found, "greeted")[0]["user_id"] == "first"
    (searched,) = named(found, "searched")
    assert searched["user_id"] == "u-31"
    assert searched["extra"] == {"term": "a", "user_id": "admin"}
    assert named(found, "found")[0]["user_id"] == "u-31"


def test_a_masked_person_stays_masked(app: Flask, closing: Closing) -> None:
    def mask(_logger: object, _method: str, given: structlog.typing.EventDict) -> object:
        return {**given, "user_id": "masked"}

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            mask,  # type: ignore[list-item]  # returns the event, as processors do
            structlog.processors.JSONRenderer(),
        ]
    )
    audit = closing(watched(app))
    structlog.contextvars.bind_contextvars(user_id="u-31")
    log.info("searched", user_id="u-32")
    log.info("searched")
    assert [record["user_id"] for record in records(audit)] == ["masked", "masked"]


def test_the_names_of_declared_events_are_theirs(app: Flask, audit: AuditLog) -> None:
    @app.get("/")
    def index() -> str:
        for name in ("response", "logs_viewed", "heartbeat", "message_logged"):
            log.info(name, status=200)
        log.info("%s", "access_denied")
        logging.getLogger("library").warning("response")
        return "ok"

    app.test_client().get("/", buffered=True)
    found = records(audit)
    assert [record["event"] for record in found] == [
        "request",
        "app_response",
        "app_logs_viewed",
        "app_heartbeat",
        "app_message_logged",
        "app_access_denied",
        "message_logged",
        "response",
    ]
    assert {record["stream"] for record in found} == {"ops"}


def test_nor_are_they_made_by_formatting_a_sentence(app: Flask, closing: Closing) -> None:
    options = {"catalogue": Catalogue(InvoicePaid), "output": Output("json", "none")}
    audit = closing(watched(app, **options))
    log.info("%s", "access_denied")
    log.info("%s", "invoice_paid")
    names = ["app_access_denied", "app_invoice_paid"]
    assert [(r["event"], r["stream"]) for r in records(audit)] == [(name, "ops") for name in names]


def test_a_name_that_is_declared_by_the_application_is_promoted(audit: AuditLog) -> None:
    log.info("invoice_paid", invoice_id=1)
    (record,) = records(audit)
    assert (record["event"], record["stream"]) == ("invoice_paid", "audit")

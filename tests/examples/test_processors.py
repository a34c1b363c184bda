"""Of an application's own structlog processors: what they add, remove and mask."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask

from strongroom import AuditLog, Output
from tests.examples.apps import new_app, records, watched
from tests.examples.conftest import Closing
from tests.examples.running import Record

log = structlog.get_logger()
library = logging.getLogger("library.of.others")

Processor = Callable[[Any, str, Any], Any]


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return new_app("app", tmp_path)


def configure(*processors: Processor) -> io.StringIO:
    """structlog prints into what is returned, after these processors."""
    printed = io.StringIO()
    structlog.configure(
        processors=[*processors, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(printed),
    )
    return printed


def only(audit: AuditLog) -> Record:
    (record,) = records(audit)
    return record


def without(name: str) -> Processor:
    def remove(_logger: object, _method: str, given: Any) -> Any:
        given.pop(name, None)
        return given

    return remove


@pytest.mark.parametrize("merges", [True, False])
def test_what_is_bound_is_recorded(app: Flask, closing: Closing, merges: bool) -> None:
    configure(*[structlog.contextvars.merge_contextvars] * merges)
    audit = closing(watched(app))
    structlog.contextvars.bind_contextvars(user_id="u-31", tenant="north", filename="a.txt")
    log.info("seen", tenant="south")
    record = only(audit)
    assert (record["user_id"], record["filename"]) == ("u-31", "a.txt")
    assert record["extra"] == {"tenant": "south"}


def test_what_is_bound_and_removed_is_not(app: Flask, closing: Closing) -> None:
    configure(structlog.contextvars.merge_contextvars, without("tenant"))
    audit = closing(watched(app))
    structlog.contextvars.bind_contextvars(user_id="u-31", tenant="north")
    log.info("seen")
    assert only(audit)["user_id"] == "u-31"
    assert "extra" not in only(audit)


def test_what_a_processor_adds_is_recorded(app: Flask, closing: Closing) -> None:
    def tenant(_logger: object, _method: str, given: Any) -> Any:
        return {**given, "tenant": "north", "user_id": "u-31", "ip_address": "192.0.2.66"}

    printed = configure(
        tenant,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.CallsiteParameterAdder(),
        structlog.processors.EventRenamer("msg"),
    )
    audit = closing(watched(app))
    log.info("seen", number=1)
    record = only(audit)
    assert (record["event"], record["user_id"]) == ("seen", "u-31")
    assert record["extra"] == {"number": 1, "tenant": "north", "ip_address": "192.0.2.66"}
    assert '"func_name"' in printed.getvalue()  # printed, and the record has no use for it
    assert "filename" not in record


def fail(message: str) -> None:
    try:
        try:
            raise KeyError("cause")
        except KeyError as cause:
            raise ValueError(message) from cause
    except ValueError:
        log.exception("failed")


RENDERERS: list[Processor] = [
    structlog.processors.format_exc_info,
    structlog.processors.dict_tracebacks,
]


@pytest.mark.parametrize("render", [None, *RENDERERS], ids=["as it is", "text", "data"])
def test_an_exception_is_recorded_whatever_it_is_printed_as(
    app: Flask, closing: Closing, render: Processor | None
) -> None:
    configure(*([] if render is None else [render]))
    audit = closing(watched(app))
    fail("no money")
    record = only(audit)
    assert (record["error_type"], record["error_msg"]) == ("ValueError", "no money")
    assert record["exception"][0]["frames"]
    assert "extra" not in record


def mask_text(_logger: object, _method: str, given: Any) -> Any:
    return {**given, "exception": given["exception"].replace("Mrs X", "***")}


def mask_error(_logger: object, _method: str, given: Any) -> Any:
    return {**given, "exc_info": ValueError("***")}


def mask_with_text(_logger: object, _method: str, given: Any) -> Any:
    return {**given, "exc_info": "***"}


@pytest.mark.parametrize(
    ("processors", "kept"),
    [
        ([without("exc_info")], ""),
        ([structlog.processors.format_exc_info, without("exception")], ""),
        ([structlog.processors.format_exc_info, mask_text], "ValueError: diagnosis of ***"),
        ([mask_error], "***"),
        ([mask_with_text], "***"),
    ],
)
def test_an_exception_that_is_masked_is_not_recorded(
    app: Flask, closing: Closing, processors: list[Processor], kept: str
) -> None:
    configure(*processors)
    audit = closing(watched(app))
    fail("diagnosis of Mrs X")
    record = only(audit)
    assert record["event"] == "failed"
    assert "Mrs X" not in str(record)
    assert kept in str(record)


def test_an_exception_without_a_text_is_recorded_without_raising(
    app: Flask, closing: Closing
) -> None:
    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    configure(structlog.processors.dict_tracebacks)
    audit = closing(watched(app))
    try:
        raise ValueError("outer") from Silent()
    except ValueError:
        log.exception("failed")
    assert only(audit)["event"] == "failed"


def around(factory: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    def make(*given: Any, **named: Any) -> logging.LogRecord:
        return factory(*given, **named)

    return make


@pytest.mark.parametrize("output", [None, Output("json", "none")], ids=["watching", "printing"])
@pytest.mark.parametrize("factory", ["none", "later"])
def test_what_a_message_is_given_besides(
    app: Flask, closing: Closing, output: Output | None, factory: str
) -> None:
    audit = closing(watched(app, output=output))
    ours = logging.getLogRecordFactory()
    if factory == "later":
        logging.setLogRecordFactory(around(around(ours)))
    try:
        library.warning("slow", extra={"bank": 7, "api_key": "c4nary", "logger": "mine"})
        library.warning("plain")
    finally:
        logging.setLogRecordFactory(ours)
    slow, plain = (record["extra"] for record in records(audit))
    assert slow == {
        "bank": 7,
        "api_key": "[redacted]",
        "logger": "library.of.others",
        "message": "slow",
    }
    assert plain == {"logger": "library.of.others", "message": "plain"}

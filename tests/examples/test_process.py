"""What a process has one of: found as it was, shared while it lasts, left as it was found."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging.config import dictConfig
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask

from strongroom import AuditLog, Output
from tests.examples.apps import events, new_app, records, watched
from tests.examples.conftest import Closing
from tests.examples.running import ROOT, Record, named, stored

library = logging.getLogger("library.of.others")


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    made = new_app("app", tmp_path)
    made.add_url_rule("/", "index", lambda: structlog.get_logger().info("seen") or "ok")
    return made


def visit(app: Flask) -> None:
    assert app.test_client().get("/", buffered=True).status_code == 200


def messages(audit: AuditLog) -> list[Record]:
    return [record["extra"] for record in named(records(audit), "message_logged")]


def state() -> dict[str, Any]:
    """Everything of the process that an audit log touches."""
    root = logging.getLogger()
    config = structlog.get_config()
    return {
        "structlog": {**config, "processors": list(config["processors"])},
        "structlog is configured": structlog.is_configured(),
        "handlers": list(root.handlers),
        "level": root.level,
        "factory": logging.getLogRecordFactory(),
        "warnings": warnings.showwarning,
        "threads": threading.excepthook,
        "program": sys.excepthook,
    }


def own_structlog(stream: io.StringIO, **options: Any) -> None:
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(stream),
        **options,
    )


SETUPS: dict[str, Callable[[], object]] = {
    "none": lambda: None,
    "structlog": lambda: own_structlog(io.StringIO()),
    "structlog, nothing in it": lambda: structlog.configure(processors=[]),
    "structlog, in a tuple": lambda: structlog.configure(
        processors=(structlog.processors.JSONRenderer(),)
    ),
    "logging": lambda: logging.getLogger().setLevel(logging.ERROR),
    "warnings": lambda: logging.captureWarnings(capture=True),
}


@pytest.mark.parametrize("output", [None, Output("json", "none")], ids=["watching", "printing"])
@pytest.mark.parametrize("setup", SETUPS.values(), ids=list(SETUPS))
def test_all_is_left_as_it_was_found(
    tmp_path: Path, setup: Callable[[], object], output: Output | None
) -> None:
    setup()
    before = state()
    first = watched(new_app("first", tmp_path), output=output)
    second = watched(new_app("second", tmp_path), output=output)
    assert state() != before
    first.close()
    assert state() != before
    second.close()
    second.close()  # harmless
    assert state() == before
    logging.captureWarnings(capture=False)


def test_structlog_goes_on_printing_and_is_recorded(app: Flask, closing: Closing) -> None:
    printed = io.StringIO()
    early = structlog.get_logger().bind(component="till")  # before anything is configured
    own_structlog(printed, cache_logger_on_first_use=True)
    cached = structlog.get_logger()
    cached.info("before_the_audit_log")
    bound = cached.bind(shop=3)
    audit = closing(watched(app))
    for log in (cached, bound, structlog.get_logger()):
        log.info("sold", number=1)
    early.info("counted")
    visit(app)
    lines = printed.getvalue().splitlines()
    assert lines[:3] == [
        '{"event": "before_the_audit_log"}',
        '{"number": 1, "event": "sold"}',
        '{"shop": 3, "number": 1, "event": "sold"}',
    ]
    assert [record["extra"] for record in named(records(audit), "sold")] == [
        {"number": 1},
        {"shop": 3, "number": 1},
        {"number": 1},
    ]
    assert named(records(audit), "seen")[0]["path"] == "/"


def test_structlog_unconfigured_goes_on_printing_too(
    app: Flask, closing: Closing, capsys: pytest.CaptureFixture[str]
) -> None:
    bound = structlog.get_logger().bind(shop=3)
    audit = closing(watched(app))
    bound.info("sold")
    structlog.get_logger().warning("sold_out")
    printed = capsys.readouterr().out
    assert "sold " in printed
    assert "sold_out" in printed
    assert events(audit) == ["sold", "sold_out"]


def test_what_the_application_masks_or_drops_is_not_recorded(app: Flask, closing: Closing) -> None:
    def mask(_logger: object, _method: str, given: Any) -> Any:
        if given["event"] == "noise":
            raise structlog.DropEvent
        given.pop("diagnosis", None)
        return {**given, "name": "***"} if "name" in given else given

    structlog.configure(processors=[mask, structlog.processors.JSONRenderer()])
    audit = closing(watched(app))
    log = structlog.get_logger()
    log.info("patient_seen", name="Ada", diagnosis="well", room=4)
    log.info("noise")
    library.warning("between")
    (record,) = named(records(audit), "patient_seen")
    assert record["extra"] == {"name": "***", "room": 4}
    assert events(audit) == ["message_logged", "patient_seen"]


@pytest.mark.parametrize("output", [None, Output("json", "none")], ids=["watching", "printing"])
def test_structlog_configured_later_is_joined_at_the_next_request(
    app: Flask, closing: Closing, output: Output | None
) -> None:
    audit = closing(watched(app, output=output))
    visit(app)
    printed = io.StringIO()
    own_structlog(printed)
    visit(app)
    visit(app)
    assert printed.getvalue().count('"seen"') == 2
    assert events(audit).count("seen") == 3


def test_processors_configured_later_print_as_structlog_does_by_default(
    app: Flask, closing: Closing, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = closing(watched(app, output=Output("json", "none")))
    structlog.configure(processors=[structlog.processors.JSONRenderer()])
    visit(app)
    structlog.get_logger().info("%d sold", 3)
    assert capsys.readouterr().out.splitlines() == ['{"event": "seen"}', '{"event": "3 sold"}']
    assert events(audit).count("seen") == 1


def test_capture_logs_of_structlog_works_still(app: Flask, closing: Closing) -> None:
    audit = closing(watched(app))
    with structlog.testing.capture_logs() as captured:
        visit(app)
    visit(app)
    assert [entry["event"] for entry in captured] == ["seen"]
    assert events(audit).count("seen") == 2


@contextmanager
def own_logging(stream: io.StringIO) -> Iterator[None]:
    """A set-up with a handler of its own; what is under test must not change what it prints."""
    handler = {"class": "logging.StreamHandler", "stream": stream, "formatter": "short"}
    quiet = {"handlers": ["out"], "propagate": False, "level": "INFO"}
    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"short": {"format": "%(name)s %(levelname)s %(message)s"}},
            "handlers": {"out": handler},
            "loggers": {"apart": quiet},
            "root": {"handlers": ["out"], "level": "WARNING"},
        }
    )
    try:
        yield
    finally:
        apart = logging.getLogger("apart")
        apart.handlers.clear()
        apart.propagate = True
        apart.setLevel(logging.NOTSET)


@pytest.mark.parametrize("later", [False, True])
def test_a_logging_set_up_stays_as_it_is(app: Flask, closing: Closing, later: bool) -> None:
    printed = io.StringIO()
    audit = None if not later else closing(watched(app))
    with own_logging(printed):
        audit = audit or closing(watched(app))
        library.info("not printed at this level, and so not recorded")
        library.warning("printed")
        logging.getLogger("apart").info("printed, though it does not propagate")
        app.logger.error("by the application")
    assert printed.getvalue().splitlines() == [
        "library.of.others WARNING printed",
        "apart INFO printed, though it does not propagate",
        "app ERROR by the application",
    ]
    assert [extra["message"] for extra in messages(audit)] == [
        "printed",
        "printed, though it does not propagate",
        "by the application",
    ]


def test_a_query_string_in_a_line_of_an_access_log(app: Flask, closing: Closing) -> None:
    audit = closing(watched(app))
    logging.getLogger("werkzeug").warning('"%s" %s', "GET /x?code=c4nary&a=1 HTTP/1.1", 200)
    assert messages(audit)[0]["message"] == '"GET /x?[redacted] HTTP/1.1" 200'


@pytest.mark.parametrize("output", [None, Output("json", "none")], ids=["watching", "printing"])
def test_a_thread_that_fails(app: Flask, closing: Closing, output: Output | None) -> None:
    heard: list[threading.ExceptHookArgs] = []
    before = threading.excepthook
    threading.excepthook = heard.append
    try:
        audit = AuditLog(app, viewer=None, output=output)

        def work() -> None:
            raise ValueError("password=c4nary")

        def leave() -> None:
            raise SystemExit

        for target in (work, leave):
            thread = threading.Thread(target=target, name="night-shift")
            thread.start()
            thread.join()
        (record,) = named(records(audit), "unhandled_exception")
        audit.close()
        assert threading.excepthook == heard.append
    finally:
        threading.excepthook = before
    assert (record["error_type"], record["level"]) == ("ValueError", "error")
    assert record["extra"] == {"thread": "night-shift"}
    assert record["exception"][0]["frames"]
    assert "c4nary" not in str(record)
    assert [arguments.exc_type for arguments in heard] == [ValueError, SystemExit]


WARNING = """
import logging, sys, warnings
from flask import Flask
from strongroom import AuditLog
if sys.argv[2] == "to logging":
    logging.captureWarnings(capture=True)
if sys.argv[3] == "audited":
    AuditLog(Flask("app", instance_path=sys.argv[1]), viewer=None)
warnings.warn("that is old", FutureWarning)
"""


@pytest.mark.parametrize("way", ["shown", "to logging"])
def test_a_warning_arrives_once_and_is_shown_as_ever(tmp_path: Path, way: str) -> None:
    def shown(how: str) -> str:
        command = [sys.executable, "-c", WARNING, str(tmp_path), way, how]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return run.stderr

    assert shown("audited") == shown("before")
    (record,) = stored(tmp_path / "audit.db")
    assert (record["event"], record["level"]) == ("message_logged", "warning")
    assert record["extra"]["logger"] == "py.warnings"
    assert "FutureWarning: that is old" in record["extra"]["message"]


PROGRAM = """
import sys, threading, logging
import structlog
from flask import Flask
from strongroom import AuditLog
app = Flask("app", instance_path=sys.argv[1])
AuditLog(app, viewer=None)
app.add_url_rule("/", "index", lambda: "ok")
app.test_client().get("/", buffered=True)
for number in range(500):
    structlog.get_logger().info("last_words", number=number)
if sys.argv[2] == "raises":
    raise ZeroDivisionError("at the end")
"""


@pytest.mark.parametrize("end", ["returns", "raises"])
def test_nothing_queued_is_lost_at_an_ordinary_exit(tmp_path: Path, end: str) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), end]
    finished = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert finished.returncode == (end == "raises")
    found = stored(tmp_path / "audit.db")
    assert len(named(found, "last_words")) == 500
    assert len(named(found, "application_started")) == len(named(found, "application_stopped")) == 1
    failed = [record["error_msg"] for record in named(found, "unhandled_exception")]
    assert failed == (["at the end"] if end == "raises" else [])
    assert ("ZeroDivisionError: at the end" in finished.stderr) is (end == "raises")

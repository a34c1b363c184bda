"""The standard library's logging goes through the same chain: Flask, the server, libraries."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from strongroom.audit.events import Stream
from strongroom.audit.pipeline import Pipeline, configure_structlog
from tests.unit.making import Capture, capturing_stdlib, stored_bytes

library = logging.getLogger("library.of.others")


@pytest.fixture
def stdlib(capture: Capture) -> Iterator[Capture]:
    """What the standard library logs during the test."""
    with capturing_stdlib(capture.pipeline):
        yield capture


def test_a_message_with_its_logger(stdlib: Capture) -> None:
    library.warning("%d of %s", 3, "them")
    record, stream = stdlib.taken[0]
    assert stream is Stream.OPS
    assert (record["event"], record["level"]) == ("message_logged", "warning")
    assert record["extra"] == {"logger": "library.of.others", "message": "3 of them"}


@pytest.mark.parametrize(
    ("number", "level"),
    [
        (20, "info"),
        (25, "info"),
        (30, "warning"),
        (40, "error"),
        (50, "critical"),
        (99, "critical"),
    ],
)
def test_levels(stdlib: Capture, number: int, level: str) -> None:
    library.log(number, "message")
    assert stdlib.only()["level"] == level


def test_debug_messages_of_libraries_are_not_kept(stdlib: Capture) -> None:
    library.debug("chatter")
    assert stdlib.records == []


def test_an_exception_is_structured(stdlib: Capture) -> None:
    try:
        raise ValueError("password=c4nary")
    except ValueError:
        library.exception("it broke")
    record = stdlib.only()
    assert record["error_type"] == "ValueError"
    assert record["exception"][0]["frames"]
    assert b"c4nary" not in stored_bytes(record)


def test_a_message_is_searched_for_secrets(stdlib: Capture) -> None:
    library.warning("connecting to %s", "postgresql://user:c4nary@host/db")
    assert b"c4nary" not in stored_bytes(stdlib.only())


def test_a_member_is_redacted_by_its_key(stdlib: Capture) -> None:
    """The finished sentence would not tell any more what it holds."""
    library.warning("%(password)s is what %(user)s sent", {"password": "hunter2", "user": "me"})
    assert stdlib.only()["extra"]["message"] == "[redacted] is what me sent"


def test_warnings_come_too(stdlib: Capture) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)  # the context manager has put the old way back
        warnings.warn("that is old", DeprecationWarning, stacklevel=1)
    assert "that is old" in stdlib.only()["extra"]["message"]


@pytest.mark.parametrize("arguments", [("one",), ("one", "two", "three"), ({"a": 1},)])
def test_a_message_whose_arguments_do_not_fit(
    capture: Capture, capsys: pytest.CaptureFixture[str], arguments: tuple[Any, ...]
) -> None:
    with capturing_stdlib(capture.pipeline):  # not as a fixture: pytest's handlers would raise
        library.warning("%s and %d", *arguments)
    assert "%s and %d" in capture.only()["extra"]["message"]
    assert capsys.readouterr().err == ""


def test_nothing_bypasses_redaction_on_the_way_to_the_console(
    capture: Capture, capsys: pytest.CaptureFixture[str]
) -> None:
    with capturing_stdlib(capture.pipeline):
        library.warning("%d password=c4nary", "token=c4nary")
    assert "c4nary" not in capsys.readouterr().err
    assert b"c4nary" not in stored_bytes(capture.only())


def test_a_message_that_is_no_text(stdlib: Capture) -> None:
    library.warning({"password": "c4nary", "a": 1})
    library.warning(ValueError("broken"))
    assert len(stdlib.records) == 2
    assert all(b"c4nary" not in stored_bytes(record) for record in stdlib.records)


def test_when_storing_a_record_logs_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither way into the chain may lead in a circle."""
    taken: list[dict[str, Any]] = []

    def sink(record: dict[str, Any], _stream: Stream) -> None:
        taken.append(record)
        library.error("storing %s", record["id"])
        warnings.warn("storing", ResourceWarning, stacklevel=1)

    pipeline = Pipeline(sink)
    configure_structlog(pipeline)
    try:
        with capturing_stdlib(pipeline), warnings.catch_warnings():
            warnings.simplefilter("always")
            structlog.get_logger().info("cache_warmed")
            library.warning("from outside")
            thread = threading.Thread(target=library.warning, args=("from another thread",))
            thread.start()
            thread.join()
    finally:
        structlog.reset_defaults()
    assert [record["event"] for record in taken] == ["cache_warmed"] + ["message_logged"] * 2


def test_what_the_storage_machinery_says_below_a_warning_is_left_out(stdlib: Capture) -> None:
    logging.getLogger("sqlalchemy.engine").info("BEGIN")
    logging.getLogger("alembic.runtime").info("Context impl")
    assert stdlib.records == []
    logging.getLogger("sqlalchemy.pool").warning("exhausted")
    assert stdlib.only()["extra"]["logger"] == "sqlalchemy.pool"


def test_once_released_nothing_arrives(capture: Capture) -> None:
    handlers = list(logging.getLogger().handlers)
    with capturing_stdlib(capture.pipeline):
        pass
    library.warning("afterwards")
    assert capture.records == []
    assert logging.getLogger().handlers == handlers


def test_a_sentence_with_arguments_that_do_not_fit_never_raises(capture: Capture) -> None:
    """structlog's own formatting runs before any processor, in the caller's thread."""
    log = structlog.get_logger()
    log.info("%d files", 3)
    log.info("%d files", "three")
    log.info("100% done")
    messages = [record["extra"]["message"] for record in capture.records]
    assert messages[0] == "3 files"
    assert "%d files" in messages[1]
    assert messages[2] == "100% done"

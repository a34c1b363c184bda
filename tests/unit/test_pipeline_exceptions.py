"""An exception becomes data: type, message, frames and causes, but no local variables."""

from __future__ import annotations

import json
import sys

import orjson
import pytest
import structlog
from structlog.tracebacks import ExceptionDictTransformer

from strongroom.audit.pipeline.exceptions import MAX_BYTES, MAX_MESSAGE
from strongroom.audit.pipeline.traces import MAX_CHAIN, MAX_EXCEPTIONS
from tests.unit.making import Capture, renderings, stored_bytes

log = structlog.get_logger()


class Mute(Exception):
    """Cannot even be printed."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class Counted(Exception):
    """Counts how often it was read."""

    read = 0

    def __str__(self) -> str:
        type(self).read += 1
        return "x" * 10_000


def recurse(depth: int) -> None:
    if depth == 0:
        raise ValueError("the bottom")
    recurse(depth - 1)


def fail(message: str) -> None:
    local_variable = "visible-in-the-frame-only"
    assert local_variable
    raise ValueError(message)


def chained(length: int) -> Exception:
    """An exception with ``length - 1`` causes, each raised."""
    cause: Exception | None = None
    for number in range(length):
        try:
            raise ValueError(f"number {number}") from cause
        except ValueError as error:
            cause = error
    assert cause is not None
    return cause


def test_type_message_and_frames(capture: Capture) -> None:
    try:
        fail("broken")
    except ValueError:
        log.exception("work_failed")
    record = capture.only()
    assert (record["error_type"], record["error_msg"]) == ("ValueError", "broken")
    (exception,) = record["exception"]
    assert exception["exc_type"] == "ValueError"
    assert [frame["name"] for frame in exception["frames"]][-1] == "fail"
    assert exception["frames"][-1]["filename"] == __file__


def test_local_variables_are_not_recorded(capture: Capture) -> None:
    try:
        fail("broken")
    except ValueError as error:
        log.error("work_failed", exc_info=error)
    assert b"visible-in-the-frame-only" not in stored_bytes(capture.only())
    assert all("locals" not in frame for frame in capture.only()["exception"][0]["frames"])


@pytest.mark.parametrize("given", ["instance", "tuple", "flag"])
def test_however_the_exception_is_given(capture: Capture, given: str) -> None:
    try:
        fail("broken")
    except ValueError as error:
        exc_info = {"instance": error, "tuple": sys.exc_info(), "flag": True}[given]
        log.error("work_failed", exc_info=exc_info)
    assert capture.only()["error_msg"] == "broken"


@pytest.mark.parametrize("given", [None, False, True, "nonsense", (None, None, None)])
def test_where_there_is_none_nothing_is_made_up(capture: Capture, given: object) -> None:
    log.error("work_failed", exc_info=given)
    assert {"error_type", "error_msg", "exception", "extra"}.isdisjoint(capture.only())


def test_causes_are_kept_latest_first(capture: Capture) -> None:
    log.error("work_failed", exc_info=chained(3))
    texts = [item["exc_value"] for item in capture.only()["exception"]]
    assert texts == ["number 2", "number 1", "number 0"]


def test_a_circle_of_causes_ends(capture: Capture) -> None:
    first, second = chained(1), chained(1)
    first.__cause__, second.__cause__ = second, first
    log.error("work_failed", exc_info=first)
    assert len(capture.only()["exception"]) == 2


def test_members_of_a_group_are_kept(capture: Capture) -> None:
    group = ExceptionGroup("both", [ValueError("left"), KeyError("right")])
    log.error("work_failed", exc_info=group)
    text = json.dumps(capture.only()["exception"])
    assert "left" in text
    assert "right" in text


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(chained(1_000), id="a thousand causes"),
        pytest.param(ValueError("x" * 1_000_000), id="a megabyte of text"),
        pytest.param(ExceptionGroup("all", [chained(100) for _ in range(50)]), id="a large group"),
        pytest.param(ValueError(*(chained(3) for _ in range(5_000))), id="many arguments"),
    ],
)
def test_the_whole_stays_within_its_limit(capture: Capture, error: Exception) -> None:
    log.error("work_failed", exc_info=error)
    record = capture.only()
    assert record["event"] == "work_failed"
    assert record["exception"]
    assert record["exception"][0]["exc_type"] == type(error).__name__
    assert len(orjson.dumps(record["exception"])) <= MAX_BYTES
    assert len(record["error_msg"]) <= MAX_MESSAGE
    assert all(renderings(record).values())


def test_a_deep_stack_keeps_both_ends(capture: Capture) -> None:
    try:
        recurse(900)
    except ValueError:
        log.exception("work_failed")
    record = capture.only()
    names = [frame["name"] for frame in record["exception"][0]["frames"]]
    assert names[0] == test_a_deep_stack_keeps_both_ends.__name__
    assert names[-1] == "recurse"
    assert record["error_msg"] == "the bottom"
    assert len(orjson.dumps(record["exception"])) <= MAX_BYTES


def test_each_text_in_the_chain_has_its_limit(capture: Capture) -> None:
    log.error("work_failed", exc_info=ValueError("x" * 100_000))
    (exception,) = capture.only()["exception"]
    assert len(exception["exc_value"]) <= MAX_MESSAGE


def test_an_exception_that_cannot_be_printed(capture: Capture) -> None:
    log.error("work_failed", exc_info=Mute())
    record = capture.only()
    assert (record["event"], record["error_type"]) == ("work_failed", "Mute")
    assert "RuntimeError" in record["error_msg"]
    assert all(renderings(record).values())


def test_an_exception_that_counts_as_false(capture: Capture) -> None:
    class Nothing(Exception):
        def __len__(self) -> int:
            return 0

    log.error("work_failed", exc_info=Nothing("but it happened"))
    assert capture.only()["error_msg"] == "but it happened"


def test_a_value_called_exception_is_no_traceback(capture: Capture) -> None:
    log.error("work_failed", exception="password=hunter2-canary", count=1)
    record = capture.only()
    assert record["count"] == 1
    assert b"hunter2-canary" not in stored_bytes(record)
    assert all("hunter2-canary" not in line for line in renderings(record).values())


@pytest.mark.parametrize("value", [object(), {1: object()}, ["text"], 7, [{"frames": 3}]])
def test_a_value_called_exception_never_stops_a_record(capture: Capture, value: object) -> None:
    log.error("work_failed", exception=value, count=1)
    record = capture.only()
    assert (record["event"], record["count"]) == ("work_failed", 1)
    assert stored_bytes(record)
    assert all(renderings(record).values())


@pytest.mark.parametrize("nested", [False, True])
def test_of_a_large_group_only_a_few_members_are_read(capture: Capture, nested: bool) -> None:
    members: list[Exception] = [Counted() for _ in range(20_000)]
    if nested:
        members = [ExceptionGroup("inner", members[i : i + 10]) for i in range(0, 20_000, 10)]
    Counted.read = 0
    log.error("work_failed", exc_info=ExceptionGroup("all of them", members))
    assert 0 < Counted.read <= 2 * MAX_EXCEPTIONS
    (exception,) = capture.only()["exception"]
    assert exception["exc_value"].startswith("all of them")
    assert len(exception["exceptions"]) > 3
    assert len(orjson.dumps(exception)) <= MAX_BYTES


def test_of_a_long_chain_only_the_latest_are_read(capture: Capture) -> None:
    cause: Exception | None = None
    for _ in range(1_000):
        try:
            raise Counted from cause
        except Counted as error:
            cause = error
    Counted.read = 0
    log.error("work_failed", exc_info=cause)
    assert 0 < Counted.read <= 2 * MAX_CHAIN
    assert len(capture.only()["exception"]) > 3


def test_each_cause_keeps_some_of_its_frames(capture: Capture) -> None:
    cause: Exception | None = None
    for _ in range(MAX_CHAIN):
        try:
            try:
                recurse(300)
            except ValueError as error:
                raise error from cause
        except ValueError as error:
            cause = error
    log.error("work_failed", exc_info=cause)
    chain = capture.only()["exception"]
    assert len(chain) == MAX_CHAIN
    for exception in chain:
        names = [frame["name"] for frame in exception["frames"]]
        assert any(name.startswith("Skipped frames: ") for name in names)
        assert names[-1] == "recurse"


def test_the_fields_are_those_of_structlog(capture: Capture) -> None:
    """Whoever reads structlog's structured tracebacks reads ours."""
    try:
        raise ExceptionGroup("both", [chained(2), SyntaxError("bad", ("a.py", 1, 2, "x y"))])
    except ExceptionGroup as error:
        error.add_note("a note")
        log.error("work_failed", exc_info=error)
        theirs = ExceptionDictTransformer(show_locals=False)(
            (type(error), error, error.__traceback__)
        )
    assert capture.only()["exception"] == theirs

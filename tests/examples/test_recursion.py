"""A failure while logging: no recursion, no exception in the application, something to see."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask

from strongroom import AuditLog, Catalogue, Event, Level, Outcome, Output, Stream, declare
from strongroom.audit.pipeline import trouble
from strongroom.errors import Unavailable
from tests.examples.apps import events, new_app, records, watched
from tests.examples.conftest import Closing
from tests.examples.running import named

library = logging.getLogger("library.of.others")
log = structlog.get_logger()


@declare("thing_kept", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO}, own_fields=True)
class ThingKept(Event):
    """Something was put away."""

    thing: object


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trouble, "_said", set())


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return new_app("app", tmp_path)


@pytest.fixture(params=[None, Output("json", "none")], ids=["watching", "printing"])
def audit(app: Flask, closing: Closing, request: pytest.FixtureRequest) -> AuditLog:
    structlog.configure(processors=[_nothing_to_print])
    if request.param is not None:
        structlog.reset_defaults()
    return closing(watched(app, output=request.param, catalogue=Catalogue(ThingKept)))


def _nothing_to_print(_logger: object, _method: str, given: Any) -> str:
    """A renderer that looks at no value: what is under test is ours."""
    return str(given["event"])


class Talkative:
    """Logs in every way there is whenever somebody looks at it."""

    def __init__(self, audit: AuditLog) -> None:
        self.audit = audit
        self.looked_at = 0

    def __repr__(self) -> str:
        self.looked_at += 1
        if self.looked_at > 50:
            raise AssertionError("it goes round in circles")
        log.info("looked_at", thing=self)
        library.warning("looked at")  # not with itself: other handlers would go round in circles
        warnings.warn(f"looked at {self.looked_at}", UserWarning, stacklevel=1)
        with pytest.raises(Unavailable, match="another record"):
            self.audit.log(ThingKept(thing=self))
        return "Talkative"

    __str__ = __repr__


def test_an_object_that_logs_when_it_is_looked_at(audit: AuditLog) -> None:
    thing = Talkative(audit)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pytest makes an error of it otherwise
        audit.log(ThingKept(thing=thing))
    assert thing.looked_at <= 3
    (kept,) = named(records(audit), "thing_kept")
    assert kept["extra"] == {"thing": "Talkative"}


WAYS: dict[str, Callable[[], object]] = {
    "structlog": lambda: log.info("cache_warmed"),
    "logging": lambda: library.warning("careful"),
    "exception": lambda: library.error("broken", exc_info=ZeroDivisionError("no")),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
@pytest.mark.parametrize(
    "failure", [RuntimeError("no"), RecursionError(), KeyError("x"), OSError()]
)
def test_a_sink_that_fails(
    audit: AuditLog,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    way: Callable[[], object],
    failure: Exception,
) -> None:
    calls: list[object] = []

    def fail(record: object, _stream: object) -> None:
        calls.append(record)
        library.critical("the sink fails")
        log.critical("the_sink_fails")
        raise failure

    monkeypatch.setattr(audit.pipeline, "_sink", fail)
    way()
    assert len(calls) == 1
    seen = capsys.readouterr().err
    assert f"strongroom: a record could not be kept: {type(failure).__name__}" in seen
    assert "not recorded, since a record was being made: the_sink_fails" in seen
    with pytest.raises(Unavailable, match="could not be kept"):
        audit.log(ThingKept(thing=1))
    monkeypatch.undo()
    way()
    assert len(events(audit)) == 1


def test_an_output_that_fails(
    app: Flask, closing: Closing, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken(Output):
        def write(self, record: Any) -> None:
            library.error("cannot print")
            raise ValueError("no paper")

    audit = closing(watched(app, output=Broken("json", "none"), catalogue=Catalogue(ThingKept)))
    log.info("cache_warmed")
    library.warning("careful")
    app.add_url_rule("/", "index", lambda: "ok")
    assert app.test_client().get("/", buffered=True).status_code == 200
    audit.log(ThingKept(thing=1))
    assert events(audit) == ["cache_warmed", "message_logged", "request", "response", "thing_kept"]
    assert (
        "strongroom: a record could not be printed: ValueError: no paper" in capsys.readouterr().err
    )


def test_a_driver_that_logs(
    audit: AuditLog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On the writer's thread, where no record is being made: it may log, and ends nevertheless."""
    commits: list[int] = []
    before = audit.journal.before_commit

    def talkative(connection: Any) -> None:
        commits.append(1)
        before(connection)
        if len(commits) == 1:
            library.warning("a slow commit")
            log.info("slow_commit")

    monkeypatch.setattr(audit.journal, "before_commit", talkative)
    audit.log(ThingKept(thing=1))
    assert events(audit) == ["message_logged", "slow_commit", "thing_kept"]


def test_a_warning_while_a_record_is_made(audit: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = audit.pipeline._sink

    def warn(record: Any, stream: Stream) -> None:
        warnings.warn("while a record is made", ResourceWarning, stacklevel=1)
        sink(record, stream)

    monkeypatch.setattr(audit.pipeline, "_sink", warn)
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        log.info("cache_warmed")
    assert len(shown) <= 1
    assert events(audit) == ["cache_warmed"]


def test_a_message_whose_text_cannot_be_had(audit: AuditLog) -> None:
    class Mute:
        def __str__(self) -> str:
            raise RuntimeError("no text")

        __repr__ = __str__

    root = logging.getLogger()
    root.handlers[:] = [h for h in root.handlers if type(h).__module__.startswith("strongroom")]
    library.warning(Mute())
    library.warning("%s", Mute())
    log.warning("odd_value", value=Mute())
    (odd,) = named(records(audit), "odd_value")
    assert "cannot be read" in odd["extra"]["value"]
    assert len(named(records(audit), "message_logged")) == 2


def test_threads_do_not_silence_each_other(
    audit: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, go_on = threading.Event(), threading.Event()
    sink = audit.pipeline._sink

    def slow(record: Any, stream: Stream) -> None:
        if record["event"] == "slow_one":
            inside.set()
            go_on.wait(30)
        sink(record, stream)

    monkeypatch.setattr(audit.pipeline, "_sink", slow)
    thread = threading.Thread(target=log.info, args=("slow_one",))
    thread.start()
    inside.wait(30)
    log.info("quick_one")
    library.warning("quick too")
    go_on.set()
    thread.join()
    assert events(audit) == ["message_logged", "quick_one", "slow_one"]

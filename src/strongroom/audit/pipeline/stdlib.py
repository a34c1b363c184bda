"""The standard library's logging ends in the same pipeline: Flask, Werkzeug, the WSGI server.

There are two ways to listen. A *handler* at the root logger takes over what is printed: it is for
a process whose console belongs to the audit log. A *record factory*
(``logging.setLogRecordFactory``) only watches: no level, handler or last resort of the
application's own set-up behaves differently, and loggers that do not propagate are heard as well.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from strongroom.audit.events import Event, Level
from strongroom.audit.events.system import MessageLogged
from strongroom.audit.pipeline.context import current_context
from strongroom.audit.pipeline.join import was_recorded
from strongroom.audit.pipeline.redact import redact_members
from strongroom.audit.pipeline.trouble import described, say_once

_OWN_MACHINERY: Final = ("sqlalchemy", "alembic", "structlog")
"""Used to store records: what they say about it below WARNING would never end."""

_QUERY: Final = re.compile(r"([A-Z]{3,10} [^\s?#\"]*)[?#][^\s\"]*(?= HTTP/)")
"""In a request line (RFC 9112, section 3), as servers write it into their access logs."""

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""Attributes that every ``logging.LogRecord`` has; the last two come with formatting."""

_MAX_FRAMES: Final = 12
"""Between ``Logger.makeRecord`` and our factory: other factories, put around it later."""

_NOTED: Final = "_strongroom_noted_in"


class Recorder(Protocol):
    """Takes declared events: a pipeline, or whoever chooses one."""

    @property
    def busy(self) -> bool:
        """Whether this thread is making a record: what is logged meanwhile is left out."""

    def log(
        self, event: Event, *, error: BaseException | None = None, level: Level | None = None
    ) -> None:
        """Log a declared event."""


def note_unhandled(error: BaseException) -> None:
    """This exception was recorded: Flask's own message about it need not be."""
    # On the exception itself: its id will be that of another one later, and holding on to it
    # would keep its frames alive.
    with contextlib.suppress(AttributeError, TypeError):
        setattr(error, _NOTED, current_context().get("request_id"))


def was_noted(error: BaseException) -> bool:
    """Whether this exception was recorded already in this request."""
    request_id = current_context().get("request_id")
    return request_id is not None and getattr(error, _NOTED, None) == request_id


def record_message(
    recorder: Recorder,
    record: logging.LogRecord,
    attributes: Mapping[str, object] | None = None,
) -> None:
    """Make a ``message_logged`` record of a message. Never recurses.

    :param attributes: what was passed as ``extra=``; None where the record has it already
    """
    if record.levelno < logging.WARNING and record.name.startswith(_OWN_MACHINERY):
        return
    if was_recorded(record.msg):
        return
    if recorder.busy:
        if record.levelno >= logging.WARNING:
            say_once(f"not recorded, since a record was being made: {record.msg!s:.100}")
        return
    error = record.exc_info[1] if record.exc_info else None
    if error is not None and was_noted(error) and str(record.msg).startswith("Exception on "):
        return
    own = _attributes(record) if attributes is None else attributes
    event = MessageLogged(extra={**own, "logger": record.name, "message": _message(record)})
    recorder.log(event, error=error, level=_level(record.levelno))


class PipelineHandler(logging.Handler):
    """Records every message that reaches it. Never raises, never recurses."""

    def __init__(self, recorder: Recorder, level: int = logging.INFO) -> None:
        super().__init__(level)
        self._recorder = recorder

    def emit(self, record: logging.LogRecord) -> None:
        """Record one message with its logger's name."""
        _guarded(self._recorder, record)


def watch_messages(recorder: Recorder) -> Callable[[], None]:
    """Record every message of level INFO and above that any logger lets through.

    :returns: stops it, and puts back the factory that was there before
    """
    before: Callable[..., logging.LogRecord] = logging.getLogRecordFactory()
    watching = True

    def make(name: Any, level: Any, *arguments: Any, **named: Any) -> logging.LogRecord:
        record = before(name, level, *arguments, **named)
        # Without a name it is a record from elsewhere being put together (logging.makeLogRecord).
        if watching and name is not None and record.levelno >= logging.INFO:
            _guarded(recorder, record, _passed())
        return record

    def stop() -> None:
        nonlocal watching
        watching = False
        if logging.getLogRecordFactory() is make:
            logging.setLogRecordFactory(before)

    logging.setLogRecordFactory(make)
    return stop


def _guarded(
    recorder: Recorder, record: logging.LogRecord, passed: Mapping[str, object] | None = None
) -> None:
    try:
        attributes = None if passed is None else {**_attributes(record), **passed}
        record_message(recorder, record, attributes)
    except Exception as error:  # noqa: BLE001  # a logging call never raises into the application
        say_once(f"a message could not be recorded: {described(error)}")


def _attributes(record: logging.LogRecord) -> dict[str, object]:
    """What somebody has added to the record, not what ``logging`` or structlog keeps in it."""
    return {
        name: value
        for name, value in vars(record).items()
        if name not in _STANDARD and not name.startswith("_")
    }


def _passed() -> Mapping[str, object]:
    """What the log call that is being made was given as ``extra=``.

    ``Logger.makeRecord`` puts it into the record only after the factory has returned, and offers
    no other way to see it. ``logging`` itself finds the caller of a log call like this.
    """
    frame = inspect.currentframe()  # None where Python has no frames to show
    for _ in range(_MAX_FRAMES):
        if frame is None:
            break
        if frame.f_code is logging.Logger.makeRecord.__code__:
            found = frame.f_locals.get("extra")
            return found if isinstance(found, Mapping) else {}
        frame = frame.f_back
    return {}


def _message(record: logging.LogRecord) -> str:
    try:
        if isinstance(record.args, Mapping):  # "%(password)s", of which the sentence says no name
            message = str(record.msg) % redact_members(record.args)
        else:
            message = record.getMessage()
    except Exception:  # noqa: BLE001  # the arguments do not fit, or have no text
        try:
            message = f"{record.msg} {record.args!r}"
        except Exception as error:  # noqa: BLE001  # as above
            message = f"<message that cannot be read: {type(error).__name__}>"
    return _QUERY.sub(r"\1?[redacted]", message) if " HTTP/" in message else message


def _level(number: int) -> Level:
    if number >= logging.CRITICAL:
        return Level.CRITICAL
    if number >= logging.ERROR:
        return Level.ERROR
    if number >= logging.WARNING:
        return Level.WARNING
    return Level.INFO if number >= logging.INFO else Level.DEBUG


@dataclass(frozen=True, slots=True)
class _Before:
    """What is put back once no handler of ours is left."""

    level: int
    warnings_captured: bool


_before: list[_Before] = []
"""Empty, or what the process had before the first handler: the root logger is the process's."""


def capture_stdlib(recorder: Recorder, level: int = logging.INFO) -> PipelineHandler:
    """Send everything that reaches the root logger, and ``warnings``, into a pipeline."""
    handler = PipelineHandler(recorder, level)
    root = logging.getLogger()
    if not _before:
        captured = warnings.showwarning.__module__ == logging.__name__
        _before.append(_Before(root.level, captured))
    root.addHandler(handler)
    if root.level > logging.INFO or root.level == logging.NOTSET:
        root.setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    return handler


def release_stdlib(handler: PipelineHandler) -> None:
    """Take the handler away again; the last one leaves everything as the first one found it."""
    root = logging.getLogger()
    root.removeHandler(handler)
    if _before and not any(isinstance(other, PipelineHandler) for other in root.handlers):
        before = _before.pop()
        if root.level == logging.INFO:  # else the application has chosen another meanwhile
            root.setLevel(before.level)
        logging.captureWarnings(capture=before.warnings_captured)

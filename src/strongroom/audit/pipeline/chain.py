"""The chain of structlog processors, and the two ways into it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from strongroom.audit.events import Event, Level, Stream
from strongroom.audit.events.system import MessageLogged
from strongroom.audit.pipeline.clock import new_id, now
from strongroom.audit.pipeline.context import current_context
from strongroom.audit.pipeline.exceptions import structure_exception
from strongroom.audit.pipeline.shape import shape

Sink = Callable[[dict[str, Any], Stream], object]
"""Takes a finished record; may raise ``Unavailable`` for the audit stream, and nothing else."""


_METHODS: Final = {
    "debug": Level.DEBUG,
    "info": Level.INFO,
    "warn": Level.WARNING,
    "warning": Level.WARNING,
    "error": Level.ERROR,
    "exception": Level.ERROR,
    "err": Level.ERROR,
    "critical": Level.CRITICAL,
    "fatal": Level.CRITICAL,
}


class Pipeline:
    """Turns log calls into finished records and hands them to a sink. Thread-safe.

    The steps, in order: merge context variables; level, time, id; structured exception;
    redaction and catalogue check; routing.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._busy = threading.local()
        self.processors: list[Processor] = [structlog.contextvars.merge_contextvars, self.process]
        """The chain that ``structlog.get_logger()`` runs through."""

    @property
    def busy(self) -> bool:
        """Whether this thread is inside the pipeline: whatever logs now must not come in again."""
        return getattr(self._busy, "inside", False)

    def log(
        self, event: Event, *, error: BaseException | None = None, level: Level | None = None
    ) -> None:
        """Log a declared event.

        :param error: the exception to record with it
        :param level: only for what other programs log at levels of their own
        :raises Unavailable: an audit event, and the journal cannot be written
        """
        given: EventDict = {"event": event.event_name, **event.values()}
        if error is not None:
            given["exc_info"] = error
        # The same chain as below, without a logger object around it for each call.
        given = structlog.contextvars.merge_contextvars(None, "", given)
        self._route((level or event.level()).value, given, type(event))

    def process(self, _logger: WrappedLogger, method: str, given: EventDict) -> EventDict:
        """Last processor of the chain for undeclared events: finish the record and route it."""
        self._route(_METHODS.get(method, Level.INFO).value, given, None)
        raise structlog.DropEvent

    def _route(self, level: str, given: EventDict, declared: type[Event] | None) -> None:
        stream = Stream.OPS if declared is None else declared.stream
        outer = self.busy
        self._busy.inside = True
        try:
            self._sink(_finish(level, given, declared), stream)
        finally:
            self._busy.inside = outer


def _formatted(message: object, arguments: Any) -> str:
    """``"%d files", 3`` as text; as it stands when the arguments do not fit."""
    try:
        return f"{str(message) % arguments}"
    except (TypeError, ValueError, KeyError):
        return f"{message} {arguments!r}"


def _finish(level: str, given: EventDict, declared: type[Event] | None) -> dict[str, Any]:
    record = {"timestamp": now(), "level": level, "id": new_id(), **current_context()}
    try:
        exception = structure_exception(given.pop("exc_info", None))
        if "positional_args" in given:
            given["event"] = _formatted(given.get("event"), given.pop("positional_args"))
        record.update(shape(given, declared))
        record.update(exception)
    except Exception as error:  # noqa: BLE001  # whatever an odd value raises
        # A log call never raises into the application: say what could not be said.
        trouble = f"a record could not be made: {type(error).__name__}"
        record |= {"event": MessageLogged.event_name, "extra": {"message": trouble}}
    return record


def configure_structlog(pipeline: Pipeline) -> None:
    """Make ``structlog.get_logger()`` everywhere end in this pipeline."""
    structlog.configure(
        processors=pipeline.processors,
        # Leaves formatting to us: a sentence whose arguments do not fit must not raise.
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )

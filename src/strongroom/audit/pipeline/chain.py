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
from strongroom.audit.pipeline.exceptions import structure_exception
from strongroom.audit.pipeline.shape import shape

Sink = Callable[[dict[str, Any], Stream], object]
"""Takes a finished record; may raise ``Unavailable`` for the audit stream, and nothing else."""

DECLARED: Final = "_strongroom_declared"
_RESERVED: Final = ("timestamp", "level", "id", "stream", "seq")

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
        self._logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
            None, processors=self.processors, wrapper_class=_Bound
        )

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
        values = event.values()
        if error is not None:
            values["exc_info"] = error
        method = getattr(self._logger, (level or event.level()).value)
        method(event.event_name, **{DECLARED: type(event)}, **values)

    def process(self, _logger: WrappedLogger, method: str, given: EventDict) -> EventDict:
        """Last processor of the chain: finish the record and route it."""
        declared: type[Event] | None = given.pop(DECLARED, None)
        stream = Stream.OPS if declared is None else declared.stream
        outer = self.busy
        self._busy.inside = True
        try:
            self._sink(_finish(method, given, declared), stream)
        finally:
            self._busy.inside = outer
        raise structlog.DropEvent


_Bound: Final = structlog.make_filtering_bound_logger(0)


def _finish(method: str, given: EventDict, declared: type[Event] | None) -> dict[str, Any]:
    stamp = {"timestamp": now(), "level": _METHODS.get(method, Level.INFO).value, "id": new_id()}
    try:
        taken = {name: given.pop(name) for name in _RESERVED if name in given}
        given.update(stamp)
        if taken:
            given["extra"] = {**taken, **(given.get("extra") or {})}
        return shape(structure_exception(None, method, given), declared)
    except Exception as error:  # noqa: BLE001  # whatever an odd value raises
        # A log call never raises into the application: say what could not be said.
        trouble = f"a record could not be made: {type(error).__name__}"
        return {**stamp, "event": MessageLogged.event_name, "extra": {"message": trouble}}


def configure_structlog(pipeline: Pipeline) -> None:
    """Make ``structlog.get_logger()`` everywhere end in this pipeline."""
    structlog.configure(
        processors=pipeline.processors,
        wrapper_class=_Bound,
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )

"""The chain of structlog processors, and the two ways into it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from strongroom.audit.events import Catalogue, Event, Level, Stream
from strongroom.audit.events.fields import CONTEXT_FIELDS
from strongroom.audit.events.system import MessageLogged
from strongroom.audit.pipeline.clock import new_id, now
from strongroom.audit.pipeline.context import add_extra, current_context, keep_who
from strongroom.audit.pipeline.exceptions import structure_exception
from strongroom.audit.pipeline.shape import shape
from strongroom.audit.pipeline.trouble import described, say_once
from strongroom.errors import StrongroomError, Unavailable

Sink = Callable[[dict[str, Any], Stream], object]
"""Takes a finished record; may raise ``Unavailable`` for the audit stream, and nothing else."""

PREFIX: Final = "app_"
"""Before the name of an undeclared event that is called like one of the declared ones."""

_NOT_GIVEN: Final = CONTEXT_FIELDS - {"user_id"}
"""Bound by the pipeline alone. An application may hand on what a client sent, name by name
(``log.info("searched", **request.args)``): that must not become the address, the path or the
request of a record. Only who it was is for the application to say."""

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


_thread: Final = threading.local()
"""Whether this thread is making a record, for whichever pipeline: what is logged meanwhile, by a
``__repr__``, a driver or a warning, must not come in again through another door."""


class Pipeline:
    """Turns log calls into finished records and hands them to a sink. Thread-safe.

    The steps, in order: merge context variables; level, time, id; structured exception;
    redaction and catalogue check; routing.

    :param named: events that may be logged by their name alone, ``log.info("invoice_paid")``;
        stream, level and fields are those of the declaration then
    :param reserved: events that may be logged by instance only; who uses such a name without
        declaring it gets it with :data:`PREFIX`
    """

    def __init__(
        self, sink: Sink, named: Catalogue | None = None, reserved: Catalogue | None = None
    ) -> None:
        self._sink = sink
        self._named = named or Catalogue()
        self._reserved = reserved or Catalogue()
        self.processors: list[Processor] = [structlog.contextvars.merge_contextvars, self.process]
        """The chain that ``structlog.get_logger()`` runs through."""

    @property
    def busy(self) -> bool:
        """Whether this thread is inside a pipeline: whatever logs now must not come in again."""
        return getattr(_thread, "busy", False)

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
        fixed = level or _declared_level(type(event), given.get("outcome"), Level.WARNING)
        self._route(fixed.value, given, type(event))

    def record(self, method: str, given: EventDict) -> None:
        """Log what came through structlog, its context variables merged already.

        :param method: of the logger: ``info``, ``warning`` …
        :raises Unavailable: the name is that of an audit event, and the journal cannot be written
        """
        name = _text(given.get("event"))
        declared = None if name is None else self._named.get(name)
        level = _METHODS.get(method, Level.INFO)
        if declared is not None:
            if declared.fixed_outcome is not None:
                given["outcome"] = declared.fixed_outcome
            level = _declared_level(declared, given.get("outcome"), level)
        self._route(level.value, given, declared)

    def process(self, _logger: WrappedLogger, method: str, given: EventDict) -> EventDict:
        """Last processor of the chain for undeclared events: finish the record and route it."""
        keep_who(given)
        self.record(method, given)
        raise structlog.DropEvent

    def _route(self, level: str, given: EventDict, declared: type[Event] | None) -> None:
        stream = Stream.OPS if declared is None else declared.stream
        if self.busy:
            # One that was declared as evidence must not get lost without anybody knowing.
            if stream is Stream.AUDIT:
                raise Unavailable("an audit event was logged while another record was being made")
            name = _text(given.get("event")) or "an event without a name"
            say_once(f"not recorded, since a record was being made: {name:.100}")
            return
        _thread.busy = True
        try:
            self._sink(self._finish(level, given, declared), stream)
        except Exception as error:
            if stream is Stream.AUDIT:
                if isinstance(error, StrongroomError):
                    raise
                raise Unavailable(f"a record could not be kept: {described(error)}") from error
            say_once(f"a record could not be kept: {described(error)}")
        finally:
            _thread.busy = False

    def _finish(self, level: str, given: EventDict, declared: type[Event] | None) -> dict[str, Any]:
        context = current_context()
        record = {"timestamp": now(), "level": level, "id": new_id(), **context}
        try:
            exception = structure_exception(given.pop("exc_info", None))
            if "positional_args" in given:
                given["event"] = _formatted(given.get("event"), given.pop("positional_args"))
            if declared is None and (name := _text(given.get("event"))) is not None:
                given["event"] = self._free(name)
            _apart(given, declared, context)
            record.update(shape(given, declared))
            record.update(exception)
        except Exception as error:  # noqa: BLE001  # whatever an odd value raises
            # A log call never raises into the application: say what could not be said.
            trouble = f"a record could not be made: {type(error).__name__}"
            record |= {"event": MessageLogged.event_name, "extra": {"message": trouble}}
        return record

    def _free(self, name: str) -> str:
        """A name for an undeclared event, in a stream to which no declared event goes by it."""
        while name in self._reserved or name in self._named:
            name = PREFIX + name
        return name


def _text(value: object) -> str | None:
    """The value if it is text, as plain text: a subclass may compare and hash as it likes."""
    return str.__str__(value) if issubclass(type(value), str) else None


def _declared_level(declared: type[Event], outcome: object, otherwise: Level) -> Level:
    """The level that the declaration fixes; it fixes none for an outcome it does not know."""
    name = _text(outcome)  # never compared itself: an array, for one, has no answer to that
    for known, level in declared.levels.items():
        if known == name:
            return level
    return otherwise


def _formatted(message: object, arguments: Any) -> str:
    """``"%d files", 3`` as text; as it stands when the arguments do not fit."""
    try:
        return f"{str(message) % arguments}"
    except (TypeError, ValueError, KeyError):
        return f"{message} {arguments!r}"


def _apart(given: EventDict, declared: type[Event] | None, context: Mapping[str, Any]) -> None:
    """Move to ``extra`` what the pipeline alone may say, or what the context says already."""
    own = () if declared is None else declared.field_names
    names = [name for name in given if name in _NOT_GIVEN and (name not in own or name in context)]
    if names:
        add_extra(given, {name: given.pop(name) for name in names})


class _LatePrint:
    """Prints as structlog does by default, where the chain leaves anything to print.

    Ours never does. But an application that configures processors of its own later, and no
    logger, means this one.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(structlog.PrintLogger(), name)


_late_print: Final = _LatePrint()


class PipelineLogger(structlog.stdlib.BoundLogger):
    """Leaves formatting to us: a sentence whose arguments do not fit must not raise."""


def configure_structlog(pipeline: Pipeline) -> None:
    """Make ``structlog.get_logger()`` everywhere end in this pipeline."""
    structlog.configure(
        processors=pipeline.processors,
        wrapper_class=PipelineLogger,
        logger_factory=lambda *_: _late_print,
        cache_logger_on_first_use=False,
    )

"""What a process has only one of, and several audit logs share: structlog, logging, hooks.

What is logged inside a request goes to the pipeline that watches this request; anything else to
the first pipeline that joined. Nothing is recorded twice. When the last one leaves, the process
is as the first one found it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from strongroom.audit.events import Event, Level
from strongroom.audit.pipeline.chain import Pipeline, PipelineLogger, configure_structlog
from strongroom.audit.pipeline.context import current_recorder, keep_who
from strongroom.audit.pipeline.interpreter import InterpreterHooks
from strongroom.audit.pipeline.join import StructlogTap
from strongroom.audit.pipeline.stdlib import (
    PipelineHandler,
    capture_stdlib,
    release_stdlib,
    watch_messages,
)


class Process:
    """The hooks of one process, and who gets what they bring. Thread-safe."""

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._pipelines: tuple[Pipeline, ...] = ()
        self._tap = StructlogTap(self.record)
        self._own = Pipeline(lambda _record, _stream: None)
        self._own.processors = [structlog.contextvars.merge_contextvars, self._process]
        self._found: dict[str, Any] | None = None
        """structlog's configuration before us; None where the application has its own."""
        self._tapped: list[Processor] | None = None
        self._handler: PipelineHandler | None = None
        self._unwatch: Callable[[], None] | None = None
        self._interpreter: InterpreterHooks | None = None

    def join(self, pipeline: Pipeline, *, prints: bool) -> None:
        """Hand what is logged in this process to the pipeline from now on. Harmless twice.

        :param prints: it prints what it gets, instead of whoever does so now, unless the
            application has configured structlog itself
        """
        with self._guard:
            if pipeline in self._pipelines:
                return
            self._pipelines = (*self._pipelines, pipeline)
            if self._interpreter is None:
                self._interpreter = InterpreterHooks(self, with_warnings=not prints)
            if prints and self._handler is None:
                self._handler = capture_stdlib(self)
                self._stop_watching()
            elif self._handler is None and self._unwatch is None:
                self._unwatch = watch_messages(self)
            if prints and not structlog.is_configured():
                self._found = structlog.get_config()
                configure_structlog(self._own)
            self.refresh()

    def leave(self, pipeline: Pipeline) -> None:
        """Hand nothing to this pipeline any more."""
        with self._guard:
            if pipeline not in self._pipelines:
                return
            self._pipelines = tuple(other for other in self._pipelines if other is not pipeline)
            if not self._pipelines:
                self._restore()

    def refresh(self) -> None:
        """Join in again where the application has configured its logging anew meanwhile.

        Cheap enough to be done for each request.
        """
        chain = structlog.get_config()["processors"]
        if chain is not self._own.processors and not self._tap.is_in(chain):
            self._tap_into(chain)
        handler = self._handler
        if handler is not None and handler not in logging.getLogger().handlers:
            logging.getLogger().addHandler(handler)

    def current(self) -> Pipeline | None:
        """Who gets what is logged here and now."""
        pipelines = self._pipelines
        chosen = current_recorder()
        if chosen is not None:
            for pipeline in pipelines:
                if pipeline is chosen:
                    return pipeline
        return pipelines[0] if pipelines else None

    @property
    def busy(self) -> bool:
        """Whether this thread is making a record."""
        return self._own.busy

    def log(
        self, event: Event, *, error: BaseException | None = None, level: Level | None = None
    ) -> None:
        """Log a declared event with whoever gets it."""
        pipeline = self.current()
        if pipeline is not None:
            pipeline.log(event, error=error, level=level)

    def record(self, method: str, given: EventDict) -> None:
        """Record what came through structlog with whoever gets it."""
        pipeline = self.current()
        if pipeline is not None:
            pipeline.record(method, given)

    def _process(self, _logger: WrappedLogger, method: str, given: EventDict) -> EventDict:
        keep_who(given)
        self.record(method, given)
        raise structlog.DropEvent

    def _tap_into(self, chain: Any) -> None:
        with self._guard:
            if not self._pipelines or self._tap.is_in(chain):
                return
            if self._tapped is not None:
                self._tap.take_out_of(self._tapped)
            if self._found is not None:
                # It named its processors only; what it left out was not meant to be ours.
                self._give_back(self._found)
                self._found = None
            if not isinstance(chain, list):
                chain = list(chain)
                structlog.configure(processors=chain)
            self._tap.put_into(chain)
            self._tapped = chain

    def _give_back(self, found: dict[str, Any]) -> None:
        if structlog.get_config()["wrapper_class"] is PipelineLogger:
            structlog.configure(wrapper_class=found["wrapper_class"])

    def _restore(self) -> None:
        if self._tapped is not None:
            self._tap.take_out_of(self._tapped)
            self._tapped = None
        if structlog.get_config()["processors"] is self._own.processors:
            structlog.reset_defaults()
        self._found = None
        self._stop_watching()
        if self._handler is not None:
            release_stdlib(self._handler)
            self._handler = None
        if self._interpreter is not None:
            self._interpreter.remove()
            self._interpreter = None

    def _stop_watching(self) -> None:
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None


PROCESS: Final = Process()
"""The one of this process: there is one structlog configuration and one root logger, too."""

"""An application's own structlog configuration goes on printing, and is recorded as well.

Three processors are put into its chain, in place, so that loggers which are bound or cached
already take part. None of them changes what the others see:

- ``note``, first (after structlog's ``filter_by_level``), keeps what was logged;
- ``take``, before the last one, the renderer, records what is left of it: a field that a
  processor of the application has removed or masked is not recorded either;
- ``mark``, after the renderer, remembers the outcome, so that an event which is printed through
  the standard library's logging is not recorded a second time from there.

What the application drops (``DropEvent``) or its level filters out is neither printed nor recorded.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_thread: Final = threading.local()
_FROM_THE_START: Final = frozenset({"event", "exc_info"})
"""Processors turn these into text of their own; the record is made of what they were."""


class StructlogTap:
    """Hands every event that passes a chain to a recorder. Thread-safe.

    :param record: called with the logger's method and the event
    """

    def __init__(self, record: Callable[[str, EventDict], None]) -> None:
        self._record = record

    def is_in(self, chain: object) -> bool:
        """Whether the events of this chain are recorded already."""
        return isinstance(chain, list) and self.take in chain

    def put_into(self, chain: list[Processor]) -> None:
        """Record the events of this chain from now on."""
        first = structlog.stdlib.filter_by_level
        chain.insert(chain.index(first) + 1 if first in chain else 0, self.note)
        last = len(chain) if chain[-1] in (first, self.note) else len(chain) - 1
        chain.insert(last, self.take)
        chain.append(self.mark)

    def take_out_of(self, chain: list[Processor]) -> None:
        """Leave the chain as it was."""
        for processor in (self.note, self.take, self.mark):
            if processor in chain:
                chain.remove(processor)

    def note(self, _logger: WrappedLogger, method: str, given: EventDict) -> EventDict:
        """Keep what was logged, before anything is made of it."""
        _thread.noted = structlog.contextvars.merge_contextvars(None, method, dict(given))
        return given

    def take(self, _logger: WrappedLogger, method: str, given: Any) -> Any:
        """Record what the application's processors have left of it."""
        noted: EventDict | None = getattr(_thread, "noted", None)
        _thread.noted = None
        self._record(method, _left(noted, given))
        return given

    def mark(self, logger: WrappedLogger, method: str, rendered: Any) -> Any:
        """Remember the message that goes to the standard library next."""
        if isinstance(logger, logging.Logger) and logger.isEnabledFor(_NUMBERS.get(method, 20)):
            _thread.message = _message(rendered)
        return rendered


def was_recorded(message: object) -> bool:
    """Whether this very message is what the thread has just recorded; forgets it then."""
    if message is None or getattr(_thread, "message", None) is not message:
        return False
    _thread.message = None
    return True


_NUMBERS: Final = {
    "exception": logging.ERROR,
    "warn": logging.WARNING,
    "fatal": logging.CRITICAL,
} | {name.lower(): number for name, number in logging.getLevelNamesMapping().items()}


def _left(noted: EventDict | None, given: Any) -> EventDict:
    if noted is None:  # a processor has logged something of its own
        known = dict(given) if isinstance(given, Mapping) else {"event": str(given)}
        return structlog.contextvars.merge_contextvars(None, "", known)
    if not isinstance(given, Mapping):
        return noted
    left = {name: given[name] for name in noted if name in given}
    return left | {
        name: noted[name]
        for name in _FROM_THE_START & noted.keys()
        if name not in left or name == "exc_info"
    }


def _message(rendered: Any) -> object:
    """What ``logging.LogRecord.msg`` will be, see structlog's ``_process_event``."""
    if isinstance(rendered, tuple):
        positional, named = rendered
        return positional[0] if positional else named.get("msg", named.get("event"))
    if isinstance(rendered, Mapping):
        return rendered.get("msg", rendered.get("event"))
    return rendered

"""An application's own structlog configuration goes on printing, and is recorded as well.

Three processors are put into its chain, in place, so that loggers which are bound or cached
already take part. None of them changes what the others see:

- ``note``, first (after structlog's ``filter_by_level``), keeps what was logged;
- ``take``, before the last one, the renderer, records what is left of it: a field that a
  processor of the application has removed or masked is not recorded either, one that it has
  added is;
- ``mark``, after the renderer, remembers the outcome, so that an event which is printed through
  the standard library's logging is not recorded a second time from there.

What the application drops (``DropEvent``) or its level filters out is neither printed nor recorded.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from strongroom.audit.pipeline.context import keep_who

_thread: Final = threading.local()

_OF_THE_PRINTED_LINE: Final = frozenset(
    {"timestamp", "level", "level_number", "logger", "exception", "stack", "exc_info"}
    | {"_record", "_from_structlog"}
    | {parameter.value for parameter in structlog.processors.CallsiteParameter}
)
"""What structlog's own processors add; a record has these itself, or has no use for them."""

_MAX_CHAIN: Final = 20
"""Exceptions of one chain of causes."""


class StructlogTap:
    """Hands every event that passes a chain to a recorder. Thread-safe.

    :param record: called with the logger's method and the event
    """

    def __init__(self, record: Callable[[str, EventDict], None]) -> None:
        self._record = record
        self._chain: list[Processor] = []

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
        self._chain = chain

    def take_out_of(self, chain: list[Processor]) -> None:
        """Leave the chain as it was."""
        for processor in (self.note, self.take, self.mark):
            if processor in chain:
                chain.remove(processor)

    def note(self, _logger: WrappedLogger, method: str, given: EventDict) -> EventDict:
        """Keep what was logged, before anything is made of it."""
        noted: EventDict = dict(given)
        if structlog.contextvars.merge_contextvars in self._chain:
            # The application's processors see what is bound, and may remove it.
            noted = structlog.contextvars.merge_contextvars(None, method, noted)
        _thread.noted = noted
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
        noted = dict(given) if isinstance(given, Mapping) else {"event": given}
    if isinstance(given, Mapping):
        left = _processed(noted, given)
    else:
        left = dict(noted)
        keep_who(left)
    # Where the application does not merge what is bound, none of its processors has seen it.
    bound = structlog.contextvars.get_contextvars()
    return {**{name: value for name, value in bound.items() if name not in noted}, **left}


def _processed(noted: EventDict, given: Mapping[str, Any]) -> EventDict:
    """What was logged, as the processors have left it, and what they have added."""
    event = noted.get("event")
    left: EventDict = {name: value for name, value in given.items() if name in noted}
    added = {
        name: value
        for name, value in given.items()
        # The event itself under another name (EventRenamer) says nothing new.
        if name not in noted and name not in _OF_THE_PRINTED_LINE and value is not event
    }
    left.setdefault("event", event)
    if "user_id" in left and left["user_id"] is noted["user_id"]:
        keep_who(left)
    return {**left, **added, **_exception(noted.get("exc_info"), given)}


def _exception(logged: object, given: Mapping[str, Any]) -> EventDict:
    """The exception itself, where the processors have left all of it, if only as text."""
    if "exc_info" in given:
        found = given["exc_info"]
        if found is None or isinstance(found, (bool, tuple, BaseException)):
            return {"exc_info": found}
        # What somebody has put in the place of an exception.
        return {"exc_info": None, "exception": found}
    rendered = given.get("exception")
    if logged is None or logged is False or rendered is None:
        return {}
    return {"exc_info": logged} if _says_all(rendered, logged) else {"exception": rendered}


def _says_all(rendered: object, exc_info: object) -> bool:
    """Whether all that the exceptions say is in there: else a processor has masked a part."""
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if not isinstance(error, BaseException):
        error = sys.exc_info()[1]
    try:
        if isinstance(rendered, list):  # of structlog.processors.dict_tracebacks
            rendered = "\n".join(str(item["exc_value"]) for item in rendered)
        for _ in range(_MAX_CHAIN):
            if error is None:
                break
            if str(error) not in rendered:  # type: ignore[operator]  # guarded, as all of it is
                return False
            follows = None if error.__suppress_context__ else error.__context__
            error = error.__cause__ if error.__cause__ is not None else follows
    except Exception:  # noqa: BLE001  # an exception's text, or a renderer's, may be anything
        return False
    return True


def _message(rendered: Any) -> object:
    """What ``logging.LogRecord.msg`` will be, see structlog's ``_process_event``."""
    if isinstance(rendered, tuple):
        positional, named = rendered
        return positional[0] if positional else named.get("msg", named.get("event"))
    if isinstance(rendered, Mapping):
        return rendered.get("msg", rendered.get("event"))
    return rendered

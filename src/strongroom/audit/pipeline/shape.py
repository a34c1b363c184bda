"""The catalogue check: what an event may carry stays, everything else moves to ``extra``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import orjson

from strongroom.audit.events.event import Event, Outcome
from strongroom.audit.events.fields import CONTEXT_FIELDS, FIELDS
from strongroom.audit.events.system import MessageLogged
from strongroom.audit.pipeline.plain import CUT, plain, text

MAX_EXTRA_DEPTH: Final = 3
"""Objects inside ``extra`` inside one another."""
MAX_EXTRA_BYTES: Final = 16 * 1024

_EXCEPTION: Final = frozenset({"error_type", "error_msg", "exception"})
_SYSTEM: Final = frozenset({"timestamp", "level", "event", "id"})
_IMPLIED: Final = frozenset({"stream", "seq"})

_ALWAYS: Final = CONTEXT_FIELDS | _EXCEPTION | _SYSTEM

_SEARCHED: Final = frozenset({"path", "user_agent", "client_request_id", "reason"})
"""Text fields that may carry what a client sent on purpose, and so are searched for secrets."""

_OUTCOMES: Final = frozenset(Outcome)

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")

_LIMITS: Final = {"filename": 1_024, "previous_filename": 1_024, "user_agent": 1_024}

_KINDS: Final[Mapping[str, Callable[[object], bool]]] = {
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
}


def shape(given: Mapping[str, Any], declared: type[Event] | None) -> dict[str, Any]:
    """The finished record: valid, bounded, without secrets.

    :param given: after the context was merged and the exception structured
    :param declared: the event's declaration; None for a name the catalogue does not know, which
        may use the vocabulary as far as the values have the right type
    """
    record: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    allowed = FIELDS.keys() if declared is None else _allowed(declared.field_names)
    for name, value in given.items():
        if name == "extra" or (value is None and name in FIELDS):
            continue
        if name == "exception":
            record[name] = value  # already plain
        elif name in allowed and _fits(name, value):
            record[name] = _field(name, value)
        else:
            extra[name] = value
    nested = given.get("extra")
    if isinstance(nested, Mapping):
        extra.update(nested)
    elif nested is not None:
        extra["extra"] = nested
    if not isinstance(record.get("event"), str) or not _NAME.fullmatch(record["event"][:64]):
        extra["message"] = record.get("event")
        record["event"] = MessageLogged.event_name
    if extra:
        record["extra"] = _bounded(plain(extra, depth=MAX_EXTRA_DEPTH + 1))
    return record


@cache
def _allowed(declared: tuple[str, ...]) -> frozenset[str]:
    return _ALWAYS.union(declared, ("outcome",))


def _fits(name: str, value: object) -> bool:
    if name in _IMPLIED:
        return False
    if name == "outcome":
        return value in _OUTCOMES
    kind = _KINDS.get(FIELDS[name].type)
    return isinstance(value, str) if kind is None else kind(value)


def _field(name: str, value: Any) -> Any:
    if isinstance(value, str):
        if name in _SEARCHED:
            return text(value, limit=_LIMITS.get(name, 2_048))
        return text(value, verbatim=True, limit=_LIMITS.get(name, 2_048))
    return plain(value, depth=1, verbatim=True)


def _bounded(extra: dict[str, Any]) -> dict[str, Any]:
    """Shorten the longest members until the whole is within :data:`MAX_EXTRA_BYTES`."""
    while len(orjson.dumps(extra)) > MAX_EXTRA_BYTES:
        name = max(extra, key=lambda key: len(orjson.dumps(extra[key])))
        value = extra[name]
        if isinstance(value, str) and len(value) > 256:
            extra[name] = value[: len(value) // 2] + CUT
        elif len(orjson.dumps(value)) > 64:
            extra[name] = CUT
        else:
            del extra[name]
    return extra

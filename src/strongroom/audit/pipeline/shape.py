"""The catalogue check: what an event may carry stays, everything else moves to ``extra``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import orjson

from strongroom.audit.events.event import Event, Outcome
from strongroom.audit.events.fields import CONTEXT_FIELDS, FIELDS, Part
from strongroom.audit.events.system import MessageLogged
from strongroom.audit.pipeline.plain import CUT, plain, text

MAX_EXTRA_DEPTH: Final = 3
"""Objects inside ``extra`` inside one another."""

MAX_EXTRA_BYTES: Final = 16 * 1024

_OURS: Final = frozenset({"timestamp", "level", "id", "exception", "extra"})
"""Filled by the pipeline alone; what an application passes under them is moved to ``extra``."""

_ALWAYS: Final = CONTEXT_FIELDS | {"event", "outcome", "error_type", "error_msg"}
"""What every event may carry, whatever it declares."""

_SEARCHED: Final = frozenset(
    {"path", "user_agent", "client_request_id", "reason", "content_type", "error_msg"}
)
"""Text fields that may carry what a client sent on purpose, and so are searched for secrets."""

_LIMITS: Final = {"filename": 1_024, "previous_filename": 1_024, "user_agent": 1_024}
_LIMIT: Final = 2_048
"""Characters of a text field; what is longer is cut."""

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_OUTCOMES: Final = frozenset(Outcome)

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
"""Python types by what the vocabulary says of a field; text where it says nothing of this."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """What may stand in one field."""

    types: tuple[type, ...]
    limit: int
    searched: bool

    def fits(self, value: object) -> bool:
        if isinstance(value, int) and not isinstance(value, bool):
            return int in self.types and abs(value) < 2**63
        return isinstance(value, self.types) and (bool in self.types or type(value) is not bool)


_RULES: Final[Mapping[str, _Rule]] = {
    name: _Rule(_TYPES.get(field.type, (str,)), _LIMITS.get(name, _LIMIT), name in _SEARCHED)
    for name, field in FIELDS.items()
    if field.part is not Part.IMPLIED and name not in _OURS
}


def shape(given: Mapping[str, Any], declared: type[Event] | None) -> dict[str, Any]:
    """The finished record: valid, bounded, without secrets.

    :param given: as logged
    :param declared: the event's declaration; None for a name the catalogue does not know, which
        may use the vocabulary as far as the values have the right type
    """
    record: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    rules = _RULES if declared is None else _rules_of(declared.field_names)
    for name, value in given.items():
        rule = rules.get(name)
        if rule is not None and rule.fits(value):
            record[name] = _value(rule, value)
        elif name != "extra" and (value is not None or name not in FIELDS):
            extra[name] = value
    _check_names(record, extra)
    if "extra" in given:
        _unpack(given["extra"], extra)
    if extra:
        record["extra"] = _bounded(plain(extra, depth=MAX_EXTRA_DEPTH + 1))
    return record


def shape_context(given: Mapping[str, Any]) -> dict[str, Any]:
    """What every record of a request carries, finished once for all of them."""
    return {
        name: _value(_RULES[name], value)
        for name, value in given.items()
        if name in CONTEXT_FIELDS and _RULES[name].fits(value)
    }


@cache
def _rules_of(names: tuple[str, ...]) -> Mapping[str, _Rule]:
    return {name: rule for name, rule in _RULES.items() if name in _ALWAYS or name in names}


def _value(rule: _Rule, value: Any) -> Any:
    if not isinstance(value, str):
        return plain(value, depth=1, verbatim=True) if type(value) is not bool else value
    if type(value) is str and not rule.searched and len(value) <= rule.limit and value.isascii():
        return value  # most values, and nothing to do to them
    return text(str.__str__(value), verbatim=not rule.searched, limit=rule.limit)


def _check_names(record: dict[str, Any], extra: dict[str, Any]) -> None:
    """An event has a name, never a sentence; an outcome is one of three."""
    event = record.get("event")
    if not isinstance(event, str) or len(event) > 64 or not _NAME.fullmatch(event):
        extra["message"] = extra.pop("event", None) if event is None else event
        record["event"] = MessageLogged.event_name
    outcome = record.get("outcome")
    if outcome is not None and outcome not in _OUTCOMES:
        extra["outcome"] = record.pop("outcome")


def _unpack(nested: object, extra: dict[str, Any]) -> None:
    if nested is None:
        return
    found = plain(nested, depth=MAX_EXTRA_DEPTH + 1)
    if isinstance(found, dict):
        extra.update(found)
    else:
        extra["extra"] = found


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

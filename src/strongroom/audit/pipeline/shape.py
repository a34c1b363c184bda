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
from strongroom.audit.pipeline.redact import REDACTED, redact_text
from strongroom.audit.pipeline.share import fair_share

MAX_EXTRA_DEPTH: Final = 3
"""Objects inside ``extra`` inside one another."""

MAX_EXTRA_BYTES: Final = 16 * 1024

_OURS: Final = frozenset({"timestamp", "level", "id", "exception", "extra"})
"""Filled by the pipeline alone; what an application passes under them is moved to ``extra``."""

_ALWAYS: Final = CONTEXT_FIELDS | {"event", "outcome", "error_type", "error_msg"}
"""What every event may carry, whatever it declares."""

_SEARCHED: Final = frozenset(
    {"path", "user_agent", "client_request_id", "reason", "content_type", "error_msg"}
    | {"detected_type", "app", "version", "host"}
)
"""Text fields that may carry what a client sent on purpose, or that have no shape of their own, and
so are searched for secrets."""

_OPAQUE: Final = r"[\w.:@/+=-]{1,128}"
_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SHAPES: Final[Mapping[str, re.Pattern[str]]] = {
    name: re.compile(pattern)
    for name, pattern in {
        "request_id": _OPAQUE,
        "user_id": _OPAQUE,
        "session_id": _UUID,
        "token_id": _UUID,
        "missing": r"[a-z]{1,16}(?::[a-z]{1,16})?",
        "target_user_id": _OPAQUE,
        "target_session_id": _OPAQUE,
        "target_token_id": _OPAQUE,
        "role": r"[a-z]{1,16}",
        "previous_role": r"[a-z]{1,16}",
        "scopes": r"[a-z]{1,16}:[a-z]{1,16}(?: [a-z]{1,16}:[a-z]{1,16}){0,15}",
        "file_id": _OPAQUE,
        "folder_id": _OPAQUE,
        "method": r"[\w!#$%&'*+.^`|~-]{1,64}",  # a token: RFC 9110, section 5.6.2
        "sha256": r"[0-9A-Fa-f]{64}",
        "range": r"[0-9]{1,19}-[0-9]{1,19}",
        "verifier_key": r"[^\s+]{1,255}\+[0-9a-f]{8}\+[\w+/=]{1,255}",  # C2SP signed-note
        "error_type": r"[\w.:<>$*/-]{1,255}",  # also as other languages write it
    }.items()
}
"""What the values of fields look like that can never be forgotten; what does not is no such value."""

_NOT_SECRET: Final = frozenset({"session_id", "token_id"})
"""Ids of what is opened by a secret: who hands us something else has hardly meant the id."""

_PLAIN_ID: Final = re.compile(r"[0-9a-f-]{1,64}")
"""A UUID, or digits: nothing else has to be asked."""

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
    shape: re.Pattern[str] | None

    def fits(self, value: object) -> bool:
        return self.is_typed(value) and (self.shape is None or self.is_shaped(value))

    def is_typed(self, value: object) -> bool:
        if isinstance(value, int) and not isinstance(value, bool):
            return int in self.types and abs(value) < 2**63
        return isinstance(value, self.types) and (bool in self.types or type(value) is not bool)

    def is_shaped(self, value: object) -> bool:
        if self.shape is None or not isinstance(value, str):
            return self.shape is None
        whole = str.__str__(value)
        if self.shape.fullmatch(whole) is None:
            return False
        return _PLAIN_ID.fullmatch(whole) is not None or redact_text(whole) == whole


_RULES: Final[Mapping[str, _Rule]] = {
    name: _Rule(
        _TYPES.get(field.type, (str,)),
        _LIMITS.get(name, _LIMIT),
        name in _SEARCHED,
        _SHAPES.get(name),
    )
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
    _check_names(record, extra, given)
    if "extra" in given:
        _unpack(given["extra"], extra)
    if extra:
        record["extra"] = _bounded(plain(extra, depth=MAX_EXTRA_DEPTH + 1))
    return record


def shape_context(given: Mapping[str, Any]) -> dict[str, Any]:
    """What every record of a request carries, finished once for all of them.

    What has not the shape of its field is searched for secrets and stays: there is no ``extra``
    here that it could move to. In place of a session's or token's id it is taken for the secret.
    """
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name in CONTEXT_FIELDS and (rule := _RULES[name]).is_typed(value):
            if rule.is_shaped(value):
                found[name] = _value(rule, value)
            elif name in _NOT_SECRET:
                found[name] = REDACTED
            else:
                found[name] = text(str.__str__(value), limit=128)
    return found


@cache
def _rules_of(names: tuple[str, ...]) -> Mapping[str, _Rule]:
    return {name: rule for name, rule in _RULES.items() if name in _ALWAYS or name in names}


def _value(rule: _Rule, value: Any) -> Any:
    if not isinstance(value, str):
        return plain(value, depth=1, verbatim=True) if type(value) is not bool else value
    if type(value) is str and not rule.searched and len(value) <= rule.limit and value.isascii():
        return value  # most values, and nothing to do to them
    return text(str.__str__(value), verbatim=not rule.searched, limit=rule.limit)


def _check_names(record: dict[str, Any], extra: dict[str, Any], given: Mapping[str, Any]) -> None:
    """An event has a name, never a sentence; an outcome is one of three.

    What is moved is what was given, since the record has it cut already and not yet searched.
    """
    event = record.get("event")
    if not isinstance(event, str) or len(event) > 64 or not _NAME.fullmatch(event):
        extra.pop("event", None)
        extra["message"] = given.get("event")
        record["event"] = MessageLogged.event_name
    outcome = record.get("outcome")
    if outcome is not None and outcome not in _OUTCOMES:
        del record["outcome"]
        extra["outcome"] = given["outcome"]


def _unpack(nested: object, extra: dict[str, Any]) -> None:
    if nested is None:
        return
    found = plain(nested, depth=MAX_EXTRA_DEPTH + 1)
    if isinstance(found, dict):
        extra.update(found)
    else:
        extra["extra"] = found


def _bounded(extra: dict[str, Any]) -> dict[str, Any]:
    """Shorten the longest members until the whole is within :data:`MAX_EXTRA_BYTES`.

    Each member is measured once, and only what has to become shorter again.
    """
    if len(orjson.dumps(extra)) <= MAX_EXTRA_BYTES:
        return extra
    # With its name, a colon and a comma; the braces are one more, and so is the last comma less.
    sizes = {name: len(orjson.dumps({name: value})) - 1 for name, value in extra.items()}
    share = fair_share(list(sizes.values()), MAX_EXTRA_BYTES - 1)
    found: dict[str, Any] = {}
    for name, value in extra.items():
        if sizes[name] <= share:
            found[name] = value
        elif (shorter := _shortened(name, value, sizes[name], share)) is not None:
            found[name] = shorter
    return found


def _shortened(name: str, value: object, size: int, share: int) -> str | None:
    """The beginning of a text, or the mark of a cut; None where there is no room for that either.

    :param size: bytes of the member as it is
    :param share: bytes that it may have
    """
    if isinstance(value, str):
        # Some characters take six bytes, and they may all be at the beginning.
        keep = len(value) * share // size
        while keep > 16:
            shorter = value[:keep] + CUT
            if len(orjson.dumps({name: shorter})) - 1 <= share:
                return shorter
            keep = min(keep - 16, keep * 7 // 8)
    return CUT if len(orjson.dumps({name: CUT})) - 1 <= share else None

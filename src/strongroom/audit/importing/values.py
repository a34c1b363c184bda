"""How other programs write what our fields hold. Pure; None where a value is not what it should be."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Container, Mapping
from functools import lru_cache
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any, Final

from strongroom.audit.events.event import Level, Outcome
from strongroom.audit.pipeline.redact import redact_text

MAX_READ: Final = 8_192
"""Characters of a text that are looked at: a record keeps at most half as many."""

MAX_NESTED: Final = 6
"""Levels of nesting that are looked at: a record keeps fewer."""

_LEVELS: Final[Mapping[str, Level]] = {
    "trace": Level.DEBUG,
    "debug": Level.DEBUG,
    "info": Level.INFO,
    "information": Level.INFO,
    "notice": Level.INFO,
    "warn": Level.WARNING,
    "warning": Level.WARNING,
    "err": Level.ERROR,
    "error": Level.ERROR,
    "exception": Level.ERROR,
    "dpanic": Level.CRITICAL,
    "crit": Level.CRITICAL,
    "critical": Level.CRITICAL,
    "fatal": Level.CRITICAL,
    "panic": Level.CRITICAL,
    "alert": Level.CRITICAL,
    "emerg": Level.CRITICAL,
    "emergency": Level.CRITICAL,
}
"""Names of Python, structlog, zap (Caddy) and syslog (RFC 5424, section 6.2.1)."""

_REQUEST_LINE: Final = re.compile(r"([A-Z][A-Z-]{0,31}) (\S+)(?: HTTP/[\d.]+)?", re.ASCII)
_METHOD: Final = re.compile(r"[A-Z][A-Z-]{0,31}", re.ASCII)
_DIGITS: Final = re.compile(r"-?\d{1,18}", re.ASCII)
_DECIMAL: Final = re.compile(r"\d{1,15}(?:\.\d{1,15})?", re.ASCII)
_DURATION: Final = re.compile(
    r"(\d{1,15}(?:\.\d{1,15})?)(ns|us|µs|μs|ms|s|m|h)", re.ASCII
)  # two signs for micro
_MILLISECONDS: Final = {
    "ns": 1e-6, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ms": 1, "s": 1e3, "m": 6e4, "h": 3.6e6,
}  # fmt: skip
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}://[^/?#]*")
_WORD: Final = re.compile(r"[^\s\"'<>]+")
_QUERY: Final = re.compile(r"[?#]")


def level(value: object) -> str | None:
    """A level by its name, or by its number in Python's ``logging``."""
    if isinstance(value, str):
        named = _LEVELS.get(value.strip().lower())
        return named.value if named else level(integer(value))
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 100:
        return None
    for least, found in ((50, Level.CRITICAL), (40, Level.ERROR), (30, Level.WARNING)):
        if value >= least:
            return found.value
    return Level.INFO.value if value >= 20 else Level.DEBUG.value


def method(value: object) -> str | None:
    """An HTTP method, alone or at the head of a request line."""
    if not isinstance(value, str):
        return None
    match = _REQUEST_LINE.fullmatch(value[:MAX_READ])
    found = match[1] if match else value.upper()
    return found if _METHOD.fullmatch(found) else None


def path(value: object) -> str | None:
    """The path of an address or of a request line; never its query string or fragment."""
    if not isinstance(value, str) or not value:
        return None
    text = value[:MAX_READ]
    if match := _REQUEST_LINE.fullmatch(text):
        text = match[2]
    place = _QUERY.split(text, maxsplit=1)[0]
    rest = _SCHEME.sub("", place, count=1) or "/"
    return rest if rest.startswith(("/", "*")) and place else None


def integer(value: object) -> int | None:
    """A whole number, also as digits or as a float without a fraction."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return value
    return None


def count(value: object) -> int | None:
    """A whole number that is not negative."""
    found = integer(value)
    return None if found is None or found < 0 else found


def status(value: object) -> int | None:
    """An HTTP status."""
    found = integer(value)
    return found if found is not None and 100 <= found <= 999 else None


def milliseconds(value: object, unit: float) -> float | None:
    """A length of time in milliseconds.

    :param unit: milliseconds in one of what a bare number counts
    """
    if isinstance(value, str):
        if match := _DURATION.fullmatch(value):
            return round(float(match[1]) * _MILLISECONDS[match[2]], 3)
        value = float(value) if _DECIMAL.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not 0 <= value < 1e15:
        return None
    return round(value * unit, 3)


def address(value: object) -> str | None:
    """An IP address, without the port that may follow it."""
    return _address(value) if isinstance(value, str) and len(value) <= 64 else None


@lru_cache(maxsize=4096)
def _address(value: str) -> str | None:
    text = value.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def text(value: object) -> str | None:
    """A text that says something, or the first of a list of them (a header of Caddy).

    For fields in which :func:`~strongroom.audit.pipeline.shape.shape` looks for secrets itself.
    """
    if isinstance(value, list) and value:
        value = value[0]
    return without_queries(value[:MAX_READ]) if isinstance(value, str) and value else None


def searched_text(value: object) -> str | None:
    """The same for fields that a record takes as they are: searched for secrets here."""
    found = text(value)
    return None if found is None else redact_text(found)


def code(value: object) -> str | None:
    """A reason in snake_case."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None


def outcome(value: object) -> str | None:
    """One of our three outcomes."""
    return value if isinstance(value, str) and value in frozenset(Outcome) else None


def boolean(value: object) -> bool | None:
    """True or false."""
    return value if isinstance(value, bool) else None


def number(value: object) -> float | None:
    """A number that is one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return value


READERS: Final[Mapping[str, Callable[[object], Any]]] = MappingProxyType(
    {
        "level": level,
        "method": method,
        "path": path,
        "status": status,
        "ip_address": address,
        "peer_address": address,
        "user_agent": text,
        "client_request_id": text,
        "content_type": text,
        "error_msg": text,
        "bytes_in": count,
        "bytes_out": count,
        "reason": code,
        "outcome": outcome,
    }
)
"""By our field; what is not here is read by the type that the vocabulary gives the field."""

BY_TYPE: Final[Mapping[str, Callable[[object], Any]]] = MappingProxyType(
    {"integer": integer, "number": number, "boolean": boolean}
)


def cleaned(value: Any, dropped: Container[str], depth: int = MAX_NESTED) -> Any:
    """The value without the query strings and fragments of the addresses anywhere in it.

    :param dropped: keys, in small letters, whose values go altogether
    """
    if isinstance(value, str):
        return without_queries(value[:MAX_READ])
    if depth == 0:
        return "" if isinstance(value, (list, dict)) else value
    if isinstance(value, list):
        return [cleaned(member, dropped, depth - 1) for member in value]
    if isinstance(value, dict):
        return {
            without_queries(key[:MAX_READ]): cleaned(member, dropped, depth - 1)
            for key, member in value.items()
            if key.lower() not in dropped
        }
    return value


def without_queries(text: str) -> str:
    """The text; every word of it that is an address ends before its query string."""
    if "?" not in text and "#" not in text:
        return text
    return _WORD.sub(_cut, text)


def _cut(match: re.Match[str]) -> str:
    word = match.group()
    mark = _QUERY.search(word)
    if mark is None:
        return word
    before, after = word[: mark.start()], word[mark.end() :]
    return before if "/" in before or "=" in after else word

"""When something happened, as other programs write it. Pure.

RFC 3339 and ISO 8601 with any separator, ``24/Nov/2026:14:30:00 +0100`` (nginx ``time_local``, the
Common Log Format), ``2026/11/24 14:30:00`` (Caddy's ``wall``), and seconds, milliseconds, micro- or
nanoseconds since 1970 as a number or as digits.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

MAX_TEXT: Final = 64
"""Characters of the longest time that anybody writes, and some."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_NUMBER: Final = re.compile(r"(\d{9,20})(?:\.(\d{1,18}))?", re.ASCII)
_COMMON_LOG: Final = re.compile(
    r"(\d{2})/([A-Z][a-z]{2})/(\d{4}):(\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)(?: ?([+-]\d{4}))?", re.ASCII
)
_ISO: Final = re.compile(
    r"(\d{4})[-/](\d{2})[-/](\d{2})[Tt _](\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)"
    r" ?(?:([Zz]|UTC)|([+-]\d{2}(?::?\d{2})?))?",
    re.ASCII,
)
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}

_UNITS: Final = ((1e8, 1_000_000), (1e11, 1_000), (1e14, 1), (1e17, 0.001))
"""Least number that is taken for seconds, milliseconds, microseconds and nanoseconds, and what one
of them is in microseconds. As seconds 1e8 is in 1973 and 1e11 in 5138; smaller numbers are no time
that a log was written at."""


def read_time(value: object, zone: tzinfo = UTC) -> int | None:
    """Microseconds since 1970-01-01 UTC; None where the value is no time we can read.

    :param zone: where a time without an offset was written. Of the hour that comes twice when
        summer ends it is the first.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return _of_number(value)
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        return None
    return _of_text(value.strip(), zone)


@lru_cache(maxsize=1024)
def _of_text(text: str, zone: tzinfo) -> int | None:
    if match := _NUMBER.fullmatch(text):
        return _of_digits(match[1], match[2] or "")
    moment = _moment(text)
    if moment is None:
        return None
    try:
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
        return (aware - _EPOCH) // _MICROSECOND
    except (OverflowError, ValueError):  # a zone that the first or last year has no offset in
        return None


def time_text(microseconds: int) -> str:
    """RFC 3339, UTC, microseconds, ``Z``.

    :param microseconds: since 1970, before the year 10000
    """
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{_second(seconds)}{rest:06d}Z"


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment.replace(tzinfo=None).isoformat()}."


def _of_number(value: float) -> int | None:
    if not math.isfinite(value) or value >= 1e20:
        return None
    for least, unit in reversed(_UNITS):
        if value >= least:
            return round(value * unit)
    return None


def _of_digits(whole: str, fraction: str) -> int | None:
    """Digits are exact where a number of JSON is not: ``1700000000.123456``."""
    number = int(whole)
    if number >= 1e11 or not fraction:
        return _of_number(number)
    if number < 1e8:
        return None
    return number * 1_000_000 + int(fraction[:6].ljust(6, "0"))


def _moment(text: str) -> datetime | None:
    if match := _ISO.fullmatch(text):
        year, month, day, clock, zulu, offset = match.groups()
        iso = f"{year}-{month}-{day}T{clock}{'+00:00' if zulu else offset or ''}"
    elif match := _COMMON_LOG.fullmatch(text):
        day, name, year, clock, offset = match.groups()
        if name not in _MONTHS:
            return None
        iso = f"{year}-{_MONTHS[name]:02d}-{day}T{clock}{offset or ''}"
    else:
        return None
    try:
        return datetime.fromisoformat(iso)  # its caller knows the zone
    except ValueError:
        return None

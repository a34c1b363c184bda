"""How numbers, sizes, durations, addresses and times are written. No clock is needed for it."""

from __future__ import annotations

import calendar
import re
from fractions import Fraction
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple

from strongroom.audit.query.language.fields import Takes, takes, unit_of

_NUMBER: Final = re.compile(r"(-?[0-9]{1,30}(?:\.[0-9]{1,30})?)([A-Za-z]*)")

SIZES: Final = {"": 1, "b": 1} | {
    f"{letter}{suffix}": base ** (power + 1)
    for power, letter in enumerate("kmgtp")
    for suffix, base in (("b", 1000), ("ib", 1024))
}
"""Bytes of a unit, in small letters: kB, MB, GB, TB, PB are 1000, KiB and so on 1024."""

DURATIONS: Final = {"": 1, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
"""Milliseconds of a unit."""

SPANS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
"""Seconds of a unit."""

_SPAN: Final = re.compile(r"([0-9]{1,6})([smhdw])")
_MOMENT: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Moment(NamedTuple):
    """A date, or a time of a day, to a minute, a second or a part of one.

    :param microsecond: of the day, as it is written; None for the whole day
    :param length: microseconds that it stands for
    :param offset: seconds that its clock is ahead of UTC
    """

    year: int
    month: int
    day: int
    microsecond: int | None
    length: int
    offset: int


def number(field: str, text: str) -> Fraction | None:
    """The number, in bytes or milliseconds where the field has them; None where it is none."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    digits, unit = match.groups()
    factor = {"bytes": SIZES, "ms": DURATIONS}.get(unit_of(field), {"": 1}).get(unit.lower())
    return None if factor is None else Fraction(digits) * factor


def plain_number(text: str) -> Fraction | None:
    """The number, without any unit; None where it is none."""
    match = _NUMBER.fullmatch(text)
    return Fraction(text) if match and not match[2] else None


def address(text: str) -> Address | None:
    """The IP address; None where it is none."""
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


def network(text: str) -> Network | None:
    """The network, of which also some address inside may be written; None where it is none."""
    try:
        return ip_network(text, strict=False) if "/" in text and "%" not in text else None
    except ValueError:
        return None


def span(text: str) -> int | None:
    """Seconds of ``15m``, ``24h``, ``7d``; None where it is none."""
    match = _SPAN.fullmatch(text)
    return None if match is None else int(match[1]) * SPANS[match[2]]


def moment(text: str) -> Moment | None:
    """A date or time that there is; None where it is none."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    year, month, day = (int(match[part]) for part in (1, 2, 3))
    hour, minute, second = (int(match[part] or 0) for part in (4, 5, 6))
    offset = _offset(match[8])
    if not (year and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]):
        return None
    if hour > 23 or minute > 59 or second > 59 or offset is None:
        return None
    if match[4] is None:
        return Moment(year, month, day, None, 86_400_000_000, 0)
    part = match[7] or ""
    length = 60_000_000 if match[6] is None else 10 ** (6 - len(part))
    of_day = ((hour * 60 + minute) * 60 + second) * 1_000_000 + int(part.ljust(6, "0"))
    return Moment(year, month, day, of_day, length, offset)


def _offset(text: str | None) -> int | None:
    """Seconds; None where no clock has it."""
    if text in (None, "Z"):
        return 0
    hours, minutes = int(text[1:3]), int(text[4:6])
    if hours > 23 or minutes > 59:
        return None
    return (hours * 3_600 + minutes * 60) * (-1 if text[0] == "-" else 1)


def is_point(text: str) -> bool:
    """Whether it names a day or a moment, such as an end of a range may be."""
    return text in ("today", "yesterday") or moment(text) is not None


def fits(field: str, value: str) -> bool:
    """Whether the field takes this value as it is, without quotation marks."""
    kind = takes(field)
    if kind is Takes.NUMBER:
        return number(field, value) is not None
    if kind is Takes.ADDRESS:
        return address(value) is not None
    return kind is not Takes.BOOLEAN or value in ("true", "false")

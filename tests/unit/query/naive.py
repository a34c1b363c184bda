"""What a query finds, said again in the plainest way: on decoded records, without any column.

It shares nothing with what it is compared with but the tree. Slow, and meant to be read beside
``docs/reference/query.md``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fnmatch import translate
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

import orjson

from strongroom.audit.events.fields import FIELDS
from strongroom.audit.query.language import (
    Above,
    And,
    AtLeast,
    AtMost,
    Below,
    Between,
    During,
    Is,
    Like,
    Not,
    Or,
    Present,
    Query,
    Term,
    Text,
    Within,
)

Record = Mapping[str, Any]

UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
STRUCTURES = ("object", "list of exceptions with frames")
TEXTLESS = ("unknown", "UUIDv7", "IP address", "integer", "number", "boolean", *STRUCTURES)
SIZES = {
    "B": 1, "kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000,
    "KiB": 1_024, "MiB": 1_048_576, "GiB": 1_073_741_824,
}  # fmt: skip
DURATIONS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
SPANS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Naive:
    """Answers for one moment and one directory of people.

    :param now: an aware time
    :param people: names by ids
    """

    def __init__(self, now: datetime, people: Mapping[str, str]) -> None:
        self.now = now
        self.people = people

    def finds(self, query: Query, record: Record) -> bool:
        """Whether all of the query holds."""
        return all(self.matches(term, record) for term in query.terms)

    def matches(self, term: Term, record: Record) -> bool:
        """Whether this part of it holds."""
        match term:
            case And(parts):
                return all(self.matches(part, record) for part in parts)
            case Or(parts):
                return any(self.matches(part, record) for part in parts)
            case Not(part):
                return not self.matches(part, record)
            case Text(text):
                return self.has_word(text, record)
            case During(span):
                return self.in_time(term, record) if span else False
        if term.field == "time":
            return self.in_time(term, record)
        if term.field in ("user", "target_user"):
            return self.is_person(term, record)
        if term.field.startswith("extra."):
            return in_extra(term, record)
        return in_field(term, record)

    def has_word(self, word: str, record: Record) -> bool:
        """In any text, as an id, or in somebody's name."""
        small = lower(unicodedata.normalize("NFC", word))
        nested = "\x1f" not in small
        if small == "" or any(small in lower(text) for text in texts(record, nested=nested)):
            return True
        ids = [v for n, v in record.items() if n in FIELDS and FIELDS[n].type == "UUIDv7"]
        names = [self.name(record, field) for field in ("user_id", "target_user_id")]
        return (UUID.fullmatch(small) is not None and small in ids) or any(
            name is not None and folded(word) in folded(name) for name in names
        )

    def name(self, record: Record, field: str) -> str | None:
        """The name of who is named by this field."""
        value = record.get(field)
        if record["stream"] == "imported" or not isinstance(value, str):
            return None
        return self.people.get(value)

    def is_person(self, term: Term, record: Record) -> bool:
        """Whether the name is the one asked for."""
        assert isinstance(term, Is | Like | Present)
        name = self.name(record, f"{term.field}_id")
        if name is None or isinstance(term, Present):
            return name is not None
        if isinstance(term, Is):
            return folded(name) == folded(term.value)
        return like(folded(name), [folded(piece) for piece in term.pieces])

    def in_time(self, term: Term, record: Record) -> bool:
        """Whether it happened then."""
        at = micros(datetime.fromisoformat(record["timestamp"]))
        match term:
            case During(span):
                start, end = self.interval(span)
                return start <= at < end
            case Between(_, low, high):
                return self.interval(low)[0] <= at < self.interval(high)[1]
            case Above(_, value):
                return at >= self.interval(value)[1]
            case AtLeast(_, value):
                return at >= self.interval(value)[0]
            case Below(_, value):
                return at < self.interval(value)[0]
            case AtMost(_, value):
                return at < self.interval(value)[1]
        raise AssertionError(term)

    def interval(self, text: str) -> tuple[int, int]:
        """From when to before when."""
        day = 86_400_000_000
        today = micros(self.now.replace(hour=0, minute=0, second=0, microsecond=0))
        if text == "today":
            return today, today + day
        if text == "yesterday":
            return today - day, today
        if text[-1] in SPANS and text[:-1].isdigit():
            back = timedelta(**{SPANS[text[-1]]: int(text[:-1])})
            return micros(self.now - back), 2**63
        moment = datetime.fromisoformat(text)
        start = micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        if "T" not in text:
            return start, start + day
        clock = re.split("[Z+-]", text.partition("T")[2])[0]
        if "." in clock:
            return start, start + 10 ** (6 - len(clock.partition(".")[2]))
        return start, start + (60_000_000 if clock.count(":") == 1 else 1_000_000)


def micros(moment: datetime) -> int:
    """Microseconds since 1970-01-01 UTC."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def in_field(term: Term, record: Record) -> bool:
    """Whether a field of the vocabulary is as asked."""
    assert not isinstance(term, And | Or | Not | Text)
    value = record.get(term.field)
    kind = FIELDS[term.field].type
    if value is None:
        return False
    if isinstance(term, Present):
        return True
    if isinstance(term, Is):
        return is_value(term.field, term.value, value)
    if isinstance(term, Like):
        return isinstance(value, str) and like(lower(value), list(map(small, term.pieces)))
    if not typed(kind, value):
        return False
    if kind == "IP address":
        if isinstance(term, Within):
            net = ip_network(term.network, strict=False)
            return bool(number_of(net[0]) <= number_of(value) <= number_of(net[-1]))
        assert isinstance(term, Between)
        return bool(number_of(term.low) <= number_of(value) <= number_of(term.high))
    as_number: Any = float if kind == "number" else Decimal
    return compares(term, as_number(value), lambda text: as_number(number(term.field, text)))


def is_value(field: str, asked: str, value: Any) -> bool:
    """Whether a value is the one asked for: in its field's type, or else as text."""
    kind = FIELDS[field].type
    if kind == "IP address" and number_of(asked) is not None:
        same = typed(kind, value) and number_of(value) == number_of(asked)
        return same or (canonical(asked) != asked and as_text(value) == asked)
    meant = meaning(field, asked)
    if meant is None:
        if isinstance(value, float) and kind in ("integer", "number") and not typed(kind, value):
            return number(field, asked) is not None and value == float(number(field, asked) or 0)
        return not typed(kind, value) and as_text(value) == asked
    return typed(kind, value) and bool(value == meant)


def meaning(field: str, asked: str) -> Any:
    """What the text means as a value of the field's type; None where it means nothing there."""
    kind = FIELDS[field].type
    if kind == "UUIDv7":
        return asked if UUID.fullmatch(asked) else None
    if kind == "boolean":
        return {"true": True, "false": False}.get(asked)
    if kind in ("integer", "number"):
        exact = number(field, asked)
        if exact is None or not -(2**63) <= exact < 2**63:
            return None
        if kind == "number":
            return float(exact)
        return int(exact) if exact == int(exact) else None
    return None if kind == "IP address" else asked


def typed(kind: str, value: Any) -> bool:
    """Whether a value is of the type that its field should have."""
    if kind == "UUIDv7":
        return isinstance(value, str) and UUID.fullmatch(value) is not None
    if kind == "IP address":
        return isinstance(value, str) and number_of(value) is not None and canonical(value) == value
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in STRUCTURES:
        return isinstance(value, dict | list)
    if kind == "integer":
        return type(value) is int and -(2**63) <= value < 2**63
    if kind == "number":
        return type(value) in (int, float) and abs(value) < 2**63 and float(value) == value
    return isinstance(value, str)


def in_extra(term: Term, record: Record) -> bool:
    """Whether what stands at these keys is as asked."""
    assert not isinstance(term, And | Or | Not | Text | During | Within)
    value = record.get("extra")
    for plain, phrase in re.findall(r'\.(?:([\w-]+)|"((?:[^"\\]|\\.)*)")', term.field):
        key = plain or re.sub(r"\\(.)", r"\1", phrase)
        if isinstance(value, list) and re.fullmatch("0|[1-9][0-9]{0,8}", key):
            value = dict(enumerate(value)).get(int(key))
        else:
            value = value.get(key) if isinstance(value, dict) else None
    if value is None or isinstance(term, Present):
        return value is not None
    if isinstance(term, Like):
        return isinstance(value, str) and like(lower(value), list(map(small, term.pieces)))
    is_number = type(value) in (int, float)
    if isinstance(term, Is):
        plain_number = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", term.value, re.ASCII)
        same = plain_number is not None and is_number and float(value) == float(term.value)
        return same or as_text(value) == term.value
    return is_number and compares(
        term, float(value), lambda text: float(number(term.field, text) or 0)
    )


def compares(term: Term, value: Any, read: Any) -> bool:
    """A comparison of numbers."""
    match term:
        case Above(_, text):
            return bool(value > read(text))
        case AtLeast(_, text):
            return bool(value >= read(text))
        case Below(_, text):
            return bool(value < read(text))
        case AtMost(_, text):
            return bool(value <= read(text))
        case Between(_, low, high):
            return bool(read(low) <= value <= read(high))
    raise AssertionError(term)


def number(field: str, text: str) -> Decimal | None:
    """A number with its unit, if it may have one."""
    match = re.fullmatch(r"(-?[0-9]+(?:\.[0-9]+)?)([A-Za-z]*)", text, re.ASCII)
    if match is None:
        return None
    units = DURATIONS if field.endswith("_ms") else SIZES if "bytes" in field else {}
    if match[2] and match[2] not in units:
        return None
    return Decimal(match[1]) * units.get(match[2], 1)


def texts(value: Any, name: str = "", *, nested: bool) -> Iterator[str]:
    """Every text of a record that is searched; numbers, times and well-formed ids are none."""
    if name == "":
        for field, member in value.items():
            kind = FIELDS[field].type if field in FIELDS else "unknown"
            if field == "timestamp" or (kind in ("UUIDv7", "IP address") and typed(kind, member)):
                continue
            if isinstance(member, str) and kind not in TEXTLESS:
                yield member
                continue
            if nested:
                yield from texts(member, field, nested=nested)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from texts(member, name, nested=nested)


def like(text: str, pieces: list[str]) -> bool:
    """Whether the text has these pieces, with anything between."""
    quoted = ["".join(f"[{c}]" if c in "*?[" else c for c in piece) for piece in pieces]
    return re.match(translate("*".join(quoted)), text) is not None


def lower(text: str) -> str:
    """Letter by letter, whatever stands beside it."""
    return "".join("i" if letter == "İ" else letter.lower() for letter in text)


def small(piece: str) -> str:
    """As patterns are compared."""
    return lower(unicodedata.normalize("NFC", piece))


def folded(name: str) -> str:
    """As names are compared."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def as_text(value: Any) -> str | None:
    """A value as it is written; None for fractions, which can be written in several ways, and lists."""
    if isinstance(value, str):
        return value
    return None if isinstance(value, float | dict | list) else orjson.dumps(value).decode()


def number_of(value: Any) -> Any:
    """An address as a number, IPv4 among IPv6; None where it is none."""
    try:
        address = ip_address(value)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return int(address) + 0xFFFF_0000_0000
    return None if address.scope_id else int(address)


def canonical(text: str) -> str:
    """The one way to write an address."""
    found = int(number_of(text))
    if found >> 32 == 0xFFFF:
        return str(IPv4Address(found & 0xFFFF_FFFF))
    return str(ip_address(text))

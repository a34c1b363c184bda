"""The columns of a record in an archive: one for each field of the vocabulary, with a type.

A value stands in its field's column when the column gives it back exactly. Whatever does not fit
there, such as an id that is no UUID, stands under its name in ``rest``, and nowhere else; so a
search knows from a value's form alone where to look for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from types import MappingProxyType
from typing import Any, Final

import orjson

from strongroom.audit.events.fields import FIELDS, Field
from strongroom.audit.journal.stored import canonical, timestamp_text

Record = dict[str, Any]

MORE_TEXT: Final = "more_text"
"""Column of the texts inside ``exception``, ``extra`` and ``rest``; for searching, not for reading."""

REST: Final = "rest"
"""Column of the values that their fields' columns do not hold, as a JSON object."""

BREAK: Final = "\x1f"
"""Stands between two texts of :data:`MORE_TEXT` (unit separator); no query contains it."""


class Kind(StrEnum):
    """How a column holds a value."""

    TEXT = "text"
    UUID = "uuid"
    """In lower case with dashes."""
    ADDRESS = "address"
    """16 bytes, network order; IPv4 as ``::ffff:a.b.c.d``, so that a network is a range."""
    INTEGER = "integer"
    """64 bits, signed."""
    NUMBER = "number"
    """A double."""
    BOOLEAN = "boolean"
    TIME = "time"
    """Microseconds since 1970-01-01 UTC."""
    JSON = "json"
    """An object or list, as canonical JSON."""


SQL_TYPE: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.TEXT: "VARCHAR",
        Kind.UUID: "UUID",
        Kind.ADDRESS: "BLOB",
        Kind.INTEGER: "BIGINT",
        Kind.NUMBER: "DOUBLE",
        Kind.BOOLEAN: "BOOLEAN",
        Kind.TIME: "TIMESTAMPTZ",
        Kind.JSON: "VARCHAR",
    }
)
"""The type of a column in DuckDB, which fixes the type in Parquet."""

_KIND_OF_TYPE: Final = {
    "UUIDv7": Kind.UUID,
    "IP address": Kind.ADDRESS,
    "integer": Kind.INTEGER,
    "number": Kind.NUMBER,
    "boolean": Kind.BOOLEAN,
    "RFC 3339 UTC, microseconds": Kind.TIME,
    "list of exceptions with frames": Kind.JSON,
    "object": Kind.JSON,
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the relation, named as the field that it holds."""

    name: str
    kind: Kind

    @property
    def sql_type(self) -> str:
        """Its type in DuckDB."""
        return SQL_TYPE[self.kind]


def _column(field: Field) -> Column:
    return Column(field.name, _KIND_OF_TYPE.get(field.type, Kind.TEXT))


COLUMNS: Final[Mapping[str, Column]] = MappingProxyType(
    {name: _column(field) for name, field in FIELDS.items()}
    | {name: Column(name, Kind.TEXT) for name in (MORE_TEXT, REST)}
)
"""All columns by name, in the order in which they are stored."""

TEXTS: Final = tuple(
    column.name for column in COLUMNS.values() if column.kind is Kind.TEXT and column.name != REST
)
"""The columns that a word is looked for in."""

HASHES: Final = ("sha256", "previous_sha256")
"""Those of them whose values are hexadecimal digits, and no words."""

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_MAX_INTEGER: Final = 2**63
_MAPPED: Final = b"\0" * 10 + b"\xff\xff"


def spread(record: Mapping[str, Any], timestamp: int) -> Record:
    """The values of a record's columns, those that it has; ready for JSON.

    :param record: as it was stored, with its ``stream`` and ``seq``
    :param timestamp: microseconds since 1970-01-01 UTC, which is where it stands in time
    """
    row: Record = {}
    rest: Record = {}
    for name, value in record.items():
        # Most fields are texts: these few lines are half the time of a sealing.
        if name in _HELD_AS_TEXT:
            if type(value) is str:
                row[name] = value
            else:
                rest[name] = value
        elif name in _HELD:
            held = _HELD[name](value)
            if held is None:
                rest[name] = value
            else:
                row[name] = held
        else:
            rest[name] = value
    if record.get("timestamp") == written(timestamp):
        del rest["timestamp"]
    else:
        rest["timestamp"] = record.get("timestamp")
    row["timestamp"] = timestamp
    if rest or "extra" in row or "exception" in row:
        _nested(record, row, rest)
    return row


def _nested(record: Mapping[str, Any], row: Record, rest: Record) -> None:
    """Add what stands in no column of its own, and the texts inside objects."""
    if rest:
        row[REST] = canonical(rest).decode()
    texts: list[str] = []
    for name in ("exception", "extra"):
        if name in row:
            _gather_texts(record[name], texts)
    _gather_texts(rest, texts)
    if texts:
        row[MORE_TEXT] = BREAK.join(texts)


def _gather_texts(value: Any, into: list[str]) -> None:
    """Every text in a value, nested ones included; not the names of fields."""
    if isinstance(value, str):
        into.append(value)
    elif isinstance(value, dict):
        for member in value.values():
            _gather_texts(member, into)
    elif isinstance(value, list):
        for member in value:
            _gather_texts(member, into)


# What a column of each kind holds of a value: None where it cannot hold it.


def _uuid(value: Any) -> str | None:
    return value if type(value) is str and _UUID(value) else None


def _address(value: Any) -> str | None:
    return _address_digits(value) if type(value) is str else None


@lru_cache(maxsize=8_192)
def _address_digits(text: str) -> str | None:
    packed = packed_address(text)
    return None if packed is None or address_text(packed) != text else packed.hex()


def _boolean(value: Any) -> bool | None:
    return value if type(value) is bool else None


def _json(value: Any) -> str | None:
    if not isinstance(value, (dict, list)):
        return None
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _number(value: Any) -> float | None:
    if type(value) is float:
        return value if abs(value) < _MAX_INTEGER else None
    if type(value) is not int:
        return None
    return float(value) if abs(value) < _MAX_INTEGER and int(float(value)) == value else None


def _integer(value: Any) -> int | None:
    return value if type(value) is int and -_MAX_INTEGER <= value < _MAX_INTEGER else None


_HELD_AS_TEXT: Final = frozenset(
    name
    for name, column in COLUMNS.items()
    if column.kind is Kind.TEXT and name not in (MORE_TEXT, REST)
)
_HOLDERS: Final[Mapping[Kind, Callable[[Any], Any]]] = {
    Kind.UUID: _uuid,
    Kind.ADDRESS: _address,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.BOOLEAN: _boolean,
    Kind.JSON: _json,
}
_HELD: Final = {
    name: _HOLDERS[column.kind] for name, column in COLUMNS.items() if column.kind in _HOLDERS
}


def written(timestamp: int) -> str:
    """As :func:`~strongroom.audit.journal.stored.timestamp_text`, a second remembered."""
    second, micros = divmod(timestamp, 1_000_000)
    return f"{_second(second)}{micros:06}Z"


@lru_cache(maxsize=64)
def _second(second: int) -> str:
    return timestamp_text(second * 1_000_000)[:-7]


def packed_address(text: str) -> bytes | None:
    """The 16 bytes of an IP address; None where the text is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return None if address.scope_id else address.packed
    return _MAPPED + address.packed


def address_text(packed: bytes) -> str:
    """The one way to write an address: IPv4 with dots, IPv6 as RFC 5952 has it."""
    if packed.startswith(_MAPPED):
        return str(ip_address(packed[len(_MAPPED) :]))
    return str(ip_address(packed))


def gather(row: Mapping[str, Any]) -> Record:
    """The record whose columns these are; what :func:`spread` was given, in the same words.

    :param row: values by column: ``timestamp`` in microseconds, UUIDs as text, addresses as bytes
    """
    record: Record = {}
    for name, value in row.items():
        column = COLUMNS.get(name)
        if value is None or column is None or name in (MORE_TEXT, REST):
            continue
        if column.kind is Kind.JSON:
            record[name] = orjson.loads(value)
        elif column.kind is Kind.ADDRESS:
            record[name] = address_text(bytes(value))
        elif column.kind is Kind.TIME:
            record[name] = timestamp_text(value)
        else:
            record[name] = value
    if row.get(REST):
        record |= orjson.loads(row[REST])
    return record

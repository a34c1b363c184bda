"""A record as a row of a table: which columns there are, and what stands in them.

All fields of the vocabulary have a column, whether a record has them or not, so that two exports can be
put one below the other. A new version may add columns at the end of the vocabulary; none is renamed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import orjson

from strongroom.audit.archive.columns import COLUMNS, REST, Kind
from strongroom.audit.events.fields import FIELDS
from strongroom.audit.journal.people import NAMED

Record = Mapping[str, Any]


def _kinds() -> Iterator[tuple[str, Kind]]:
    for name in FIELDS:
        kind = COLUMNS[name].kind
        # Ids and addresses as people write them: nobody else's tools know ours as 16 bytes.
        yield name, Kind.TEXT if kind in (Kind.UUID, Kind.ADDRESS) else kind
        if name in NAMED:
            yield NAMED[name].name, Kind.TEXT
    yield REST, Kind.JSON


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(dict(_kinds()))
"""What each column holds, by its name, in the order of the columns."""

_INTEGERS: Final = range(-(2**63), 2**63)

_FITS: Final[Mapping[Kind, Callable[[Any], bool]]] = {
    Kind.TEXT: lambda value: type(value) is str,
    Kind.INTEGER: lambda value: type(value) is int and value in _INTEGERS,
    Kind.NUMBER: lambda value: type(value) is float or (type(value) is int and abs(value) < 2**53),
    Kind.BOOLEAN: lambda value: type(value) is bool,
    Kind.JSON: lambda value: isinstance(value, (dict, list)),
}


def typed(record: Record, timestamp: int) -> dict[str, Any]:
    """The values by column, each of its column's type; what does not fit is in ``rest``, by its name.

    :param timestamp: where the record stands in time, in microseconds since 1970-01-01 UTC
    """
    row: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in record.items():
        kind = KINDS.get(name)
        if kind is Kind.TIME:
            continue
        if kind is not None and name != REST and _FITS[kind](value):
            row[name] = as_json(value) if kind is Kind.JSON else value
        else:
            rest[name] = value
    row["timestamp"] = timestamp
    if rest:
        row[REST] = as_json(rest)
    return row


def untyped(record: Record) -> dict[str, Any]:
    """The values by column, of whatever type they are; what has no column is in ``rest``."""
    row = {name: value for name, value in record.items() if name in KINDS and name != REST}
    if len(row) < len(record):
        row[REST] = {name: value for name, value in record.items() if name not in row}
    return row


def as_json(value: Any) -> str:
    """A nested value in a cell of its own."""
    return orjson.dumps(value).decode()

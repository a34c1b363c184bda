"""What a query may name, and what each of these takes as a value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from strongroom.audit.events.fields import FIELDS
from strongroom.audit.query.language.quoting import quoted, unquoted

TIME: Final = "time"
"""Stands for ``timestamp``, and takes spans of time."""

EXTRA: Final = "extra"
"""The field whose keys can be named: ``extra.invoice_id``."""

PEOPLE: Final[Mapping[str, str]] = MappingProxyType(
    {"user": "user_id", "target_user": "target_user_id"}
)
"""The field that holds the id, by the name that a query gives a person's name with."""


class Takes(StrEnum):
    """What can be asked of a field."""

    TEXT = "text"
    ID = "id"
    """Mostly a UUID."""
    ADDRESS = "address"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"
    PERSON = "person"
    """A name, looked up in the directory of people."""
    NESTED = "nested"
    """A key inside ``extra``, which may have a value of any type."""
    STRUCTURE = "structure"
    """Objects and lists: whether there is one."""


_BY_TYPE: Final = {
    "UUIDv7": Takes.ID,
    "IP address": Takes.ADDRESS,
    "integer": Takes.NUMBER,
    "number": Takes.NUMBER,
    "boolean": Takes.BOOLEAN,
    "list of exceptions with frames": Takes.STRUCTURE,
    "object": Takes.STRUCTURE,
}

KNOWN: Final[Mapping[str, Takes]] = MappingProxyType(
    {
        name: _BY_TYPE.get(field.type, Takes.TEXT)
        for name, field in FIELDS.items()
        if name != "timestamp"
    }
    | dict.fromkeys(PEOPLE, Takes.PERSON)
    | {TIME: Takes.TIME}
)
"""Every name that may stand before a colon, keys of ``extra`` aside."""

SEARCHABLE: Final = frozenset(
    name for name, takes in KNOWN.items() if takes not in (Takes.STRUCTURE, Takes.TIME)
)
"""Fields of which ``field:value`` asks for exactly that value."""

_KEY: Final = re.compile(r'\.(?:([\w-]+)|("(?:[^"\\]|\\.)*"))', re.DOTALL)
_PLAIN: Final = re.compile(r"[\w-]+")


def takes(field: str) -> Takes:
    """What this field takes.

    :param field: a name of :data:`KNOWN`, or with keys as :func:`field_name` writes it
    """
    return Takes.NESTED if field.startswith(f"{EXTRA}.") else KNOWN[field]


def keys_of(field: str, column: int = 1) -> tuple[str, ...]:
    """The keys behind the first part: ``extra.a."b c"`` has ``a`` and ``b c``.

    :raises QueryError: when one is not written as it must be
    """
    return tuple(
        plain or unquoted(phrase, column + match.start() + 1)
        for match in _KEY.finditer(field)
        for plain, phrase in [match.groups()]
    )


def field_name(keys: Sequence[str]) -> str:
    """The one way to name this key inside ``extra``."""
    written = (key if _PLAIN.fullmatch(key) else quoted(key) for key in keys)
    return ".".join((EXTRA, *written))


def unit_of(field: str) -> str:
    """``ms`` for durations in milliseconds, ``bytes`` for sizes, else nothing."""
    name = (keys_of(field) or (field,))[-1]
    if name.endswith("_ms"):
        return "ms"
    return "bytes" if "bytes" in name.split("_") else ""

"""Which columns the table has: chosen by the reader, named in the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from werkzeug.datastructures import MultiDict

from strongroom.audit.query.language import KNOWN
from strongroom.errors import Refused

WHAT: Final = "what"
"""What happened, in one line: made of several fields, and no field itself."""

DEFAULT: Final = ("level", "event", "user", WHAT, "ip_address")
"""Beside the time, which is always there and leads to the record."""

CHOICES: Final = (
    "level", "event", "outcome", "reason", "user", WHAT, "filename", "folder", "status",
    "duration_ms", "file_size_bytes", "content_type", "method", "path", "ip_address",
    "user_agent", "request_id", "stream", "seq", "app", "host",
)  # fmt: skip
"""Columns that are offered; an address may name any other field as well."""

MOST: Final = 16

_NARROW: Final = frozenset({"time", "level", "event", WHAT})
"""What a phone shows; the rest is on the record's page."""


def read(args: Mapping[str, str]) -> tuple[str, ...]:
    """The columns that an address asks for.

    :param args: ``columns`` stands there once, with commas, or as often as a form has ticks
    :raises Refused: ``columns_not_valid``
    """
    ticked = args.getlist("columns") if isinstance(args, MultiDict) else [args.get("columns", "")]
    names = [name for given in ticked for name in given.split(",") if name]
    found = tuple(dict.fromkeys(names))
    for name in found:
        if name not in KNOWN and name != WHAT:
            raise Refused("columns_not_valid", f"There is no column called {name!a}.")
    if len(found) > MOST:
        raise Refused("columns_not_valid", f"A table has at most {MOST} columns.")
    return found or DEFAULT


def is_wide(name: str) -> bool:
    """Whether a narrow screen does without this column."""
    return name not in _NARROW


def offered(chosen: Sequence[str]) -> list[str]:
    """The columns to choose from, those chosen by address included."""
    return list(dict.fromkeys((*CHOICES, *chosen)))

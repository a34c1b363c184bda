"""Every field of one record, as its page shows it; and its exception, frame by frame."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from strongroom.audit.events.fields import FIELDS, Part
from strongroom.audit.journal.people import NAMED
from strongroom.audit.pipeline.render import escape
from strongroom.audit.query.language import SEARCHABLE, Is
from strongroom.audit.query.language.fields import EXTRA, field_name
from strongroom.sizes import size_text

Record = Mapping[str, Any]

_FIRST: Final = (
    "filename", "reason", "status", "error_type", "error_msg",
    "file_size_bytes", "content_type", "sha256", "path",
)  # fmt: skip
_WHO: Final = ("user", "user_id", "target_user", "target_user_id")
_LAST: Final = ("id", "stream", "seq", "app", "version", "host", "pid")
_APART: Final = frozenset({"event", "level", "timestamp", "exception"})
"""Shown in the heading or on their own."""

_NAMES: Final = {field.name: field for field in NAMED.values()}

_PLACE: Final = re.compile(r"^/\S*/(?:site-packages|dist-packages|src|lib/python3\.\d+)/")
"""Where the code is installed: the same in every line, and long."""

_OF_OTHERS: Final = re.compile(r"/(?:site-packages|dist-packages|lib/python3\.\d+)/")
"""Where code lies that the application only uses."""

MOST_FRAMES: Final = 500

LONGEST: Final = 500
"""Characters of a value that a query is offered for; queries are bounded."""


@dataclass(frozen=True, slots=True)
class ShownField:
    """One field of a record's page.

    :param text: the value, with invisible characters made visible
    :param note: the value in other words, such as a size in megabytes
    :param asks: what finds records like it in this; None where nothing does
    """

    name: str
    text: str
    note: str
    asks: Is | None
    meaning: str
    network: bool


@dataclass(frozen=True, slots=True)
class ShownFrame:
    """One frame of a traceback.

    :param own: whether the code is the application's, not a library's
    """

    function: str
    place: str
    own: bool


@dataclass(frozen=True, slots=True)
class ShownException:
    """One exception of a chain."""

    kind: str
    message: str
    frames: Sequence[ShownFrame]


def shown_fields(record: Record) -> list[ShownField]:
    """Every field of a record, in reading order."""
    first = (*_FIRST, *_WHO)
    middle = [name for name in record if name not in (*first, *_LAST) and name not in _APART]
    names = [name for name in (*first, *middle, *_LAST) if name in record]
    found: list[ShownField] = []
    for name in names:
        if name == EXTRA and isinstance(record[name], dict) and record[name]:
            found += _inside(record[name])
        else:
            found.append(_shown(name, record[name]))
    return found


def _inside(extra: Mapping[str, Any]) -> Iterator[ShownField]:
    """The keys of ``extra``, each a field that can be searched for."""
    for key, value in extra.items():
        name = field_name((key,))
        scalar = isinstance(value, str | int | float) and len(name) < LONGEST
        yield ShownField(
            name=escape(name),
            text=visible(_text(value)),
            note="",
            asks=_asks(name, value) if scalar else None,
            meaning=FIELDS[EXTRA].meaning,
            network=False,
        )


def _shown(name: str, value: Any) -> ShownField:
    field = FIELDS.get(name) or _NAMES.get(name)
    return ShownField(
        name=name,
        text=visible(_text(value)),
        note=size_text(value) if name in ("file_size_bytes", "bytes_in", "bytes_out") else "",
        asks=_asks(name, value) if name in SEARCHABLE else None,
        meaning=field.meaning if field else "",
        network=field is not None and field.part is Part.NETWORK,
    )


def _asks(name: str, value: Any) -> Is | None:
    text = _plain(value)
    return Is(name, text) if len(text) <= LONGEST else None


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode("utf-8")
    return _plain(value)


def _plain(value: Any) -> str:
    """A value as a query has it."""
    return value if isinstance(value, str) else orjson.dumps(value).decode("utf-8")


def visible(text: str) -> str:
    """Like :func:`escape`, but lines stay lines."""
    return "\n".join(escape(line) for line in re.split(r"\r?\n", text))


def exceptions(record: Record) -> list[ShownException]:
    """The chain of exceptions, the one that was raised last at the end, as Python prints it.

    What stands there may come from another program: whatever is not as ours are is left out.
    """
    chain = record.get("exception")
    return [
        ShownException(
            kind=escape(str(link.get("exc_type", ""))),
            message=visible(str(link.get("exc_value", ""))),
            frames=[_frame(frame) for frame in _dicts(link.get("frames"))],
        )
        for link in reversed(_dicts(chain))
    ]


def _dicts(found: Any) -> Sequence[Mapping[str, Any]]:
    given = found if isinstance(found, list) else []
    return [one for one in given if isinstance(one, dict)][:MOST_FRAMES]


def _frame(frame: Mapping[str, Any]) -> ShownFrame:
    path, line = str(frame.get("filename", "")), frame.get("lineno")
    place = f"{_PLACE.sub('', path)}:{line}" if path else ""
    return ShownFrame(
        function=escape(str(frame.get("name", ""))),
        place=escape(place),
        own=bool(path) and not _OF_OTHERS.search(path),
    )

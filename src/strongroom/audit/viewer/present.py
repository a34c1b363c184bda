"""How a record is shown: one line in the table, every field on its page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from strongroom.audit.events.fields import FIELDS, Part
from strongroom.audit.journal.people import NAMED
from strongroom.audit.journal.stored import timestamp_text
from strongroom.audit.pipeline.render import escape, traceback_lines
from strongroom.audit.query.language import SEARCHABLE, Is
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


@dataclass(frozen=True, slots=True)
class ShownField:
    """One field of a record's page.

    :param text: the value, with invisible characters made visible
    :param note: the value in other words, such as a size in megabytes
    :param term: the query that finds records like it in this; empty when there is none
    """

    name: str
    text: str
    note: str
    term: str
    meaning: str
    network: bool


def summary(record: Record) -> str:
    """What happened, in the one line of the table."""
    told = list(_summary(record))
    if not told:
        # Of these an imported record may have none.
        told = [str(record[name]) for name in ("app", "version") if name in record]
        told = [" ".join(told)] if told else []
        told += [f"pid {record['pid']}"] if "pid" in record else []
    return escape(" · ".join(told))


def _summary(record: Record) -> Iterator[str]:
    if "reason" in record:
        yield record["reason"]
    if "filename" in record:
        yield record["filename"]
    elif "path" in record and "method" in record:
        yield f"{record['method']} {record['path']}"
    for name, tell in _TOLD.items():
        if record.get(name) is not None:
            yield tell(record[name])
    if "bytes_in" in record and "status" not in record:
        yield f"{size_text(record['bytes_in'])} received"
    if "count" in record:
        yield _counted(record["event"], record["count"])
    yield from _what_went_wrong(record)
    message = (record.get("extra") or {}).get("message")
    if isinstance(message, str):
        yield message


def _what_went_wrong(record: Record) -> Iterator[str]:
    if record.get("aborted"):
        yield "aborted"
    if "error_msg" in record:
        kind = f"{record['error_type']}: " if "error_type" in record else ""
        yield f"{kind}{record['error_msg']}"


def _counted(event: str, count: int) -> str:
    """How many of what the event's name begins with: ``files_listed`` lists files.

    What is begun with the log itself counts records.
    """
    noun = event.partition("_")[0]
    if noun in ("logs", "log", "checkpoint", "verification", "evidence"):
        noun = "records"
    return f"{count:,} {noun.removesuffix('s') if count == 1 else noun}"


def who(record: Record) -> str:
    """Who it was: the name while it is known, else the id; empty where it was nobody."""
    found = record.get("user", record.get("user_id"))
    return escape(found) if isinstance(found, str) else ""


def shown_fields(record: Record) -> list[ShownField]:
    """Every field of a record, in reading order."""
    first = (*_FIRST, *_WHO)
    middle = [name for name in record if name not in (*first, *_LAST) and name not in _APART]
    names = [name for name in (*first, *middle, *_LAST) if name in record]
    return [_shown(name, record[name]) for name in names]


def _shown(name: str, value: Any) -> ShownField:
    field = FIELDS.get(name) or _NAMES.get(name)
    text = value if isinstance(value, str) else orjson.dumps(value).decode("utf-8")
    if isinstance(value, dict):
        text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode("utf-8")
    note = size_text(value) if name in ("file_size_bytes", "bytes_in", "bytes_out") else ""
    return ShownField(
        name=name,
        text=visible(text),
        note=note,
        term=str(Is(name, text)) if name in SEARCHABLE else "",
        meaning=field.meaning if field else "",
        network=field is not None and field.part is Part.NETWORK,
    )


def visible(text: str) -> str:
    """Like :func:`escape`, but lines stay lines."""
    return "\n".join(escape(line) for line in re.split(r"\r?\n", text))


def frames(record: Record) -> list[str]:
    """The traceback as lines, cause first; none where there was no exception."""
    exception = record.get("exception")
    lines = traceback_lines(exception) if exception else []
    return [escape(_PLACE.sub("", line)) for line in lines]


_TOLD: Final[Mapping[str, Callable[[Any], str]]] = {
    "file_size_bytes": size_text,
    "status": str,
    "duration_ms": lambda ms: f"{ms:,.0f} ms" if ms >= 10 else f"{ms:.1f} ms",
}


def clock_text(timestamp: str) -> str:
    """Time of day with milliseconds, UTC: 14:27:05.105."""
    return timestamp[11:23]


def moment_text(timestamp: int) -> str:
    """Date and time of day of microseconds since 1970, UTC: 2026-11-24 14:27:05."""
    return timestamp_text(timestamp)[:19].replace("T", " ")


def date_text(timestamp: str) -> str:
    """The date: 2026-11-24."""
    return timestamp[:10]

"""How a record is shown in a table: one line, and the text of each column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from strongroom.audit.journal.stored import microseconds, timestamp_text
from strongroom.audit.pipeline.render import escape
from strongroom.audit.query.cursor import Cursor
from strongroom.audit.viewer.request import moment_text as moment_address
from strongroom.sizes import size_text

Record = Mapping[str, Any]


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


def cell(record: Record, name: str) -> str:
    """What the table shows of one field; empty where the record has none."""
    if name == "what":
        return summary(record)
    if name == "user":
        return who(record)
    value = record.get(name)
    if value is None:
        return ""
    if name in _TOLD and isinstance(value, int | float):
        return _TOLD[name](value)
    return escape(value if isinstance(value, str) else orjson.dumps(value).decode("utf-8"))


_TOLD: Final[Mapping[str, Callable[[Any], str]]] = {
    "file_size_bytes": size_text,
    "status": str,
    "duration_ms": lambda ms: f"{ms:,.0f} ms" if ms >= 10 else f"{ms:.1f} ms",
}


@dataclass(frozen=True, slots=True)
class Marked:
    """A text with one place of it marked, invisible characters made visible."""

    before: str
    at: str
    after: str


def marked(text: str, column: int, length: int) -> Marked:
    """A query with what is wrong in it; where it ends too early, that place is marked."""
    start = min(max(column - 1, 0), len(text))
    end = start + length
    return Marked(escape(text[:start]), escape(text[start:end]) or " ", escape(text[end:]))


def place(record: Record) -> str:
    """Where the record stands in the order of pages, as a cursor; empty where its time was damaged."""
    try:
        return str(Cursor(microseconds(record["timestamp"]), record["stream"], record["seq"]))
    except (ValueError, TypeError):
        return ""


def input_text(timestamp: int) -> str:
    """A moment in UTC as a form's field has it: 2026-11-24T14:30:00."""
    return moment_address(timestamp).removesuffix("Z")


_LABELS: Final = {"day": (0, 10), "hour": (5, 16), "minute": (11, 16), "second": (11, 19)}


def label_text(timestamp: int, precision: str) -> str:
    """A moment in UTC as precisely as an axis needs it: 2026-11-24, 11-24 14:30, 14:30, 14:30:05."""
    start, end = _LABELS[precision]
    return input_text(timestamp)[start:end].replace("T", " ")


def clock_text(timestamp: str) -> str:
    """Time of day with milliseconds, UTC: 14:27:05.105."""
    return timestamp[11:23]


def moment_text(timestamp: int) -> str:
    """Date and time of day of microseconds since 1970, UTC: 2026-11-24 14:27:05."""
    return timestamp_text(timestamp)[:19].replace("T", " ")


def date_text(timestamp: str) -> str:
    """The date: 2026-11-24."""
    return timestamp[:10]

"""Renderers: a record as one line for people or programs. The content never differs.

No renderer lets a value forge or hide a line: line breaks, escape sequences and bidirectional
overrides are written as escapes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
import structlog

Record = Mapping[str, Any]
Renderer = Callable[[Record], str]

_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
"""Control, format and bidirectional characters: invisible, or able to move what is visible."""


def escape(value: str) -> str:
    r"""The text with every unsafe character written as ``\uXXXX``."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", value)


def json_line(record: Record) -> str:
    """JSON, one line, the common fields first; unsafe characters escaped as JSON allows."""
    return escape(orjson.dumps(_ordered(record)).decode("utf-8"))


def logfmt_line(record: Record) -> str:
    """``key=value`` pairs; nested values as JSON."""
    flat = {_key(name): _flat(value) for name, value in _ordered(record).items()}
    return _logfmt(None, "", flat)


def console_line(record: Record, *, colours: bool = True) -> str:
    """For a person at a terminal; an exception follows as indented frames."""
    shown = {name: _flat(value) for name, value in record.items() if name != "exception"}
    line = str((_colour if colours else _plain)(None, "", shown))
    if exception := record.get("exception"):
        line += "".join(f"\n    {escape(text)}" for text in traceback_lines(exception))
    return line


def traceback_lines(exceptions: list[dict[str, Any]]) -> list[str]:
    """The structured traceback as text, the way Python prints one, cause first."""
    lines: list[str] = []
    for exception in reversed(exceptions):
        for frame in exception.get("frames") or ():
            if isinstance(frame, dict):
                name, line = frame.get("filename"), frame.get("lineno")
                lines.append(f"{name}:{line} in {frame.get('name')}")
        lines.append(f"{exception.get('exc_type')}: {exception.get('exc_value')}")
    return lines


def _ordered(record: Record) -> dict[str, Any]:
    first = [name for name in ("timestamp", "level", "event") if name in record]
    return {name: record[name] for name in (*first, *(n for n in record if n not in first))}


def _flat(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return escape(orjson.dumps(value).decode("utf-8"))
    return escape(value) if isinstance(value, str) else value


def _key(name: str) -> str:
    return re.sub(r"[\s=\"]", "_", escape(name))


_logfmt: Final = structlog.processors.LogfmtRenderer(bool_as_flag=False)
_colour: Final = structlog.dev.ConsoleRenderer(colors=True, pad_event_to=18, sort_keys=False)
_plain: Final = structlog.dev.ConsoleRenderer(colors=False, pad_event_to=18, sort_keys=False)

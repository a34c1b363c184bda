r"""A record as a syslog message (RFC 5424).

``<110>1 2026-11-24T06:25:19.123456Z host strongroom 4711 file_uploaded [strongroom@32473 …] {…}``

The structured data have every plain field that is not too long, for receivers that filter by them; the message is the whole
record as JSON on one line, with control characters escaped as JSON allows, so that it can be read back
exactly. In structured data they are escaped too, so that no value begins a line of its own in a file
that a receiver writes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from strongroom.audit.events.event import Level, Stream
from strongroom.audit.pipeline.render import escape, json_line

SD_ID: Final = "strongroom@32473"
"""32473 is the enterprise number for examples (RFC 5612): we have none of our own."""

LOG_AUDIT: Final = 13
LOCAL0: Final = 16
"""Facilities (RFC 5424, table 1)."""

BOM: Final = b"\xef\xbb\xbf"

LONGEST_PARAMETER: Final = 1_024
"""Characters: what is longer stands in the message alone, which would be twice as long with it."""

_SEVERITY: Final = {
    Level.DEBUG: 7,
    Level.INFO: 6,
    Level.WARNING: 4,
    Level.ERROR: 3,
    Level.CRITICAL: 2,
}
"""RFC 5424, table 2."""

_TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_NOT_PRINTABLE: Final = re.compile(r"[^\x21-\x7e]")
_HEADER: Final = frozenset({"timestamp", "level", "event", "host", "app", "pid"})
_SPECIAL: Final = re.compile(r'(["\\\]])')
_HARMLESS: Final = re.compile(r"[\w ./:;,+-]*", re.ASCII)
"""What most values are: nothing in it is to be escaped."""


def syslog_message(record: Mapping[str, Any], facility: int | None = None) -> bytes:
    """The message, without any framing.

    :param facility: None for :data:`LOG_AUDIT` in the stream audit, :data:`LOCAL0` in others
    """
    if facility is None:
        facility = LOG_AUDIT if record.get("stream") == Stream.AUDIT else LOCAL0
    timestamp = str(record["timestamp"])
    header = " ".join(
        (
            f"<{facility * 8 + _severity(record.get('level'))}>1",
            timestamp if _TIMESTAMP.fullmatch(timestamp) else "-",
            _name(record.get("host"), 255),
            _name(record.get("app"), 48),
            _name(record.get("pid"), 128),
            _name(record.get("event"), 32),
            _structured(record),
        )
    )
    text = json_line(record).encode("utf-8")
    # A message that is not marked may be in any encoding, and ASCII is the same in all of them; many
    # receivers take the mark for a part of the JSON.
    mark = b"" if text.isascii() else BOM
    return header.encode("utf-8") + b" " + mark + text


def octet_counted(message: bytes) -> bytes:
    """The message in a frame that needs no end (RFC 6587, section 3.4.1; RFC 5425, section 4.3)."""
    return b"%d %b" % (len(message), message)


def _severity(level: Any) -> int:
    try:
        return _SEVERITY[Level(level)]
    except ValueError:  # of another program
        return _SEVERITY[Level.INFO]


def _name(value: Any, longest: int) -> str:
    """A field of the header: printable ASCII without blanks, or ``-``."""
    return _NOT_PRINTABLE.sub("_", "" if value is None else str(value))[:longest] or "-"


def _structured(record: Mapping[str, Any]) -> str:
    parameters = [SD_ID]
    for name, value in record.items():
        if name not in _HEADER and (text := _plain(value)) is not None:
            parameters.append(f'{name}="{text if _HARMLESS.fullmatch(text) else _quoted(text)}"')
    return f"[{' '.join(parameters)}]"


def _quoted(text: str) -> str:
    """A parameter's value: quote, backslash and closing bracket are escaped."""
    return _SPECIAL.sub(r"\\\1", escape(text))


def _plain(value: Any) -> str | None:
    """A value as text; None for one that is not a single value, or too long."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_PARAMETER else None
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else None

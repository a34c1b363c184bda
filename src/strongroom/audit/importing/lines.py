"""A log file as numbered lines, whatever is in it, with memory for one line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import orjson

MAX_LINE: Final = 1024 * 1024
"""Bytes of a line; a longer one is no log line, and is not kept in memory to find out."""

_MOST: Final = MAX_LINE + len(b"\r\n")
_BOM: Final = b"\xef\xbb\xbf"
_LONG_NUMBER: Final = re.compile(rb"\d{19}")


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is not blank.

    :param number: counted from 1, blank lines included
    :param text: without its end and the white space around it; empty when the line is too long
    :param ended: False for a last line that may still be being written
    """

    number: int
    text: bytes
    ended: bool = True


def read_lines(stream: BinaryIO) -> Iterator[Line]:
    """The lines of a file; LF and CRLF end one, a byte order mark at the beginning is passed over.

    :raises OSError: as the stream does
    """
    number = 0
    while chunk := stream.readline(_MOST):
        number += 1
        ended = chunk.endswith(b"\n")
        text = (chunk.removeprefix(_BOM) if number == 1 else chunk).strip()
        cut = not ended and len(chunk) == _MOST
        if cut:
            _pass_over(stream)
        if cut or len(text) > MAX_LINE:
            yield Line(number, b"")
        elif text:
            yield Line(number, text, ended)


def _pass_over(stream: BinaryIO) -> None:
    while (rest := stream.readline(_MOST)) and not rest.endswith(b"\n"):
        pass


def parse_object(text: bytes) -> dict[str, Any] | None:
    """The object that a line of JSON is; None where it is something else.

    Lenient where a good line would be lost: bytes that are no UTF-8 become U+FFFD, as do halves of
    surrogate pairs once the record is shaped, and ``NaN`` (which Python writes) becomes text.
    Numbers keep all their digits. Control characters inside a string are no JSON (RFC 8259).
    """
    try:
        found = orjson.loads(text) if _LONG_NUMBER.search(text) is None else _parse_slowly(text)
    except orjson.JSONDecodeError:
        try:
            found = _parse_slowly(text)
        except (ValueError, RecursionError):
            return None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _parse_slowly(text: bytes) -> Any:
    return json.loads(text.decode("utf-8", "replace"), parse_constant=str)

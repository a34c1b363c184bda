"""What a file is by its first bytes, whatever its name or its sender says."""

from __future__ import annotations

import codecs
from typing import Final

import puremagic

HEAD_BYTES: Final = 4096
"""Of a file, as many as :func:`detect` looks at."""

UNKNOWN: Final = "application/octet-stream"
TEXT: Final = "text/plain"

_SURE: Final = 0.9
"""A signature that the name agrees with."""

_OF_BYTES: Final = 0.3
"""A signature of three bytes; shorter ones are found in anything."""

_OF_TEXT: Final = 0.6
"""A signature of six letters: prose may begin with any word."""

_ZIP: Final = b"PK\x03\x04"

_NOT_TEXT: Final = frozenset(range(32)) - frozenset(b"\t\n\v\f\r\x1b")


def detect(head: bytes, filename: str) -> str:
    """The media type that the content shows. Never raises, whatever the bytes are.

    :param head: the first :data:`HEAD_BYTES` of the file, or all of it if it is shorter
    :param filename: its ending decides between types of one signature; it is never believed alone
    :returns: ``application/octet-stream`` when it is not known, ``text/plain`` for UTF-8 text
    """
    head = head[:HEAD_BYTES]
    if not head:
        return UNKNOWN
    is_text = _is_text(head)
    found = _by_signature(head, filename, _OF_TEXT if is_text else _OF_BYTES)
    return found or (TEXT if is_text else UNKNOWN)


def _by_signature(head: bytes, filename: str, enough: float) -> str | None:
    try:
        matches = puremagic.magic_string(head, filename)
    except (puremagic.PureError, ValueError):
        return None
    for match in matches:
        # The end of what we have is not that of the file, so signatures there mean nothing.
        if match.offset < 0 or not match.byte_match or match.confidence < enough:
            continue
        if head.startswith(_ZIP) and match.confidence < _SURE:
            return "application/zip"  # documents of many kinds are such archives as well
        media_type = str(match.mime_type).strip().lower()
        if media_type and media_type.isascii() and media_type.isprintable():
            return media_type
    return None


def _is_text(head: bytes) -> bool:
    """Whether it is UTF-8 without control characters; the last character may be cut off."""
    if not _NOT_TEXT.isdisjoint(head):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < HEAD_BYTES)
    except UnicodeDecodeError:
        return False
    return True

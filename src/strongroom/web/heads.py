"""As much of a request's head as must be known before anybody reads it: how long its body is."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

SMALL_BODY: Final = 64 * 1024
"""Bytes; every form that is none of files is smaller."""

HEAD_END: Final = b"\r\n\r\n"

_LENGTH: Final = re.compile(rb"\r\nContent-Length:[ \t]*([0-9]{1,9})[ \t]*(?=\r\n)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\nTransfer-Encoding:", re.IGNORECASE)
_EXPECTS: Final = re.compile(rb"\r\nExpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)


class Awaited(NamedTuple):
    """What belongs to a request whose head is complete.

    :param size: bytes of head and body; of the head alone where the body is not waited for
    :param asks: whether the client waits for leave to send the body (RFC 9110, section 10.1.1)
    """

    size: int
    asks: bool


def awaited(data: bytes | bytearray, size: int) -> Awaited | None:
    """What to wait for; None while the head has no end. Who reads it later decides what it means.

    :param size: how many of the bytes count
    """
    end = data.find(HEAD_END, 0, size)
    if end < 0:
        return None
    head, begin = bytes(data[: end + 2]), end + len(HEAD_END)
    lengths = _LENGTH.findall(head)
    if len(lengths) != 1 or _CHUNKED.search(head):
        return Awaited(begin, asks=False)
    length = int(lengths[0])
    if length > SMALL_BODY:
        return Awaited(begin, asks=False)
    return Awaited(begin + length, asks=length > 0 and _EXPECTS.search(head) is not None)

"""Numbers, hashes and lines as the C2SP text formats write them, each in one way only.

A second spelling of the same value would let two files differ and both verify. So base64 (RFC 4648,
section 4) must be what an encoder writes, padding and unused bits included, and a number has no
leading zeros.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import Final

from strongroom.audit.merkle.errors import Malformed
from strongroom.audit.merkle.hashing import HASH_SIZE, MAX_SIZE

MAX_DIGITS: Final = len(str(MAX_SIZE))

_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


def encode_base64(data: bytes) -> str:
    """Standard base64 with padding."""
    return b64encode(data).decode("ascii")


def decode_base64(text: str, what: str) -> bytes:
    """The bytes behind standard base64.

    :param what: names the value in the message
    :raises Malformed: when no encoder would have written this text
    """
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        raise Malformed(f"{what} is not base64") from None
    if encode_base64(data) != text:
        raise Malformed(f"{what} is base64 in an unusual spelling")
    return data


def decode_hash(text: str, what: str) -> bytes:
    """A hash of 32 bytes in base64.

    :raises Malformed: when it is not one
    """
    data = decode_base64(text, what)
    if len(data) != HASH_SIZE:
        raise Malformed(f"{what} has {len(data)} bytes instead of {HASH_SIZE}")
    return data


def decode_number(text: str, what: str) -> int:
    """An ASCII decimal from 0 to 2^63 - 1.

    :raises Malformed: when it is not one, or has leading zeros
    """
    if not (text.isascii() and text.isdigit()) or (text[0] == "0" and text != "0"):
        raise Malformed(f"{what} is not a decimal number without leading zeros")
    # Measured before it is converted: int() takes long on long texts.
    if len(text) > MAX_DIGITS or int(text) > MAX_SIZE:
        raise Malformed(f"{what} is larger than 2^63 - 1")
    return int(text)


def check_text(text: str, what: str) -> None:
    """Refuse what no signed note may contain: control characters, and what is not Unicode.

    :raises Malformed: saying which of them
    """
    if _CONTROL.search(text):
        raise Malformed(f"{what} contains a control character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Malformed(f"{what} is not valid Unicode") from None


def check_line(text: str, what: str) -> None:
    """Refuse what is not one non-empty line of a signed note.

    :raises Malformed: saying why
    """
    check_text(text, what)
    if not text:
        raise Malformed(f"{what} is empty")
    if "\n" in text:
        raise Malformed(f"{what} is more than one line")


def decode_text(data: bytes, what: str) -> str:
    """UTF-8 without control characters other than newline, ending in one.

    :raises Malformed: saying what is wrong
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Malformed(f"{what} is not UTF-8") from None
    check_text(text, what)
    if not text.endswith("\n"):
        raise Malformed(f"{what} does not end in a newline")
    return text

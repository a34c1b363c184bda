"""The headers of tus 1.0, read strictly: what is not exactly as the protocol has it is refused.

Source: https://tus.io/protocols/resumable-upload, version 1.0.0.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import Request

from strongroom.errors import Refused

VERSION: Final = "1.0.0"
EXTENSIONS: Final = (
    "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination"
)
CONTENT_TYPE: Final = "application/offset+octet-stream"

ALGORITHMS: Final[Mapping[str, Callable[[], Any]]] = {
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "md5": lambda: hashlib.md5(usedforsecurity=False),
}
"""Against damage on the way, as the protocol names them; sha1 is the one that it demands."""

_NUMBER: Final = re.compile(r"[0-9]{1,18}")
"""Fits into 63 bits, as databases and file systems want it."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a piece of an upload should hash to.

    :param algorithm: one of :data:`ALGORITHMS`
    """

    algorithm: str
    digest: bytes


def check_version(request: Request) -> None:
    """Refuse a client that does not say that it speaks our version.

    :raises Refused: 412
    """
    if request.headers.get("Tus-Resumable") != VERSION:
        raise Refused(
            "tus_version_not_supported",
            f"This address speaks tus {VERSION}. Say so with the header Tus-Resumable.",
            status=412,
        )


def length(request: Request) -> int | None:
    """Of a new upload; None when it is to be told later.

    :raises Refused: 400 when the request says neither, both, or nonsense
    """
    given, deferred = (
        request.headers.get("Upload-Length"),
        request.headers.get("Upload-Defer-Length"),
    )
    if (given is None) == (deferred is None):
        raise _not_valid("Upload-Length", "Send it, or Upload-Defer-Length: 1 in its place.")
    if given is not None:
        return _number("Upload-Length", given)
    if deferred != "1":
        raise _not_valid("Upload-Defer-Length", "It can only be 1.")
    return None


def late_length(request: Request) -> int | None:
    """The length that a piece tells of an upload that began without; None when it does not.

    :raises Refused: 400
    """
    given = request.headers.get("Upload-Length")
    return None if given is None else _number("Upload-Length", given)


def offset(request: Request) -> int:
    """Where a piece begins.

    :raises Refused: 400
    """
    return _number("Upload-Offset", request.headers.get("Upload-Offset", ""))


def checksum(request: Request) -> Checksum | None:
    """What the piece should hash to; None when the client does not say.

    :raises Refused: 400
    """
    given = request.headers.get("Upload-Checksum")
    if given is None:
        return None
    algorithm, _, encoded = given.partition(" ")
    if algorithm not in ALGORITHMS:
        raise _not_valid("Upload-Checksum", f"It can be one of {', '.join(ALGORITHMS)}.")
    try:
        digest = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != ALGORITHMS[algorithm]().digest_size:
        raise _not_valid("Upload-Checksum", "Its digest is not the Base64 of one.")
    return Checksum(algorithm, digest)


def has_piece(request: Request) -> bool:
    """Whether a creation brings the first bytes along.

    :raises Refused: 415 for a body that is something else
    """
    if request.content_length in (None, 0) and "Transfer-Encoding" not in request.headers:
        return False
    check_piece(request)
    return True


def check_piece(request: Request) -> None:
    """Refuse a body that does not say it is a piece of an upload.

    :raises Refused: 415
    """
    if request.headers.get("Content-Type") != CONTENT_TYPE:
        raise Refused(
            "content_type_not_supported",
            f"A piece of an upload has the Content-Type {CONTENT_TYPE}.",
            status=415,
        )


def _number(name: str, given: str) -> int:
    if not _NUMBER.fullmatch(given):
        raise _not_valid(name, "It is a number of bytes in decimal digits.")
    return int(given)


def _not_valid(name: str, why: str) -> Refused:
    return Refused("header_not_valid", f"The header {name} cannot be used. {why}")

"""What a client tells about a file before it sends it: the header ``Upload-Metadata`` of tus 1.0.

Keys that mean something here: ``filename``, ``filetype``, ``folder``, ``relativePath`` (as browsers
have it for what is dropped with its folder: ``photos/2026/a.jpg``) and ``replace`` (the SHA-256 of the
version that is to be replaced). Others are let pass.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from strongroom.errors import Refused
from strongroom.files.names import check_filename
from strongroom.files.uploads import clean_type

MAX_BYTES: Final = 8 * 1024
"""Of the header; what the server reads of any header is about as much."""

_KEY: Final = re.compile(r"[\x21-\x2b\x2d-\x7e]+")
"""ASCII without space and comma, as the protocol has it."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_NOT_SET: Final = ("", "null", "undefined")
"""What scripts in browsers send for a value that they do not have."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the client said.

    :param folder: that it asks for, which must be there
    :param below: folders in that one, which are made where they are missing; ``a/b``, or empty
    :param replaces: SHA-256 of the version that is to be replaced; None for a new file
    :param sent: the header itself, ASCII, to be told again as it was
    """

    filename: str
    content_type: str
    folder: str
    below: str
    replaces: str | None
    sent: str

    @property
    def place(self) -> str:
        """Path of the folder that it will be in."""
        return f"{self.folder.rstrip('/')}/{self.below}".rstrip("/") or "/"


def parse(header: str | None) -> Metadata:
    """Read the header.

    :raises Refused: 400
    """
    values = _values(header or "")
    if "filename" not in values:
        raise _not_valid("It must tell the filename.")
    replaces = values.get("replace", "")
    if replaces and not _SHA256.fullmatch(replaces):
        raise _not_valid("Its replace is not a SHA-256 in 64 hex digits.")
    below, slash, _ = values.get("relativePath", "").removeprefix("/").rpartition("/")
    return Metadata(
        filename=check_filename(values["filename"]),
        content_type=clean_type(values.get("filetype")),
        folder=values.get("folder") or "/",
        below=_checked(below) if slash else "",
        replaces=replaces or None,
        sent=header or "",
    )


def render(filename: str, content_type: str, replaces: str | None) -> str:
    """The header that says so much about an upload, where it is not known as it was sent."""
    values = {"filename": filename, "filetype": content_type, "replace": replaces}
    return ",".join(
        f"{key} {base64.b64encode(value.encode()).decode('ascii')}"
        for key, value in values.items()
        if value is not None
    )


def _checked(below: str) -> str:
    for name in below.split("/"):
        check_filename(name)
    return below


def _values(header: str) -> dict[str, str]:
    if len(header) > MAX_BYTES:
        raise _not_valid(f"It may have {MAX_BYTES:,} bytes.")
    values: dict[str, str] = {}
    for pair in header.split(",") if header.strip() else ():
        key, _, encoded = pair.strip(" ").partition(" ")
        if not _KEY.fullmatch(key) or key in values:
            raise _not_valid("It has a key that is none, or one twice.")
        try:
            value = base64.b64decode(encoded, validate=True).decode("utf-8")
        except (binascii.Error, ValueError):
            raise _not_valid("It has a value that is not the Base64 of UTF-8 text.") from None
        values[key] = "" if key != "filename" and value in _NOT_SET else value
    return values


def _not_valid(why: str) -> Refused:
    return Refused("metadata_not_valid", f"The header Upload-Metadata cannot be used. {why}")

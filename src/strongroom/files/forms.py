"""A form with files: what the request says of it, and its files while they arrive."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO

from werkzeug.datastructures import FileStorage

from strongroom.files.blobs import IncomingBlob
from strongroom.files.upload_log import Attempt


@dataclass(frozen=True, slots=True)
class Form:
    """The body of a form as it stands in the request.

    :param length: in bytes as announced; None when it is not known beforehand
    :param options: parameters of its media type, the boundary among them
    """

    stream: IO[bytes]
    mimetype: str
    length: int | None
    options: dict[str, str]


@dataclass(slots=True)
class FormPart:
    """A file of a form while it arrives; as much of a stream as the form parser needs."""

    filename: str
    content_type: str
    room: Callable[[int], None]
    blob: IncomingBlob = field(init=False)

    def write(self, data: bytes) -> int:
        """Take the next bytes, if there is room for them."""
        self.room(len(data))
        return self.blob.write(data)

    def seek(self, _offset: int) -> int:
        """It is complete."""
        # The parser rewinds a part once it is complete. Nobody reads it here, and a form of a
        # thousand files must not hold a thousand descriptors.
        self.blob.finish()
        return 0

    def close(self) -> None:
        """The blob is discarded with the request, not with the parser's view of it."""

    def attempt(self, folder: str) -> Attempt:
        """What is recorded of it where it fails."""
        blob: IncomingBlob | None = getattr(self, "blob", None)
        return Attempt(self.filename, self.content_type, blob.size if blob else 0, folder)


def unfinished(parts: list[FormPart], folder: str) -> Attempt:
    """The part at which a form was given up; its size is not known."""
    if not parts:
        return Attempt(folder=folder)
    return Attempt(parts[-1].filename, parts[-1].content_type, folder=folder)


def part_of(item: FileStorage) -> FormPart:
    """The part behind what the parser hands back, with its name as it was sent."""
    stream: object = item.stream
    if not isinstance(stream, FormPart):
        raise AssertionError("the parser hands back the streams it was given")
    stream.filename = _name_as_sent(item.headers.get("Content-Disposition", "")) or stream.filename
    return stream


def _name_as_sent(header: str) -> str | None:
    r"""The quoted name with its backslashes, where the parser took one for an escape.

    HTTP escapes in quoted strings, the forms of browsers do not (HTML standard, multipart form
    data): ``a\b.txt`` would be kept as ``ab.txt``.
    """
    quoted = re.search(r'\bfilename="((?:[^"\\]|\\.)*)"', header, re.DOTALL | re.IGNORECASE)
    if quoted is None:
        return None
    name = quoted[1].replace('\\"', '"')
    return name if "\\" in name else None

"""Content under its own hash: what a client calls a file never becomes a path."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Final

from strongroom.objects import Incoming, ObjectStore

PREFIX: Final = "blobs/"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Blob:
    """Stored content.

    :param sha256: 64 hex digits; names it
    :param size: bytes
    """

    sha256: str
    size: int


class Blobs:
    """Blobs in an object store. Thread-safe. Identical content is stored once."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def receive(self) -> IncomingBlob:
        """Begin a blob; hash and size are known when it has arrived."""
        return IncomingBlob(self._objects.receive())

    def open(self, sha256: str) -> BinaryIO:
        """The content as an unbuffered stream.

        :raises FileNotFoundError: when it is gone
        """
        return self._objects.open(key_of(sha256))

    def size(self, sha256: str) -> int | None:
        """Its stored size; None when it is gone."""
        return self._objects.size(key_of(sha256))

    def all(self) -> Iterator[str]:
        """The hashes of everything stored."""
        for key in self._objects.keys(PREFIX):
            yield key.rsplit("/", 1)[1]


class IncomingBlob:
    """A blob that is arriving: hashed while it is written. A context manager."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        """Append bytes; see :meth:`Incoming.write`."""
        self._incoming.write(data)
        self._hash.update(data)
        self.size += len(data)
        return len(data)

    def finish(self) -> None:
        """See :meth:`Incoming.finish`."""
        self._incoming.finish()

    def publish(self) -> Blob:
        """Store what arrived under its hash; durable when it returns."""
        blob = Blob(self._hash.hexdigest(), self.size)
        self._incoming.publish(key_of(blob.sha256))
        return blob

    def close(self) -> None:
        """Discard what was not published."""
        self._incoming.discard()

    def __enter__(self) -> IncomingBlob:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def key_of(sha256: str) -> str:
    """The object key of a blob; two levels of folders keep each small."""
    if not _SHA256.fullmatch(sha256):
        raise AssertionError(f"not a SHA-256: {sha256!r}")
    return f"{PREFIX}{sha256[:2]}/{sha256[2:4]}/{sha256}"

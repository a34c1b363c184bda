"""Content under its own hash: what a client calls a file never becomes a path."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Final

from strongroom.files.hashing import Hashing, HashThreads
from strongroom.files.types import HEAD_BYTES, UNKNOWN, detect
from strongroom.objects import Incoming, ObjectStore

PREFIX: Final = "blobs/"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Blob:
    """Stored content.

    :param sha256: 64 hex digits; names it
    :param size: bytes
    :param detected_type: media type that its first bytes show
    """

    sha256: str
    size: int
    detected_type: str = UNKNOWN


class Blobs:
    """Blobs in an object store. Thread-safe. Identical content is stored once."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._threads = HashThreads()

    def receive(self) -> IncomingBlob:
        """Begin a blob; hash and size are known when it has arrived."""
        return IncomingBlob(self._objects.receive(), self._threads)

    def free(self) -> int | None:
        """Bytes there is room for; None where that means nothing."""
        return self._objects.free()

    def arrived(self, upload_id: str) -> int:
        """Bytes that have arrived of a resumable upload; none of one that has ended."""
        try:
            return self._objects.resumable(upload_id).arrived().size
        except FileNotFoundError:
            return 0

    def open(self, sha256: str) -> BinaryIO:
        """The content as an unbuffered stream.

        :raises FileNotFoundError: when it is gone
        """
        return self._objects.open(key_of(sha256))

    def size(self, sha256: str) -> int | None:
        """Its stored size; None when it is gone."""
        return self._objects.size(key_of(sha256))

    def stamp(self, sha256: str) -> str | None:
        """What changes whenever it is published; None when it is gone."""
        return self._objects.stamp(key_of(sha256))

    def is_at(self, sha256: str, stamp: str | None) -> bool:
        """Whether the stored content still is the one of that stamp; empty for none.

        :param stamp: None for one that nobody has seen
        """
        return stamp is not None and (self.stamp(sha256) or "") == stamp

    def remove(self, sha256: str, published_before: float) -> bool:
        """See :meth:`ObjectStore.remove`."""
        return self._objects.remove(key_of(sha256), published_before)

    def all(self) -> Iterator[str]:
        """The hashes of everything stored; what is not stored under its hash is none of ours."""
        for key in self._objects.keys(PREFIX):
            sha256 = key.rsplit("/", 1)[1]
            if _SHA256.fullmatch(sha256) and key == key_of(sha256):
                yield sha256


class IncomingBlob:
    """A blob that is arriving: hashed while it is written. A context manager; used by one thread."""

    def __init__(self, incoming: Incoming, threads: HashThreads) -> None:
        self._incoming = incoming
        self._hash = hashlib.sha256()
        self._hashing = Hashing(threads, self._hash)
        self._head = b""
        self.size = 0

    def write(self, data: bytes) -> int:
        """Append bytes, which must not change any more; see :meth:`Incoming.write`."""
        self._hashing.update(data)  # first: another thread may do it while this one writes
        self._incoming.write(data)
        if len(self._head) < HEAD_BYTES:
            self._head += data[: HEAD_BYTES - len(self._head)]
        self.size += len(data)
        return len(data)

    def finish(self) -> None:
        """See :meth:`Incoming.finish`."""
        self._hashing.end()  # a form of a thousand files must not hold a thousand threads
        self._incoming.finish()

    def complete(self, filename: str = "") -> Blob:
        """What has arrived, when that is all: on disk, and not to be found by anybody yet.

        :param filename: tells apart types that begin alike
        """
        self.finish()
        self._hashing.wait()
        return Blob(self._hash.hexdigest(), self.size, detect(self._head, filename))

    def publish(self, filename: str = "") -> Blob:
        """Store what arrived under its hash; durable when it returns.

        It stays, until it is collected an hour later or more, whether or not a file is made of it. So
        what may be refused is to be checked before.

        :param filename: tells apart types that begin alike
        """
        blob = self.complete(filename)
        self._incoming.publish(key_of(blob.sha256))
        return blob

    def close(self) -> None:
        """Discard what was not published."""
        try:
            self._hashing.abandon()
        finally:
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

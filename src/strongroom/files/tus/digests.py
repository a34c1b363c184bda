"""SHA-256 of uploads that arrive in pieces, without reading them again where that can be helped.

Bytes are hashed while they are written. Between two pieces the state is kept in this process, for a
bounded number of uploads. Where it is not at hand (the server was started anew, or another worker
process took a piece) the whole upload is read once, when it is complete.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from strongroom.files.types import HEAD_BYTES

if TYPE_CHECKING:
    from hashlib import _Hash

KEPT: Final = 1_000
"""Uploads whose state is kept: some 5 KB each."""

_CHUNK: Final = 1024 * 1024


@dataclass(slots=True)
class Digest:
    """The hash of the first bytes of an upload, and the very first of them."""

    hash: _Hash
    size: int = 0
    head: bytes = b""

    @classmethod
    def of_nothing(cls) -> Digest:
        """Where every upload begins."""
        return cls(hashlib.sha256())

    @classmethod
    def of_stream(cls, stream: BinaryIO) -> Digest:
        """Of everything that can be read."""
        digest = cls.of_nothing()
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
        return digest

    def update(self, data: bytes) -> None:
        """Go on."""
        self.hash.update(data)
        self.size += len(data)
        if len(self.head) < HEAD_BYTES:
            self.head = (self.head + data)[:HEAD_BYTES]

    def copy(self) -> Digest:
        """One that goes on by itself."""
        return Digest(self.hash.copy(), self.size, self.head)


class Digests:
    """States of unfinished uploads in this process. Thread-safe.

    A state counts only while its writer was the last one, by the writer's token: another process may
    have taken bytes back and written others, as many.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[str, Digest]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, upload_id: str, token: str, size: int) -> Digest | None:
        """The state after ``size`` bytes, the last of them by this writer; None where unknown."""
        with self._lock:
            found = self._kept.pop(upload_id, None)
        if found is not None and found[0] == token and found[1].size == size:
            return found[1]
        return Digest.of_nothing() if size == 0 else None

    def keep(self, upload_id: str, token: str, digest: Digest | None) -> None:
        """Remember the state that this writer has come to."""
        if digest is None:
            return
        with self._lock:
            self._kept[upload_id] = token, digest
            self._kept.move_to_end(upload_id)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    def forget(self, upload_id: str) -> None:
        """The upload has ended."""
        with self._lock:
            self._kept.pop(upload_id, None)

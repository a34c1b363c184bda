"""A reader of logs in the format of C2SP tlog-tiles, written from the specification alone.

It shares nothing with the product: ``hashlib`` and ``urllib``.
"""

from __future__ import annotations

import base64
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

WIDTH = 256


@dataclass(frozen=True)
class Head:
    """What a checkpoint says."""

    origin: str
    size: int
    root: bytes
    text: bytes
    signatures: list[tuple[str, bytes]]


class Client:
    """Reads one log.

    :param prefix: the address before ``/checkpoint``
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.fetched = 0

    def get(self, path: str) -> bytes:
        """What stands at this address."""
        self.fetched += 1
        with urllib.request.urlopen(f"{self._prefix}/{path}", timeout=30) as answer:
            found: bytes = answer.read()
            return found

    def head(self) -> Head:
        """The newest checkpoint."""
        text, _, signatures = self.get("checkpoint").partition(b"\n\n")
        origin, size, root = text.decode().split("\n")
        signed = []
        for line in signatures.decode().splitlines():
            dash, name, encoded = line.split(" ")
            assert dash == "—"
            signed.append((name, base64.b64decode(encoded)))
        return Head(origin, int(size), base64.b64decode(root), text + b"\n", signed)

    def level(self, level: int, size: int) -> list[bytes]:
        """All hashes of a level of the log's tiles, full tiles and the partial one."""
        found = []
        for place, width in places(size >> (8 * level)):
            content = self.get(f"tile/{level}/{place}")
            assert len(content) == 32 * width, place
            found += [content[at : at + 32] for at in range(0, len(content), 32)]
        return found

    def entries(self, size: int) -> Iterator[bytes]:
        """All entries of the log."""
        for place, width in places(size):
            content, at, count = self.get(f"tile/entries/{place}"), 0, 0
            while at < len(content):
                length = int.from_bytes(content[at : at + 2], "big")
                entry = content[at + 2 : at + 2 + length]
                assert len(entry) == length
                yield entry
                at, count = at + 2 + length, count + 1
            assert count == width


def places(count: int) -> Iterator[tuple[str, int]]:
    """Where so many hashes or entries are: the end of the address, and how many are there."""
    for index in range(-(-count // WIDTH)):
        width = min(WIDTH, count - index * WIDTH)
        digits = f"{index:03}" if index < 1000 else f"x{index // 1000:03}/{index % 1000:03}"
        yield (digits if width == WIDTH else f"{digits}.p/{width}"), width


def leaf(entry: bytes) -> bytes:
    """The hash of an entry (RFC 6962, section 2.1)."""
    return sha256(b"\x00" + entry).digest()


def tree_hash(hashes: list[bytes]) -> bytes:
    """The root over these (RFC 6962, section 2.1): split at the largest power of two below."""
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return sha256(b"\x01" + tree_hash(hashes[:split]) + tree_hash(hashes[split:])).digest()

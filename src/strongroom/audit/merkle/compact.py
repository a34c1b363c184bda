"""The right edge of a growing tree: all that an append needs to know of its past.

A tree of ``size`` leaves is a row of perfect subtrees, one for each 1 bit of ``size``, largest
first. Their roots are the compact range of [0, size): at most 63 hashes, from which both the
root and the range after the next leaf follow. Term and idea: Trillian's "compact ranges".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from strongroom.audit.merkle.hashing import (
    EMPTY_ROOT,
    HASH_SIZE,
    MAX_SIZE,
    HashReader,
    check_hashes,
    node_hash,
)


@dataclass(frozen=True, slots=True)
class CompactRange:
    """The perfect subtrees of a tree of ``size`` leaves, largest first. Immutable.

    :raises ValueError: when the hashes are not as many or as long as ``size`` demands
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE or len(self.hashes) != self.size.bit_count():
            raise ValueError(f"{len(self.hashes)} hashes do not make a tree of {self.size} leaves")
        check_hashes(self.hashes)

    def extend(self, nodes: Iterable[bytes], height: int = 0) -> CompactRange:
        """The range after these are appended, in their order. Memory use is constant.

        :param nodes: leaf hashes; or roots of perfect subtrees of ``2**height`` leaves
        :raises ValueError: when one is not a hash, or when subtrees of that height cannot follow
            since ``size`` is no multiple of theirs
        """
        if self.size & ((1 << height) - 1):
            raise ValueError(f"subtrees of height {height} cannot follow {self.size} leaves")
        count, edge = self.size >> height, list(self.hashes)
        for node in nodes:
            if len(node) != HASH_SIZE:
                raise ValueError("a hash is not 32 bytes long")
            # Each trailing 1 bit is a perfect subtree as large as the one just completed.
            completed = count
            whole = node
            while completed & 1:
                whole = node_hash(edge.pop(), whole)
                completed >>= 1
            edge.append(whole)
            count += 1
        return CompactRange(count << height, tuple(edge))

    def root(self) -> bytes:
        """The root hash of the tree (RFC 6962, section 2.1)."""
        return join(self.hashes) if self.hashes else EMPTY_ROOT

    def to_bytes(self) -> bytes:
        """The hashes one after the other; ``size`` is kept elsewhere."""
        return b"".join(self.hashes)

    @classmethod
    def from_bytes(cls, size: int, stored: bytes) -> CompactRange:
        """Read what :meth:`to_bytes` wrote.

        :raises ValueError: when the bytes do not make a tree of that size
        """
        cut = range(0, len(stored), HASH_SIZE)
        return cls(size, tuple(stored[start : start + HASH_SIZE] for start in cut))

    @classmethod
    def read(cls, size: int, read: HashReader) -> CompactRange:
        """The edge that the tree had at ``size`` leaves, from hashes stored since.

        :raises ValueError: when the size is out of range or the reader returns no hash
        """
        return cls(size, tuple(read(height, index) for height, index in perfect_parts(0, size)))


def perfect_parts(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Height and index of the perfect subtrees that make up leaves [start, end), largest first.

    :param start: a multiple of the largest power of two up to ``end - start``, as wherever
        RFC 6962 splits a tree
    """
    while start < end:
        height = (end - start).bit_length() - 1
        yield height, start >> height
        start += 1 << height


def join(parts: Sequence[bytes]) -> bytes:
    """The root above neighbouring perfect subtrees, given largest first."""
    *rest, root = parts
    for left in reversed(rest):
        root = node_hash(left, root)
    return root

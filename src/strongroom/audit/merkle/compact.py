"""The right edge of a growing tree: all that an append needs to know of its past.

A tree of ``size`` leaves is a row of perfect subtrees, one for each 1 bit of ``size``, largest
first. Their roots are the compact range of [0, size): at most 63 hashes, from which both the
root and the range after the next leaf follow. Term and idea: Trillian's "compact ranges".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from strongroom.audit.merkle.hashing import EMPTY_ROOT, HASH_SIZE, node_hash


@dataclass(frozen=True, slots=True)
class CompactRange:
    """The perfect subtrees of a tree of ``size`` leaves, largest first. Immutable.

    :raises ValueError: when the hashes are not as many or as long as ``size`` demands
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise ValueError(f"{len(self.hashes)} hashes do not make a tree of {self.size} leaves")
        if any(len(item) != HASH_SIZE for item in self.hashes):
            raise ValueError("a hash is not 32 bytes long")

    def extend(self, leaves: Iterable[bytes]) -> CompactRange:
        """The range after these leaf hashes are appended, in their order."""
        size, edge = self.size, list(self.hashes)
        for leaf in leaves:
            node = leaf
            # Each trailing 1 bit is a perfect subtree as large as the one just completed.
            completed = size
            while completed & 1:
                node = node_hash(edge.pop(), node)
                completed >>= 1
            edge.append(node)
            size += 1
        return CompactRange(size, tuple(edge))

    def root(self) -> bytes:
        """The root hash of the tree (RFC 6962, section 2.1)."""
        if not self.hashes:
            return EMPTY_ROOT
        *rest, root = self.hashes
        for left in reversed(rest):
            root = node_hash(left, root)
        return root

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

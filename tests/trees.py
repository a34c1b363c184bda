"""Trees for tests, computed with ``hashlib`` alone, as RFC 6962, section 2.1, defines them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hashlib import sha256

Read = Callable[[int, int], bytes]


def leaf(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class StoredTree:
    """Every complete node of a log; counts how many were read."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.levels = [[leaf(entry) for entry in entries]]
        while len(self.levels[-1]) > 1:
            below = self.levels[-1]
            pairs = zip(below[::2], below[1::2], strict=False)
            self.levels.append([node(left, right) for left, right in pairs])
        self.reads = 0

    def __call__(self, height: int, index: int) -> bytes:
        self.reads += 1
        return self.levels[height][index]


class SparseTree:
    """A log too large to store: all its entries are empty but the marked ones."""

    def __init__(self, marked: Mapping[int, bytes]) -> None:
        self.marked = marked
        self.plain = [leaf(b"")]
        for height in range(63):
            self.plain.append(node(self.plain[height], self.plain[height]))
        self.reads = 0

    def __call__(self, height: int, index: int) -> bytes:
        self.reads += 1
        return self._hash(height, index)

    def entry(self, index: int) -> bytes:
        return self.marked.get(index, b"")

    def _hash(self, height: int, index: int) -> bytes:
        if all(place >> height != index for place in self.marked):
            return self.plain[height]
        if height == 0:
            return leaf(self.entry(index))
        return node(self._hash(height - 1, 2 * index), self._hash(height - 1, 2 * index + 1))


class Definition:
    """MTH, PATH and PROOF of RFC 6962, sections 2.1 to 2.1.2, recursive as they stand there."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self.mth = cache(self._mth)

    def _mth(self, start: int, end: int) -> bytes:
        """MTH(D[start:end])."""
        leaves = end - start
        if leaves == 0:
            return sha256(b"").digest()
        if leaves & (leaves - 1) == 0:
            height = leaves.bit_length() - 1
            return self._read(height, start >> height)
        k = split(leaves)
        return node(self.mth(start, start + k), self.mth(start + k, end))

    def path(self, m: int, start: int, end: int) -> list[bytes]:
        """PATH(m, D[start:end])."""
        if end - start == 1:
            return []
        k = split(end - start)
        if m < k:
            return [*self.path(m, start, start + k), self.mth(start + k, end)]
        return [*self.path(m - k, start + k, end), self.mth(start, start + k)]

    def proof(self, m: int, n: int) -> list[bytes]:
        """PROOF(m, D[n])."""
        return self._subproof(m, 0, n, complete=True)

    def _subproof(self, m: int, start: int, end: int, *, complete: bool) -> list[bytes]:
        if m == end - start:
            return [] if complete else [self.mth(start, end)]
        k = split(end - start)
        if m <= k:
            inner = self._subproof(m, start, start + k, complete=complete)
            return [*inner, self.mth(start + k, end)]
        inner = self._subproof(m - k, start + k, end, complete=False)
        return [*inner, self.mth(start, start + k)]


def split(leaves: int) -> int:
    """The largest power of two smaller than ``leaves``."""
    k = 1
    while k * 2 < leaves:
        k *= 2
    return k


def turns(index: int, size: int) -> str:
    """On which side of its neighbour the path of a leaf lies, from the root down."""
    taken = ""
    while size > 1:
        k = split(size)
        if index < k:
            taken, size = taken + "L", k
        else:
            taken, index, size = taken + "R", index - k, size - k
    return taken


def flipped(data: bytes, bit: int) -> bytes:
    """The same bytes but for one bit."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)

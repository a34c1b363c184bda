"""The tree, computed once more from the entries in one pass, and what was claimed of it on the way.

Memory use is constant: 256 hashes for each level, and the edge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from strongroom.audit.merkle import TILE_HEIGHT, TILE_WIDTH, CompactRange, perfect_root


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody said what the root is at this size.

    :param settle: told the recomputed root there, or None when the entries do not reach so far
    """

    size: int
    settle: Callable[[bytes | None], None]


OnTile: TypeAlias = Callable[[int, int, Sequence[bytes]], None]
"""Told level, index and recomputed hashes of each tile, partial ones at the end."""


class Tree:
    """A tree that grows by leaf hashes.

    :param claims: in the order of their sizes; taken as the tree reaches them
    """

    def __init__(self, claims: Iterator[Claim], on_tile: OnTile) -> None:
        self._claims = claims
        self._claim: Claim | None = None
        self._on_tile = on_tile
        self._edge = CompactRange()
        self._leaves: list[bytes] = []
        self._above: list[list[bytes]] = []
        self._tiles: list[int] = []

    def begin(self) -> None:
        """Take the first claim."""
        self._claim = next(self._claims, None)

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append leaf hashes."""
        waiting = self._leaves
        waiting += leaves
        done = len(waiting) - len(waiting) % TILE_WIDTH
        for start in range(0, done, TILE_WIDTH):
            hashes = waiting[start : start + TILE_WIDTH]
            self._settle(hashes)
            root = self._complete(0, hashes)
            self._edge = self._edge.extend([root], TILE_HEIGHT)
        del waiting[:done]

    def finish(self) -> CompactRange:
        """Complete the partial tiles; the edge of the whole tree."""
        self._settle(self._leaves)
        while self._claim is not None:
            self._claim.settle(None)
            self._claim = next(self._claims, None)
        if self._leaves:
            self._on_tile(0, self._count(0), self._leaves)
        for level, hashes in enumerate(self._above, 1):
            if hashes:
                self._on_tile(level, self._count(level), hashes)
        return self._edge.extend(self._leaves)

    def _settle(self, hashes: Sequence[bytes]) -> None:
        """Settle the claims up to the end of these leaves, which follow the edge."""
        edge, start = self._edge, self._edge.size
        end = start + len(hashes)
        while self._claim is not None and self._claim.size <= end:
            edge = edge.extend(hashes[edge.size - start : self._claim.size - start])
            self._claim.settle(edge.root())
            self._claim = next(self._claims, None)

    def _complete(self, level: int, hashes: Sequence[bytes]) -> bytes:
        """A full tile: tell of it, and put its root one level up."""
        index = self._count(level)
        self._on_tile(level, index, hashes)
        self._tiles[level] = index + 1
        root = perfect_root(hashes)
        if level == len(self._above):
            self._above.append([])
        above = self._above[level]
        above.append(root)
        if len(above) == TILE_WIDTH:
            self._complete(level + 1, above)
            self._above[level] = []
        return root

    def _count(self, level: int) -> int:
        """Full tiles of a level so far."""
        while len(self._tiles) <= level:
            self._tiles.append(0)
        return self._tiles[level]

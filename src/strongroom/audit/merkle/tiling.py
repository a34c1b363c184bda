"""What is in tiles: filling them as a log grows, and reading any subtree's hash from them.

Source: C2SP tlog-tiles. Nothing here trusts a tile: what was read from one is right if the proof
or the root computed from it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from strongroom.audit.merkle.errors import Malformed
from strongroom.audit.merkle.hashing import (
    HASH_SIZE,
    MAX_SIZE,
    HashReader,
    check_hashes,
    perfect_root,
)
from strongroom.audit.merkle.tiles import TILE_HEIGHT, TILE_WIDTH, Tile

TileFetcher: TypeAlias = Callable[[Tile], bytes]
"""Returns the contents of a tile. Where a partial one was deleted, the full one will do."""


def tile_contents(tile: Tile, read: HashReader) -> bytes:
    """The contents of a tile, from wherever the log's hashes are."""
    height, first = tile.level * TILE_HEIGHT, tile.index * TILE_WIDTH
    hashes = [read(height, first + offset) for offset in range(tile.width)]
    check_hashes(hashes)
    return b"".join(hashes)


def split_tile(tile: Tile, contents: bytes) -> list[bytes]:
    """The hashes of a tile; of a full tile's contents as many as the partial one has.

    :raises Malformed: when the contents have another length
    """
    if len(contents) not in {tile.length, TILE_WIDTH * HASH_SIZE}:
        raise Malformed(f"{tile.path} has {len(contents):,} bytes instead of {tile.length:,}")
    return [contents[at : at + HASH_SIZE] for at in range(0, tile.length, HASH_SIZE)]


def grown_tiles(
    size: int, leaves: Iterable[bytes], fetch: TileFetcher
) -> Iterator[tuple[Tile, bytes]]:
    """The tiles, with contents, that are new when a log of ``size`` leaves gets these as well.

    They come in the order of :func:`~strongroom.audit.merkle.tiles.new_tiles`. All leaf hashes
    are held in memory: 32 bytes and Python's 33 each.

    :param fetch: asked for the partial tiles of the log at ``size``, one a level at most
    :raises Malformed: when a fetched tile has a wrong length
    :raises ValueError: when the size is out of range or a leaf hash is none
    """
    nodes = list(leaves)
    check_hashes(nodes)
    if not 0 <= size <= MAX_SIZE - len(nodes):
        raise ValueError(f"a log of {size} leaves cannot get {len(nodes)} more")
    level = 0
    while nodes:
        index, present = divmod(size, TILE_WIDTH)
        if present:
            partial = Tile(level, index, present)
            nodes = split_tile(partial, fetch(partial)) + nodes
        above = list[bytes]()
        for start in range(0, len(nodes), TILE_WIDTH):
            hashes = nodes[start : start + TILE_WIDTH]
            yield Tile(level, index, len(hashes)), b"".join(hashes)
            if len(hashes) == TILE_WIDTH:
                above.append(perfect_root(hashes))
            index += 1
        level, size, nodes = level + 1, size // TILE_WIDTH, above


class TileReader:
    """Reads the hash of any perfect subtree from the tiles of a log: a ``HashReader``.

    Keeps the last tile of each level, so that a proof fetches none twice. Threads may share one.

    :param size: leaves of the log whose tiles there are
    """

    def __init__(self, size: int, fetch: TileFetcher) -> None:
        self._size = size
        self._fetch = fetch
        self._last: dict[int, tuple[Tile, Sequence[bytes]]] = {}

    def __call__(self, height: int, index: int) -> bytes:
        """The root of the ``index``-th perfect subtree of ``2**height`` leaves.

        :raises ValueError: when the log has no such subtree
        :raises Malformed: when a tile has a wrong length
        """
        if height < 0 or index < 0 or (index + 1) << height > self._size:
            raise ValueError(f"{self._size} leaves have no subtree {index} of height {height}")
        level, within = divmod(height, TILE_HEIGHT)
        place, first = divmod(index << within, TILE_WIDTH)
        hashes = self._tile(level, place)
        return perfect_root(hashes[first : first + (1 << within)])

    def _tile(self, level: int, index: int) -> Sequence[bytes]:
        there = (self._size >> (level * TILE_HEIGHT)) - index * TILE_WIDTH
        tile = Tile(level, index, min(TILE_WIDTH, there))
        last = self._last.get(level)
        if last is not None and last[0] == tile:
            return last[1]
        hashes = split_tile(tile, self._fetch(tile))
        self._last[level] = tile, hashes
        return hashes

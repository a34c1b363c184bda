"""Tiles: a log's hashes cut into files of 256, which never change once they are full.

Source: C2SP tlog-tiles. Tile ``index`` of level ``level`` holds the roots of 256 neighbouring
perfect subtrees of ``256**level`` leaves each; level 0 the leaf hashes themselves. The last one of
each level is partial: it holds as many as there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from strongroom.audit.merkle.errors import Malformed
from strongroom.audit.merkle.hashing import HASH_SIZE, MAX_SIZE

TILE_HEIGHT: Final = 8
"""Levels of the tree from a tile's hashes up to its root."""

TILE_WIDTH: Final = 1 << TILE_HEIGHT
"""Hashes of a full tile."""

MAX_LEVEL: Final = 63

# `x001/x234/067`: groups of three digits, none to spare. Then, if partial, its width.
_PLACE: Final = re.compile(
    r"((?:x(?!000)[0-9]{3}/(?:x[0-9]{3}/)*)?[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
)
_LEVEL: Final = re.compile(r"0|[1-9][0-9]?")
_MAX_PLACE: Final = 64


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """Where a tile is. Orders by level, index, width.

    :param level: 0 to 63
    :param index: its place within the level, from 0
    :param width: hashes in it, 1 to 256
    :raises Malformed: when there can be no such tile
    """

    level: int
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        if not 0 <= self.level <= MAX_LEVEL:
            raise Malformed(f"there is no tile level {self.level}")
        check_place(self.index, self.width)

    @property
    def path(self) -> str:
        """``tile/<level>/<index>[.p/<width>]``, the same as file name and in an address."""
        return f"tile/{self.level}/{format_place(self.index, self.width)}"

    @property
    def length(self) -> int:
        """Bytes of its contents."""
        return self.width * HASH_SIZE

    @classmethod
    def parse(cls, path: str) -> Tile:
        """Read what :attr:`path` gives, in that one spelling only.

        :raises Malformed: when it is not the path of a tile
        """
        folder, _, rest = path.partition("/")
        level, _, place = rest.partition("/")
        if folder != "tile" or not _LEVEL.fullmatch(level):
            raise Malformed("this is not the path of a tile")
        index, width = parse_place(place)
        return cls(int(level), index, width)


def tiles_of(size: int) -> Iterator[Tile]:
    """The tiles of a tree of ``size`` leaves, level by level, the partial one last in each."""
    return new_tiles(0, size)


def new_tiles(old: int, new: int) -> Iterator[Tile]:
    """The tiles that a tree of ``new`` leaves has and one of ``old`` has not, level by level.

    A partial tile is another one when it has grown.

    :raises ValueError: when the sizes are not ``0 <= old <= new < 2**63``
    """
    if not 0 <= old <= new <= MAX_SIZE:
        raise ValueError(f"a tree of {old} leaves does not grow to {new}")
    level = 0
    while old < new:
        for index in range(old >> TILE_HEIGHT, (new + TILE_WIDTH - 1) >> TILE_HEIGHT):
            yield Tile(level, index, min(TILE_WIDTH, new - (index << TILE_HEIGHT)))
        level, old, new = level + 1, old >> TILE_HEIGHT, new >> TILE_HEIGHT


def format_place(index: int, width: int) -> str:
    """``<index>[.p/<width>]`` with the index in groups of three digits: 1234067 is x001/x234/067."""
    groups = f"{index:,}".split(",")
    groups[0] = groups[0].zfill(3)
    place = "/".join((*(f"x{group}" for group in groups[:-1]), groups[-1]))
    return place if width == TILE_WIDTH else f"{place}.p/{width}"


def parse_place(place: str) -> tuple[int, int]:
    """Index and width, from what :func:`format_place` gives.

    :raises Malformed: when it is not spelt that way
    """
    found = _PLACE.fullmatch(place) if len(place) <= _MAX_PLACE else None
    if found is None:
        raise Malformed("the path names no place of a tile")
    index = int(found[1].replace("x", "").replace("/", ""))
    width = int(found[2] or TILE_WIDTH)
    if found[2] and width >= TILE_WIDTH:
        raise Malformed(f"a partial tile is at most {TILE_WIDTH - 1} wide")
    check_place(index, width)
    return index, width


def check_place(index: int, width: int) -> None:
    """Refuse what is out of range.

    :raises Malformed: saying which
    """
    if not 0 <= index <= MAX_SIZE:
        raise Malformed(f"{index} is no index of a tile")
    if not 1 <= width <= TILE_WIDTH:
        raise Malformed(f"a tile is 1 to {TILE_WIDTH} wide, not {width}")

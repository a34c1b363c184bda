"""Entry bundles: the entries behind a tile of level 0, one after the other.

Source: C2SP tlog-tiles, "Log entries". Each entry has its length before it, 2 bytes big-endian.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from strongroom.audit.merkle.errors import Malformed
from strongroom.audit.merkle.tiles import (
    TILE_WIDTH,
    check_place,
    format_place,
    new_tiles,
    parse_place,
)

MAX_ENTRY_BYTES: Final = 0xFFFF

_PREFIX: Final = "tile/entries/"


@dataclass(frozen=True, slots=True, order=True)
class Bundle:
    """Where an entry bundle is: as the tile of level 0 with the same index and width.

    :param index: its place, from 0; its first entry is that of leaf ``256 * index``
    :param width: entries in it, 1 to 256
    :raises Malformed: when there can be no such bundle
    """

    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        check_place(self.index, self.width)

    @property
    def path(self) -> str:
        """``tile/entries/<index>[.p/<width>]``, the same as file name and in an address."""
        return _PREFIX + format_place(self.index, self.width)

    @classmethod
    def parse(cls, path: str) -> Bundle:
        """Read what :attr:`path` gives, in that one spelling only.

        :raises Malformed: when it is not the path of an entry bundle
        """
        if not path.startswith(_PREFIX):
            raise Malformed("this is not the path of an entry bundle")
        return cls(*parse_place(path.removeprefix(_PREFIX)))


def bundles_of(size: int) -> Iterator[Bundle]:
    """The bundles of a log of ``size`` entries, the partial one last."""
    return new_bundles(0, size)


def new_bundles(old: int, new: int) -> Iterator[Bundle]:
    """The bundles that a log of ``new`` entries has and one of ``old`` has not.

    :raises ValueError: when the sizes are not ``0 <= old <= new < 2**63``
    """
    for tile in new_tiles(old, new):
        if tile.level > 0:
            break
        yield Bundle(tile.index, tile.width)


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """The contents of a bundle of these entries.

    :raises Malformed: when an entry is longer than 65,535 bytes, or there are not 1 to 256
    """
    parts, width = list[bytes](), 0
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise Malformed(f"an entry has {len(entry):,} bytes, at most {MAX_ENTRY_BYTES:,} fit")
        parts += (len(entry).to_bytes(2, "big"), entry)
        width += 1
    _check_width(width)
    return b"".join(parts)


def decode_bundle(data: bytes, width: int | None = None) -> list[bytes]:
    """The entries of a bundle.

    :param width: how many there must be; by default 1 to 256
    :raises Malformed: when there are more or fewer, or the bytes end within one
    """
    entries, place, end = list[bytes](), 0, len(data)
    while place < end:
        start = place + 2
        place = start + int.from_bytes(data[place:start], "big")
        if place > end:  # also when only one byte of a length is left, since `start` is then
            raise Malformed(f"the bundle ends within entry {len(entries)}")
        entries.append(data[start:place])
    _check_width(len(entries))
    if width is not None and len(entries) != width:
        raise Malformed(f"the bundle has {len(entries)} entries, not {width}")
    return entries


def _check_width(width: int) -> None:
    if not 1 <= width <= TILE_WIDTH:
        raise Malformed(f"a bundle has 1 to {TILE_WIDTH} entries, not {width}")

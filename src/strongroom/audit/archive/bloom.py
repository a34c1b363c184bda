"""Split-block Bloom filters: whether a segment may hold a value, from 32 bytes of its filter.

The layout is Apache Parquet's (parquet-format, BloomFilter.md): blocks of eight 32-bit words, one
bit in each. The 64 bits of a value's hash come from BLAKE2b instead of xxHash: it is in Python's own
library, and nobody can choose names that collide in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

BLOCK: Final = 32
"""Bytes of a block: all that a lookup needs to see."""

VALUES_A_BLOCK: Final = 16
"""16 bits a value: of 1,000 values that are not there, one or two seem to be."""

_WORD: Final = 0xFFFF_FFFF
_SALTS: Final = (
    0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D,
    0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Probe:
    """What to look for in filters of any size.

    :param place: which block, as a fraction of 2**32 of the filter
    :param mask: the bits that are set in the block if the value is there, little-endian
    """

    place: int
    mask: int

    def fits(self, block: bytes) -> bool:
        """Whether the value may be there, by the block at its place; no block, no value."""
        return int.from_bytes(block, "little") & self.mask == self.mask


def probe(value: bytes) -> Probe:
    """How to look for a value."""
    digest = int.from_bytes(blake2b(value, digest_size=8).digest(), "little")
    low = digest & _WORD
    mask = 0
    for word, salt in enumerate(_SALTS):
        mask |= 1 << (32 * word + ((low * salt & _WORD) >> 27))
    return Probe(digest >> 32, mask)


def build(values: Iterable[bytes]) -> bytes:
    """The filter of these values; empty when there are none."""
    probes = [probe(value) for value in set(values)]
    count = -(-len(probes) // VALUES_A_BLOCK)
    blocks = [0] * count
    for found in probes:
        blocks[found.place * count >> 32] |= found.mask
    return b"".join(block.to_bytes(BLOCK, "little") for block in blocks)


def may_hold(bits: bytes, value: bytes) -> bool:
    """Whether a filter's values may include this one."""
    found = probe(value)
    at = (found.place * (len(bits) // BLOCK) >> 32) * BLOCK
    return found.fits(bits[at : at + BLOCK])

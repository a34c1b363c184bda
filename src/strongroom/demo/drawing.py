"""Made-up things, drawn from a source of random numbers that can be repeated."""

from __future__ import annotations

import random
from bisect import bisect
from itertools import accumulate


class Skewed:
    """Numbers below ``count``, of which the small ones come up most (Zipf's law)."""

    def __init__(self, count: int, exponent: float) -> None:
        self._sums = tuple(accumulate((rank + 1) ** -exponent for rank in range(count)))

    def draw(self, source: random.Random) -> int:
        """One of them."""
        return bisect(self._sums, source.random() * self._sums[-1])


def uuid7(milliseconds: int, random_bits: int) -> str:
    """A UUIDv7 of this time and these bits (RFC 9562, section 5.7)."""
    high, low = random_bits >> 62 & 0xFFF, random_bits & (1 << 62) - 1
    number = (milliseconds & (1 << 48) - 1) << 80 | 7 << 76 | high << 64 | 2 << 62 | low
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

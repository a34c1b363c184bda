"""The histogram as a picture: bars stacked by level over time, each a link to its span.

An SVG made here and not in the browser: it is there without scripts, it is small, and the policy of
the pages lets no library set styles. Coordinates are abstract; the style sheet stretches them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from strongroom.audit.events import Level
from strongroom.audit.query import Window
from strongroom.audit.query.search import Histogram
from strongroom.audit.viewer.request import ViewerRequest, moment_text

WIDTH: Final = 1_200
HEIGHT: Final = 84
BARS: Final = 60

LABELS: Final = 6
"""Moments under the picture, at most."""

MOST_BARS: Final = 400
"""Where an address names a span far longer than the records in it."""

_SECOND: Final = 1_000_000
_DAY: Final = 86_400 * _SECOND
_UNITS: Final = (
    (365 * _DAY, "year"), (30 * _DAY, "30 days"), (7 * _DAY, "week"), (_DAY, "day"),
    (3_600 * _SECOND, "hour"), (60 * _SECOND, "minute"), (_SECOND, "second"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ShownBar:
    """One bar.

    :param start: microseconds since 1970-01-01 UTC
    :param address: arguments of the address that shows what is in it
    """

    start: int
    end: int
    count: int
    levels: Mapping[str, int]
    address: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Chart:
    """All that the template draws.

    :param start: where the axis begins, in microseconds since 1970-01-01 UTC
    :param paths: the shape of each level's part of all bars
    :param count: of records, at least that many where ``partial``
    :param levels: how many of each, of those that there are
    """

    start: int
    end: int
    width: int
    paths: Mapping[str, str]
    count: int
    levels: Mapping[str, int]
    bars: Sequence[ShownBar]
    partial: bool
    missing: Sequence[str]

    @property
    def every(self) -> str:
        """What one bar stands for: ``15 minutes``, ``day``."""
        unit, name = next((u, n) for u, n in _UNITS if self.width >= u)
        number = self.width // unit
        return name if number == 1 else f"{number} {name}s"

    @property
    def labels(self) -> list[int]:
        """Moments to write under the picture, evenly apart, from its beginning to its end."""
        parts = min((self.end - self.start) // self.width, LABELS - 1)
        return [self.start + (self.end - self.start) * n // parts for n in range(parts + 1)]

    @property
    def precision(self) -> str:
        """How exactly these are to be written: ``day``, ``minute`` or ``second``."""
        if self.width >= _DAY:
            return "day"
        if self.end - self.start > _DAY:
            return "hour"
        return "minute" if self.width >= 60 * _SECOND else "second"


def chart(wanted: ViewerRequest, found: Histogram) -> Chart | None:
    """The picture of what was found; None where there is nothing."""
    if not found.bars:
        return None
    start, end = _axis(wanted, found)
    step = WIDTH / ((end - start) // found.width)
    bars, total = [], Counter[str]()
    for bar in found.bars:
        total.update(bar.levels)
        if start <= bar.start < end:
            bars.append(
                ShownBar(
                    start=bar.start,
                    end=bar.start + found.width,
                    count=sum(bar.levels.values()),
                    levels=bar.levels,
                    address=wanted.between(bar.start, bar.start + found.width),
                )
            )
    return Chart(
        start=start,
        end=end,
        width=found.width,
        paths=_paths(bars, start, found.width, step),
        count=total.total(),
        levels={level.value: total[level] for level in Level if total[level]},
        bars=bars,
        partial=found.partial,
        missing=found.missing,
    )


def _axis(wanted: ViewerRequest, found: Histogram) -> tuple[int, int]:
    """From where to where, on the edges of bars: the whole window, or as far as there are records."""
    width, window = found.width, wanted.window
    first, last = found.bars[0].start, found.bars[-1].start
    start = first if window.start is None else min(first, window.start // width * width)
    end = last
    if window != Window() and (edge := wanted.counted.end) is not None:
        end = max(last, (edge - 1) // width * width)
    if (end - start) // width >= MOST_BARS:  # the records alone, not the emptiness around them
        start, end = first, last
    return start, end + width


def _paths(bars: Sequence[ShownBar], start: int, width: int, step: float) -> dict[str, str]:
    """All rectangles of a level as one path (SVG 2, section 9.3), the worst above all that is well.

    A path a level is a tenth of what a rectangle for each would be.
    """
    highest = max(bar.count for bar in bars)
    gap = min(step * 0.12, 3)
    paths: dict[str, str] = {}
    for bar in bars:
        x, top = (bar.start - start) // width * step + gap / 2, float(HEIGHT)
        for level in Level:
            if number := bar.levels.get(level, 0):
                # What is rare must be seen: a single error among a million is why people look.
                height = min(max(number / highest * (HEIGHT - 2), 1.5), top)
                top -= height
                rectangle = f"M{x:.1f} {top:.1f}h{step - gap:.1f}v{height:.1f}h-{step - gap:.1f}z"
                paths[level.value] = paths.get(level.value, "") + rectangle
    return paths


def moves(wanted: ViewerRequest) -> dict[str, Mapping[str, str]]:
    """The spans of time beside the one that is shown, where it has two ends: by what leads there."""
    start, end = wanted.window.start, wanted.window.end
    if start is None or end is None or end <= start:
        return {}
    length = end - start
    return {
        "Earlier": wanted.between(start - length, start),
        "Zoom out": wanted.between(start - length // 2, end + length // 2),
        "Later": wanted.between(end, end + length),
    }


def as_json(found: Histogram) -> dict[str, object]:
    """The same for programs."""
    return {
        "width_seconds": found.width // _SECOND,
        "bars": [
            {
                "start": moment_text(bar.start),
                "count": sum(bar.levels.values()),
                "levels": dict(bar.levels),
            }
            for bar in found.bars
        ],
        "partial": found.partial,
        "missing": list(found.missing),
    }

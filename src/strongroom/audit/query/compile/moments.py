"""The microseconds that the words for times stand for."""

from __future__ import annotations

from datetime import date
from typing import Final

from strongroom.audit.query.language.values import moment, span

MICROSECONDS: Final = 1_000_000
DAY: Final = 86_400 * MICROSECONDS
_EPOCH: Final = date(1970, 1, 1).toordinal()


def interval(text: str, now: int) -> tuple[int, int | None]:
    """From when to before when; None where it has no end.

    :param text: what ``time:`` takes: a span that ends now, a day or a moment
    :param now: microseconds since 1970-01-01 UTC, as is what is returned
    """
    if (seconds := span(text)) is not None:
        return now - seconds * MICROSECONDS, None
    today = now - now % DAY
    if text == "today":
        return today, today + DAY
    if text == "yesterday":
        return today - DAY, today
    meant = moment(text)
    if meant is None:
        raise ValueError(f"not a time: {text!r}")
    start = (date(meant.year, meant.month, meant.day).toordinal() - _EPOCH) * DAY
    start += (meant.microsecond or 0) - meant.offset * MICROSECONDS
    return start, start + meant.length

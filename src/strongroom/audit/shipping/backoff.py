"""How long to wait before the next attempt."""

from __future__ import annotations

import random

FIRST_SECONDS = 1.0
MOST_SECONDS = 300.0

MOST_ASKED_SECONDS = 3600.0
"""A destination that asks for more (``Retry-After``) is asked again after this."""


class Backoff:
    """Doubles with each failure, with jitter, so that not all come back at once. For one thread."""

    def __init__(self) -> None:
        self._failures = 0

    def failed(self, asked: float | None = None) -> float:
        """Seconds to wait after one more failure.

        :param asked: seconds that the destination asks for; it is not asked again before
        """
        most = min(FIRST_SECONDS * float(2 ** min(self._failures, 30)), MOST_SECONDS)
        self._failures += 1
        own = most * (0.5 + random.random() / 2)  # noqa: S311  # it keeps no secret
        return own if asked is None else max(own, min(asked, MOST_ASKED_SECONDS))

    def succeeded(self) -> None:
        """Begin anew."""
        self._failures = 0

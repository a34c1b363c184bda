"""How many zips are prepared at a time: each takes memory for all that will be in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Final

from strongroom.errors import ServerFault

AT_A_TIME: Final = 2
"""In one worker process."""

PATIENCE: Final = 5.0
"""Seconds that others wait for their turn, each of them on a thread of the server."""


class Turns:
    """Lets so many through at a time. Thread-safe; each process has its own."""

    def __init__(self, at_a_time: int, patience: float) -> None:
        self._free = BoundedSemaphore(at_a_time)
        self._patience = patience

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold one of the turns.

        :raises ServerFault: 503 ``too_many_zips``: none became free in time
        """
        if not self._free.acquire(timeout=self._patience):
            raise ServerFault(
                "too_many_zips",
                "Other zips are being prepared, and this one would be too many at once. "
                "Try again in a moment.",
                status=503,
            )
        try:
            yield
        finally:
            self._free.release()

"""What is on its way to this process: uploads of one moment must not all count on the same room.

Resumable uploads are not among them: what has arrived of those is in the object store.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Arrival:
    """A body on its way.

    :ivar announced: bytes in all; 0 where that is not known
    :ivar arrived: bytes so far
    """

    announced: int
    arrived: int = 0

    @property
    def size(self) -> int:
        """Bytes that it takes, as far as is known."""
        return max(self.announced, self.arrived)

    @property
    def to_come(self) -> int:
        """Bytes that are announced and have not arrived."""
        return self.size - self.arrived


@dataclass(slots=True)
class InFlight:
    """Counts bodies that are arriving. Thread-safe; each process counts its own."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _sizes: Counter[str] = field(default_factory=Counter)
    _to_come: int = 0
    _unlooked: int = 0

    @contextmanager
    def begin(self, announced: int, user_id: str | None) -> Iterator[Arrival]:
        """Count a body until the block ends."""
        arrival = Arrival(announced)
        self._count(arrival, user_id, 1)
        try:
            yield arrival
        finally:
            self._count(arrival, user_id, -1)

    def add(self, arrival: Arrival, user_id: str | None, count: int) -> None:
        """So many more bytes of it have arrived."""
        with self._lock:
            before = arrival.size, arrival.to_come
            arrival.arrived += count
            self._to_come += arrival.to_come - before[1]
            if user_id is not None:
                self._sizes[user_id] += arrival.size - before[0]

    def of(self, user_id: str | None) -> int:
        """Bytes of all bodies that somebody is sending."""
        with self._lock:
            return 0 if user_id is None else self._sizes[user_id]

    def to_come(self) -> int:
        """Bytes of all bodies that are announced and have not arrived."""
        with self._lock:
            return self._to_come

    def is_due(self, count: int, every: int) -> bool:
        """Whether so many bytes more, of whatever, make it time to look at the disk again."""
        with self._lock:
            self._unlooked += count
            if self._unlooked < every:
                return False
            self._unlooked = 0
            return True

    def _count(self, arrival: Arrival, user_id: str | None, sign: int) -> None:
        with self._lock:
            self._to_come += sign * arrival.to_come
            if user_id is None:
                return
            self._sizes[user_id] += sign * arrival.size
            if self._sizes[user_id] <= 0:
                del self._sizes[user_id]

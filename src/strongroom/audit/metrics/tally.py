"""What is counted while an application works: a few additions in memory for each thing that happens."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from strongroom.audit.metrics.families import (
    ABORTED,
    BYTES_IN,
    BYTES_OUT,
    COMMIT,
    COUNTED,
    DROPPED,
    DURATION,
    EVENTS,
    FAILED_COMMITS,
    FAMILIES,
    IN_PROGRESS,
    LEVELS,
    QUEUE,
    REQUESTS,
    Family,
)
from strongroom.audit.metrics.shared import SharedNumbers, series

OTHER: Final = "other"
"""Stands for names that anybody may make up: they must not make the numbers grow without end."""

SUM: Final = "sum"

_METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"}
)
_STATUSES: Final = range(100, 600)


class Tally:
    """Counts for one audit log. Thread-safe; nothing here raises.

    :param path: of the files that all processes of the application share
    :param events: names of the events that are counted by name
    """

    def __init__(self, path: Path, events: Iterable[str]) -> None:
        states = (family.name for family in FAMILIES if family.kind == "state")
        self.numbers = SharedNumbers(path, states)
        self._events = frozenset(events)

    def request_began(self) -> None:
        """A request arrived."""
        self.numbers.add((IN_PROGRESS.name, 1.0))

    def request_ended(
        self, method: str, status: int, seconds: float, bodies: tuple[int, int], *, aborted: bool
    ) -> None:
        """A request that is recorded ended.

        :param seconds: since it arrived
        :param bodies: bytes that came in and went out
        """
        amounts = [
            (IN_PROGRESS.name, -1.0),
            (_request(method if method in _METHODS else OTHER, status), 1.0),
            (_bucket(DURATION, bisect_left(DURATION.buckets, seconds)), 1.0),
            (_sum(DURATION), seconds),
            (BYTES_IN.name, bodies[0]),
            (BYTES_OUT.name, bodies[1]),
        ]
        if aborted:
            amounts.append((ABORTED.name, 1.0))
        self.numbers.add(*amounts)

    def counted_request_ended(self, kind: str) -> None:
        """A request that is counted ended."""
        self.numbers.add((IN_PROGRESS.name, -1.0), (series(COUNTED.name, kind), 1.0))

    def record_kept(self, record: Mapping[str, Any]) -> None:
        """A record is in the journal, or on its way there."""
        event = record.get("event")
        name = event if event in self._events else OTHER
        outcome, level = str(record.get("outcome") or ""), str(record.get("level") or "")
        self.numbers.add((_event(str(name), outcome), 1.0), (_level(level), 1.0))

    def committed(self, seconds: float, waiting: int) -> None:
        """A write transaction ended on disk; so many records of the ops stream wait for the next."""
        self.numbers.add(
            (_bucket(COMMIT, bisect_left(COMMIT.buckets, seconds)), 1.0), (_sum(COMMIT), seconds)
        )
        self.waiting(waiting)

    def commit_failed(self, waiting: int) -> None:
        """A write transaction was rolled back."""
        self.numbers.add((FAILED_COMMITS.name, 1.0))
        self.waiting(waiting)

    def waiting(self, count: int) -> None:
        """So many records of the ops stream wait."""
        self.numbers.put(QUEUE.name, count)

    def dropped(self, count: int) -> None:
        """So many records of the ops stream were lost."""
        self.numbers.add((DROPPED.name, count))


@lru_cache(maxsize=2_048)
def _request(method: str, status: int) -> str:
    return series(REQUESTS.name, method, str(status) if status in _STATUSES else OTHER)


@lru_cache(maxsize=2_048)
def _event(name: str, outcome: str) -> str:
    return series(EVENTS.name, name, outcome if len(outcome) <= 16 else OTHER)


@lru_cache(maxsize=16)
def _level(level: str) -> str:
    return series(LEVELS.name, level)


@lru_cache(maxsize=64)
def _bucket(family: Family, number: int) -> str:
    return series(family.name, str(number))


@lru_cache(maxsize=8)
def _sum(family: Family) -> str:
    return series(family.name, SUM)

"""Requests that are counted instead of recorded: health checks, assets, polling."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

MINUTE: Final = 60.0


class CountedRequests:
    """Gathers counts and hands them over once a minute, and at the end. Thread-safe.

    :param prefixes: label for each path prefix whose requests are counted; the prefix must end
        where a path segment ends
    :param report: called with the counts by label, never with none
    """

    def __init__(
        self, prefixes: Mapping[str, str], report: Callable[[Mapping[str, int]], None]
    ) -> None:
        self._prefixes = tuple(prefixes.items())
        self._report = report
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def label(self, path: str) -> str | None:
        """The label under which a request for this path is counted; None when it is recorded."""
        for prefix, label in self._prefixes:
            if path == prefix or (prefix.endswith("/") and path.startswith(prefix)):
                return label
        return None

    def add(self, label: str) -> None:
        """Count one request."""
        with self._lock:
            self._counts[label] += 1
            if self._timer is None:
                self._timer = threading.Timer(MINUTE, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Report what was counted since the last time."""
        with self._lock:
            counts, self._counts = dict(self._counts), Counter()
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        if counts:
            self._report(counts)

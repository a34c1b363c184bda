"""Requests that are counted instead of recorded: none is lost, none is counted twice."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from strongroom.audit import counted
from strongroom.audit.counted import CountedRequests

PREFIXES = {"/healthz": "health", "/static/": "static", "/logs/static/": "static", "/metrics": "m"}


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/healthz", "health"),
        ("/healthz/", None),
        ("/healthzzz", None),
        ("/static/", "static"),
        ("/static/a/b.css", "static"),
        ("/static", None),
        ("/staticky/x", None),
        ("/logs/static/x", "static"),
        ("/logs/", None),
        ("/", None),
        ("", None),
        ("/x/healthz", None),
    ],
)
def test_which_requests_are_counted(path: str, label: str | None) -> None:
    assert CountedRequests(PREFIXES, lambda _: None).label(path) == label


def test_counts_are_handed_over_once() -> None:
    reports: list[Mapping[str, int]] = []
    requests = CountedRequests(PREFIXES, reports.append)
    requests.flush()
    for label in ("health", "static", "static"):
        requests.add(label)
    requests.flush()
    requests.flush()
    requests.add("health")
    requests.flush()
    assert reports == [{"health": 1, "static": 2}, {"health": 1}]


def test_a_minute_later_it_reports_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counted, "MINUTE", 0.01)
    reported = threading.Event()
    requests = CountedRequests(PREFIXES, lambda _: reported.set())
    for _ in range(2):  # and again
        reported.clear()
        requests.add("health")
        assert reported.wait(30)


def test_no_count_is_lost_between_threads_and_reports() -> None:
    total: Counter[str] = Counter()
    requests = CountedRequests(PREFIXES, total.update)

    def thread(number: int) -> None:
        for _ in range(200):
            requests.add("health" if number % 2 else "static")
            if number == 0:
                requests.flush()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(thread, range(16)))
    requests.flush()
    assert total == {"health": 1_600, "static": 1_600}

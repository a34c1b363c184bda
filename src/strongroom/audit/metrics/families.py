"""The families that processes count: their names, what they mean, their labels.

Names and units follow OpenMetrics 1.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/):
base units, ``_total`` for what only grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Family:
    """One family of numbers.

    :param name: without the suffix that its kind has
    :param kind: ``state`` is summed over the processes that live
    :param help: one sentence
    :param labels: names of its labels
    :param buckets: upper bounds of a histogram
    """

    name: str
    kind: Literal["counter", "state", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


REQUESTS: Final = Family(
    "strongroom_requests",
    "counter",
    "Requests that ended, by method and status.",
    ("method", "status"),
)
COUNTED: Final = Family(
    "strongroom_requests_counted",
    "counter",
    "Requests that are counted instead of recorded, by what they were for.",
    ("kind",),
)
ABORTED: Final = Family(
    "strongroom_requests_aborted", "counter", "Requests that their client broke off."
)
IN_PROGRESS: Final = Family(
    "strongroom_requests_in_progress", "state", "Requests that are being answered now."
)
DURATION: Final = Family(
    "strongroom_request_duration_seconds",
    "histogram",
    "From a request's arrival to the end of its answer.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0),
)
BYTES_IN: Final = Family(
    "strongroom_request_body_bytes", "counter", "Bytes of request bodies that were read."
)
BYTES_OUT: Final = Family(
    "strongroom_response_body_bytes", "counter", "Bytes of response bodies that were sent."
)
EVENTS: Final = Family(
    "strongroom_events",
    "counter",
    "Records that were kept, by event and outcome; undeclared events together as other.",
    ("event", "outcome"),
)
LEVELS: Final = Family(
    "strongroom_events_by_level", "counter", "Records that were kept, by level.", ("level",)
)
COMMIT: Final = Family(
    "strongroom_journal_commit_seconds",
    "histogram",
    "From the begin of a write transaction to its end on disk.",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0),
)
FAILED_COMMITS: Final = Family(
    "strongroom_journal_failures", "counter", "Write transactions that were rolled back."
)
QUEUE: Final = Family(
    "strongroom_journal_queue_records",
    "state",
    "Records of the ops stream that wait for a commit, as of each process's last one.",
)
DROPPED: Final = Family(
    "strongroom_journal_dropped_records", "counter", "Records of the ops stream that were lost."
)

FAMILIES: Final = (
    REQUESTS,
    COUNTED,
    ABORTED,
    IN_PROGRESS,
    DURATION,
    BYTES_IN,
    BYTES_OUT,
    EVENTS,
    LEVELS,
    COMMIT,
    FAILED_COMMITS,
    QUEUE,
    DROPPED,
)

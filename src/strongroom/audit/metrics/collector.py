"""The numbers of an audit log as families of OpenMetrics: what was counted, and what the database tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from strongroom.audit.metrics.families import FAMILIES, Family
from strongroom.audit.metrics.shared import SEPARATOR
from strongroom.audit.metrics.standing import standing
from strongroom.audit.metrics.tally import SUM, Tally
from strongroom.store import Store

Counted = Mapping[tuple[str, ...], float]
"""The numbers of one family, by the values of its labels."""


class AuditMetrics(Collector):
    """For a registry of prometheus-client: ``registry.register(audit.metrics)``. Thread-safe.

    What was counted is of all processes of the application on this machine. What is
    read from the database is of all that write to it; while it cannot be read, those families are
    left out and ``strongroom_database_readable`` is 0.
    """

    def __init__(self, store: Store, tally: Tally) -> None:
        self._store = store
        self._tally = tally

    def describe(self) -> Iterator[Metric]:
        """Nothing in advance: registering must not read the database."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The families, with their numbers now."""
        counted: dict[str, dict[tuple[str, ...], float]] = {}
        for key, value in self._tally.numbers.totals().items():
            name, *labels = key.split(SEPARATOR)
            counted.setdefault(name, {})[tuple(labels)] = value
        for family in FAMILIES:
            yield _counted(family, counted.get(family.name, {}))
        yield from standing(self._store)


def _counted(family: Family, found: Counted) -> Metric:
    if family.kind == "histogram":
        return _histogram(family, found)
    made: CounterMetricFamily | GaugeMetricFamily
    if family.kind == "counter":
        made = CounterMetricFamily(family.name, family.help, labels=family.labels)
    else:
        made = GaugeMetricFamily(family.name, family.help, labels=family.labels)
    if not family.labels:
        found = {(): 0.0, **found}
    for labels, value in sorted(found.items()):
        if len(labels) == len(family.labels):
            made.add_metric(labels, value)
    return made


def _histogram(family: Family, found: Counted) -> Metric:
    bounds = [*map(floatToGoString, family.buckets), "+Inf"]
    counts = accumulate(found.get((str(number),), 0.0) for number in range(len(bounds)))
    made = HistogramMetricFamily(family.name, family.help)
    made.add_metric([], list(zip(bounds, counts, strict=True)), found.get((SUM,), 0.0))
    return made

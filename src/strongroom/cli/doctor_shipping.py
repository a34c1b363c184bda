"""What ``strongroom doctor`` says of the systems that records are sent to."""

from __future__ import annotations

import time
from collections.abc import Iterator

from strongroom.audit.shipping.status import status_of
from strongroom.bootstrap import destinations
from strongroom.cli.finding import Finding
from strongroom.settings import Settings
from strongroom.store import Store


def shipping_findings(store: Store, settings: Settings) -> Iterator[Finding]:
    """One for each destination."""
    now = time.time_ns() // 1000
    for destination in destinations(settings):
        check = f"shipping to {destination.name}"
        found = status_of(store, destination)
        behind = sum(lag.records for lag in found.lags)
        seconds = max(lag.seconds(now) for lag in found.lags)
        text = f"{behind:,} records behind, {seconds:,.0f} s" if behind else "has all records"
        if found.refused:
            text += f"; refused {found.refused:,}, see strongroom shipping retry {destination.name}"
        if found.state.failing_since is not None:
            text += f"; {found.state.error}"
        well = found.state.failing_since is None and not found.refused
        state = "bad" if found.state.stalled_at is not None else "ok" if well else "note"
        yield Finding(check, state, text)

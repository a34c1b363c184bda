"""A log to ship, and what ships it, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.audit.shipping import Destination
from strongroom.audit.shipping.exporter import Exporter
from strongroom.audit.shipping.opening import open_exporter
from strongroom.audit.shipping.relay import Relay
from tests.receiving import OtlpReceiver, SyslogReceiver
from tests.unit.sealing.sealed import Log


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(f"sqlite:///{tmp_path / 'log.db'}")
    yield made
    made.store.close()


@pytest.fixture
def otlp() -> Iterator[OtlpReceiver]:
    receiver = OtlpReceiver()
    yield receiver
    receiver.close()


@pytest.fixture
def syslog() -> Iterator[SyslogReceiver]:
    receiver = SyslogReceiver()
    yield receiver
    receiver.close()


@pytest.fixture
def relay(log: Log) -> Iterator[Callable[..., Relay]]:
    """Makes a relay to an address."""
    opened: list[Exporter] = []

    def make(to: str, **values: Any) -> Relay:
        destination = Destination("siem", to, **values)
        opened.append(open_exporter(destination))
        return Relay(log.store, destination, opened[-1], log.record)

    yield make
    for exporter in opened:
        exporter.finish()


def ship(relay: Relay) -> None:
    """All there is."""
    while relay.step():
        pass

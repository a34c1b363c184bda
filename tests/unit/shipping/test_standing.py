"""What is recorded of a destination, how far behind it is, and what retention keeps for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from strongroom.audit.events import Stream
from strongroom.audit.shipping import Destination, backoff
from strongroom.audit.shipping.backoff import Backoff
from strongroom.audit.shipping.exporter import Undelivered
from strongroom.audit.shipping.relay import Relay
from strongroom.audit.shipping.status import keeps_from, status_of
from tests.receiving import Answer, OtlpReceiver
from tests.unit.sealing.sealed import Log
from tests.unit.shipping.conftest import ship

Make = Callable[..., Relay]


def recorded(log: Log) -> list[dict[str, Any]]:
    return [each for each in log.records(Stream.AUDIT) if each["event"].startswith("shipping_")]


def fail(relay: Relay) -> None:
    with pytest.raises(Undelivered):
        relay.step()


def keeps(log: Log, destination: Destination, stream: Stream = Stream.AUDIT) -> int | None:
    with log.store.read() as connection:
        return keeps_from(connection, [destination], stream)


def test_stalled_and_resumed(log: Log, relay: Make, otlp: OtlpReceiver) -> None:
    log.fill(3, 0)
    values: dict[str, Any] = {"to": f"http://user:secret@127.0.0.1:{otlp.port}", "stalled_after": 0}
    shipping, destination = relay(**values), Destination("siem", **values)
    otlp.judge = lambda _: Answer(503)
    for _ in range(3):
        fail(shipping)
    [said] = recorded(log)
    assert (said["event"], said["level"], said["reason"]) == (
        "shipping_stalled",
        "error",
        "no_success",
    )
    assert said["extra"]["destination"] == "siem"
    assert "secret" not in str(said)
    status = status_of(log.store, destination)
    assert status.state.stalled_at is not None
    assert [(lag.stream, lag.records) for lag in status.lags] == [("audit", 4), ("ops", 0)]
    shipping = relay(**values)  # of another process
    otlp.judge = lambda _: Answer()
    ship(shipping)
    ship(shipping)
    assert [each["event"] for each in recorded(log)] == ["shipping_stalled", "shipping_resumed"]
    status = status_of(log.store, destination)
    assert status.state.failing_since is None
    assert [lag.records for lag in status.lags] == [0, 0]


def test_how_old_the_oldest_is(log: Log, relay: Make, otlp: OtlpReceiver) -> None:
    log.fill(2, 0)
    destination = Destination("siem", f"http://127.0.0.1:{otlp.port}")
    [audit, ops] = status_of(log.store, destination).lags
    assert audit.next_seq is None
    assert audit.oldest is not None
    assert audit.seconds(audit.oldest + 2_500_000) == 2.5
    assert (ops.records, ops.seconds(10**18)) == (0, 0.0)


def test_retention_waits_and_then_no_longer(log: Log, relay: Make, otlp: OtlpReceiver) -> None:
    log.fill(3, 0)
    to = f"http://127.0.0.1:{otlp.port}"
    patient, hasty = Destination("siem", to), Destination("siem", to, retention_waits=0)
    assert keeps(log, patient) == 0  # it was never looked at
    assert keeps(log, patient, Stream.IMPORTED) is None
    shipping = relay(to, retention_waits=0)
    ship(shipping)
    assert keeps(log, patient) == 3
    otlp.judge = lambda _: Answer(503)
    log.fill(2, 0)
    for _ in range(2):
        fail(shipping)
    assert keeps(log, patient) == 3
    assert keeps(log, hasty) is None
    assert [each["reason"] for each in recorded(log)] == ["retention_waits_no_longer"]


def test_retention_keeps_dead_letters(log: Log, relay: Make, otlp: OtlpReceiver) -> None:
    log.fill(1, 0)
    otlp.judge = lambda _: Answer(400)
    destination = Destination("siem", f"http://127.0.0.1:{otlp.port}")
    ship(relay(destination.to))
    assert keeps(log, destination) == 0


def test_waits_grow_and_have_an_end() -> None:
    waits = Backoff()
    found = [waits.failed() for _ in range(40)]
    assert 0.5 <= found[0] <= 1.0
    assert all(1.0 <= wait <= 2.0 for wait in found[1:2])
    assert all(backoff.MOST_SECONDS / 2 <= wait <= backoff.MOST_SECONDS for wait in found[10:])
    assert waits.failed(asked=1_000.0) == 1_000.0
    assert waits.failed(asked=10.0**9) == backoff.MOST_ASKED_SECONDS
    waits.succeeded()
    assert waits.failed(asked=0.0) <= 1.0

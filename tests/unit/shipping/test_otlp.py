"""OTLP over HTTP: connections, credentials, certificates, and answers that nobody expects."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.audit.shipping.exporter import Undelivered
from strongroom.audit.shipping.relay import Relay
from tests.receiving import Answer, OtlpReceiver, attributes_of
from tests.serving import free_port
from tests.unit.sealing.sealed import Log
from tests.unit.shipping.conftest import ship
from tests.web.secured import certify

COUNT = 99_990 if os.environ.get("STRONGROOM_SOAK") else 30

Make = Callable[..., Relay]


def numbers(receiver: OtlpReceiver) -> list[int]:
    return [attributes_of(record)["strongroom.seq"] for record in receiver.records]


def test_the_path_and_the_headers(log: Log, relay: Make, otlp: OtlpReceiver) -> None:
    log.fill(1, 0)
    ship(relay(f"http://127.0.0.1:{otlp.port}", headers={"X-Scope-OrgID": "office"}))
    log.store.write(lambda c: c.exec_driver_sql("UPDATE shipping_cursor SET next_seq = 0"))
    ship(relay(f"http://ana:p%40ss@127.0.0.1:{otlp.port}/otlp/v1/logs?x=1"))
    assert otlp.paths == ["/v1/logs", "/otlp/v1/logs?x=1"]
    assert otlp.headers[0]["X-Scope-OrgID"] == "office"
    assert otlp.headers[1]["Authorization"] == "Basic YW5hOnBAc3M="


def test_tls(log: Log, relay: Make, tmp_path: Path) -> None:
    certificate = certify(tmp_path)
    receiver = OtlpReceiver(certificate=certificate)
    log.fill(3, 0)
    to = f"https://localhost:{receiver.port}"
    with pytest.raises(Undelivered, match="CERTIFICATE_VERIFY_FAILED"):
        relay(to).step()
    ship(relay(to, tls_ca=str(certificate[0])))
    assert numbers(receiver) == [0, 1, 2]
    receiver.close()


def test_a_connection_that_was_closed_meanwhile(log: Log, relay: Make) -> None:
    port = free_port()
    receiver = OtlpReceiver(port, lambda _: Answer(headers={"Connection": "close"}))
    log.fill(1, 0)
    shipping = relay(f"http://127.0.0.1:{port}")
    ship(shipping)
    log.fill(1, 0)
    ship(shipping)
    assert numbers(receiver) == [0, 1]
    receiver.close()


def test_nobody_there_and_then_somebody(log: Log, relay: Make) -> None:
    port = free_port()
    log.fill(COUNT, 0)
    shipping = relay(f"http://127.0.0.1:{port}")
    for _ in range(2):
        with pytest.raises(Undelivered, match="refused"):
            shipping.step()
    receiver = OtlpReceiver(port)
    ship(shipping)
    assert numbers(receiver) == list(range(COUNT))
    receiver.close()


@pytest.mark.parametrize("asked", ["soon", "Wed, 21 Oct 2015 07:28:00 GMT", "-5", ""])
def test_a_moment_that_is_none(log: Log, relay: Make, otlp: OtlpReceiver, asked: str) -> None:
    log.fill(1, 0)
    otlp.judge = lambda _: Answer(503, headers={"Retry-After": asked})
    with pytest.raises(Undelivered) as caught:
        relay(f"http://127.0.0.1:{otlp.port}").step()
    assert not caught.value.retry_after

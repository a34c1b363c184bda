"""Destinations that are down while records are made; a server that is killed while it ships."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.receiving import Answer, OtlpReceiver, SyslogReceiver, attributes_of, wait_for
from tests.serving import Installation, free_port

FILES = 400 if os.environ.get("STRONGROOM_SOAK") else 12

pytestmark = pytest.mark.fault

Place = tuple[str, int]
"""Stream and number of a record."""


def of_otlp(receiver: OtlpReceiver) -> list[Place]:
    found = [attributes_of(record) for record in receiver.records]
    return [(each["strongroom.stream"], each["strongroom.seq"]) for each in found]


def of_syslog(receiver: SyslogReceiver) -> list[Place]:
    return [(record["stream"], record["seq"]) for record in receiver.records]


def upload(server: Installation, start: int) -> None:
    with server.client() as client:
        for number in range(start, start + FILES):
            answer = client.put(f"/api/v1/files/日本 {number}.txt", content=b"x")
            assert answer.status_code == 201


def in_order(places: Sequence[Place], stream: str) -> list[int]:
    """The numbers of a stream without the doubles: each where it came first."""
    return list(dict.fromkeys(seq for name, seq in places if name == stream))


def test_down_for_a_whole_run_and_then_killed(serve: Callable[..., Installation]) -> None:
    otlp_port, syslog_port = free_port(), free_port()
    addresses = {
        "collector": {"to": f"http://127.0.0.1:{otlp_port}"},
        "siem": {"to": f"syslog+tcp://127.0.0.1:{syslog_port}"},
    }
    server = serve(shipping=json.dumps(addresses))
    upload(server, 0)
    server.kill()  # nobody was there to ship to all the time
    started, killed = threading.Event(), threading.Event()
    doubled: list[int] = []

    def kill_before_answering(records: Sequence[LogRecord]) -> Answer:
        if not killed.is_set():
            started.wait()
            doubled.append(len(records))
            server.kill()
            killed.set()
        return Answer()

    otlp = OtlpReceiver(otlp_port, kill_before_answering)
    syslog = SyslogReceiver(syslog_port)
    server.start()
    started.set()
    assert killed.wait(30)
    server.start()
    upload(server, FILES)
    expected = {(each["stream"], each["seq"]): each for each in server.records()}
    wait_for(lambda: expected.keys() <= set(of_otlp(otlp)))
    wait_for(lambda: expected.keys() <= set(of_syslog(syslog)))
    check(of_otlp(otlp), expected)
    check(of_syslog(syslog), expected)
    arrived = {(each["stream"], each["seq"]): each for each in syslog.records}
    for place, record in expected.items():
        record.pop("user", None)
        assert arrived[place] == record
    # One process ships: nothing came twice but what was not answered.
    places = of_otlp(otlp)
    assert len(places) - len(set(places)) <= sum(doubled)
    server.stop()
    otlp.close()
    syslog.close()


def check(places: Sequence[Place], expected: dict[Place, Any]) -> None:
    for stream in ("audit", "ops"):
        numbers = in_order(places, stream)
        assert numbers == list(range(len(numbers)))
        assert len(numbers) >= sum(name == stream for name, _ in expected)

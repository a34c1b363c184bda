"""The daemons that most people have: what they get is what was recorded, also when they were down."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from strongroom.audit.shipping import Destination
from strongroom.audit.shipping.exporter import Undelivered
from strongroom.audit.shipping.opening import open_exporter
from strongroom.audit.shipping.relay import Relay
from tests.fault.syslog_daemons import INSTALLED, Daemon
from tests.receiving import wait_for
from tests.unit.making import audit_record
from tests.unit.sealing.sealed import Log

COUNT = 100_000 if os.environ.get("STRONGROOM_SOAK") else 600

NASTY = 'a "quoted\\] 日本\n<13>1 forged\r\x1b[31mtxt'

pytestmark = [
    pytest.mark.fault,
    pytest.mark.skipif(not INSTALLED, reason="neither rsyslog nor syslog-ng is installed"),
]


@pytest.fixture(params=INSTALLED, ids=lambda kind: kind.program)
def daemon(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Daemon]:
    made: Daemon = request.param(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(f"sqlite:///{tmp_path / 'log.db'}")
    yield made
    made.store.close()


def ship(log: Log, destination: Destination) -> None:
    """Ship all there is, as soon as somebody is there."""
    relay = Relay(log.store, destination, open_exporter(destination), log.record)
    until = time.monotonic() + 30 + COUNT / 500
    more = True
    while more:
        assert time.monotonic() < until
        try:
            more = relay.step()
        except Undelivered:
            time.sleep(0.1)
    relay.finish()


@pytest.mark.parametrize("scheme", ["syslog+tcp", "syslog+tls"])
def test_down_for_a_whole_run_and_then_back(log: Log, daemon: Daemon, scheme: str) -> None:
    port = daemon.tls if scheme == "syslog+tls" else daemon.tcp
    destination = Destination(
        "siem", f"{scheme}://localhost:{port}", tls_ca=str(daemon.cert), stalled_after=10**6
    )
    relay = Relay(log.store, destination, open_exporter(destination), log.record)
    log.append([audit_record(filename=NASTY, app="strongroom", host="files", pid=4711)])
    log.append([audit_record(error_msg="日本" * 17_000, level="critical")])
    log.fill(COUNT, 0)
    with pytest.raises(Undelivered):
        relay.step()
    daemon.start()
    ship(log, destination)
    wait_for(lambda: daemon.count >= COUNT + 2, 30 + COUNT / 500)
    daemon.stop()
    got = daemon.received
    sent = [json.loads(each["msg"].removeprefix("\ufeff")) for each in got]
    assert [record["seq"] for record in sent] == list(range(COUNT + 2))
    assert [each["seq"] for each in got] == [str(number) for number in range(COUNT + 2)]
    assert sent[0]["filename"] == NASTY
    assert sent[1]["error_msg"] == "日本" * 17_000
    first, second, *_ = got
    moments = [datetime.fromisoformat(each["timestamp"]) for each in (first, sent[0])]
    assert moments[0] == moments[1]
    assert (first["msgid"], first["app"], first["host"], first["pid"]) == (
        "file_uploaded",
        "strongroom",
        "files",
        "4711",
    )
    assert (first["pri"], second["pri"]) == ("110", "106")
    assert got[2]["filename"] == "日本 0.txt"

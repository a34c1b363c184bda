"""The daemon that most people have: what it gets is what was recorded, also when it was down."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.audit.shipping import Destination
from strongroom.audit.shipping.exporter import Undelivered
from strongroom.audit.shipping.opening import open_exporter
from strongroom.audit.shipping.relay import Relay
from tests.receiving import wait_for
from tests.serving import free_port
from tests.unit.making import audit_record
from tests.unit.sealing.sealed import Log
from tests.web.secured import certify

RSYSLOGD = shutil.which("rsyslogd", path=f"{os.environ['PATH']}:/usr/sbin")

COUNT = 100_000 if os.environ.get("STRONGROOM_SOAK") else 600

NASTY = 'a "quoted\\] 日本\n<13>1 forged\r\x1b[31mtxt'

CONFIGURATION = """
global(maxMessageSize="256k" workDirectory="{folder}" net.enableDNS="off"
  defaultNetstreamDriverCAFile="{cert}" defaultNetstreamDriverCertFile="{cert}"
  defaultNetstreamDriverKeyFile="{key}")
template(name="parsed" type="list" option.jsonf="on") {{
  property(outname="msgid" name="msgid" format="jsonf")
  property(outname="pri" name="pri" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="pid" name="procid" format="jsonf")
  property(outname="timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="filename" name="$!rfc5424-sd!strongroom@32473!filename" format="jsonf")
  property(outname="seq" name="$!rfc5424-sd!strongroom@32473!seq" format="jsonf")
  property(outname="msg" name="msg" format="jsonf")
}}
module(load="imtcp")
module(load="mmpstrucdata")
input(type="imtcp" port="{tcp}" address="127.0.0.1")
input(type="imtcp" port="{tls}" address="127.0.0.1"
  streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
action(type="mmpstrucdata")
action(type="omfile" file="{folder}/received" template="parsed")
"""

pytestmark = [
    pytest.mark.fault,
    pytest.mark.skipif(RSYSLOGD is None, reason="rsyslog is not installed"),
]


class Daemon:
    """rsyslogd with a configuration of its own, which writes what it parsed as JSON lines."""

    def __init__(self, folder: Path) -> None:
        self.cert, key = certify(folder)
        self.tcp, self.tls = free_port(), free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        values = {"folder": folder, "cert": self.cert, "key": key, "tcp": self.tcp, "tls": self.tls}
        (folder / "rsyslog.conf").write_text(CONFIGURATION.format(**values))

    def start(self) -> None:
        """Start it."""
        assert RSYSLOGD is not None
        command = [RSYSLOGD, "-n", "-f", self._folder / "rsyslog.conf", "-i", self._folder / "pid"]
        self._process = subprocess.Popen(command)

    def stop(self) -> None:
        """Let it write what it has, and end."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    @property
    def received(self) -> list[dict[str, Any]]:
        """What it has written."""
        path = self._folder / "received"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path)
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
    until = time.monotonic() + 60
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
    wait_for(lambda: len(daemon.received) >= COUNT + 2)
    daemon.stop()
    got = daemon.received
    sent = [json.loads(each["msg"].removeprefix("\ufeff")) for each in got]
    assert [record["seq"] for record in sent] == list(range(COUNT + 2))
    assert [each["seq"] for each in got] == [str(number) for number in range(COUNT + 2)]
    assert sent[0]["filename"] == NASTY
    assert sent[1]["error_msg"] == "日本" * 17_000
    first, second, *_ = got
    assert first["timestamp"] == sent[0]["timestamp"]
    assert (first["msgid"], first["app"], first["host"], first["pid"]) == (
        "file_uploaded",
        "strongroom",
        "files",
        "4711",
    )
    assert (first["pri"], second["pri"]) == ("110", "106")
    assert got[2]["filename"] == "日本 0.txt"

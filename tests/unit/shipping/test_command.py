"""``strongroom shipping``, and the thread of a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from strongroom.audit.events import Stream
from strongroom.audit.shipping import Destination, backoff, thread
from strongroom.audit.shipping.opening import open_exporter
from strongroom.audit.shipping.status import status_of
from strongroom.audit.shipping.thread import ShippingThread, lease_of
from strongroom.bootstrap import Installation
from strongroom.cli import main
from strongroom.cli.doctor_shipping import shipping_findings
from strongroom.settings import load
from tests.receiving import Answer, OtlpReceiver, SyslogReceiver, attributes_of, wait_for
from tests.serving import free_port
from tests.unit.sealing.sealed import Log


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["shipping", *arguments, "--data", str(data)])


def shown(result: Result) -> Any:
    return json.loads(result.stdout)


@pytest.fixture
def data(
    tmp_path: Path, otlp: OtlpReceiver, syslog: SyslogReceiver, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """An installation with two destinations that are there, and one that is not."""
    addresses = {
        "collector": {"to": f"http://127.0.0.1:{otlp.port}"},
        "siem": {"to": f"syslog+tcp://127.0.0.1:{syslog.port}"},
        "gone": {"to": f"http://127.0.0.1:{free_port()}"},
    }
    monkeypatch.setenv("STRONGROOM_SHIPPING", json.dumps(addresses))
    folder = tmp_path / "data"
    Installation.open(load(data=folder)).store.close()
    return folder


def test_a_test_that_arrives(data: Path, otlp: OtlpReceiver, syslog: SyslogReceiver) -> None:
    done = run(data, "test", "collector", "--json")
    assert (done.exit_code, shown(done)["outcome"]) == (0, "taken"), done.output
    [record] = otlp.records
    assert record.event_name == "shipping_tested"
    assert attributes_of(record)["log.record.uid"] == shown(done)["id"]
    done = run(data, "test", "siem")
    assert done.exit_code == 0
    assert "was taken." in done.output  # it has closed the connection in turn
    assert syslog.records[0]["extra"]["destination"] == "siem"


def test_a_test_that_does_not(data: Path, otlp: OtlpReceiver) -> None:
    done = run(data, "test", "gone")
    assert done.exit_code == 1
    assert "was not delivered" in done.output
    assert "refused" in done.output
    otlp.judge = lambda _: Answer(400, message="no \x1b[31mlogs here")
    done = run(data, "test", "collector", "--json")
    assert done.exit_code == 1
    told = shown(done)
    assert (told["outcome"], told["error"]) == ("refused", "answered 400")
    assert told["answer"] == "no  [31mlogs here"
    done = run(data, "test", "nowhere")
    assert done.exit_code == 2
    assert "known: collector, siem, gone" in done.output


def test_status_and_retry(data: Path, otlp: OtlpReceiver) -> None:
    done = run(data, "status", "--json")
    assert done.exit_code == 0
    assert [each["state"] for each in shown(done)] == ["well"] * 3
    log = Log(f"sqlite:///{data / 'strongroom.db'}")
    log.fill(4, 0)
    otlp.judge = lambda _: Answer(400)
    found = Destination("collector", f"http://127.0.0.1:{otlp.port}")
    shipping = ShippingThread(log.store, found, open_exporter(found), log.record)
    shipping.start()
    shipping.start()  # harmless
    wait_for(lambda: status_of(log.store, found).refused >= 4)
    shipping.close()
    done = run(data, "status")
    assert done.exit_code == 1
    assert "collector" in done.output
    refused = status_of(log.store, found).refused
    findings = list(shipping_findings(log.store, load(data=data)))
    assert [each.state for each in findings] == ["note", "ok", "ok"]
    assert f"refused {refused}" in findings[0].text
    assert "records behind" in findings[1].text
    done = run(data, "retry", "collector")
    assert done.exit_code == 1
    assert done.output.count("refused again (answered 400)") == refused
    otlp.judge = lambda _: Answer()
    done = run(data, "retry", "collector", "--json")
    assert done.exit_code == 0
    assert sum(each["sent"] for each in shown(done)) == refused
    assert run(data, "retry", "collector").output == "collector has refused nothing.\n"
    log.store.close()


def test_nothing_is_set(tmp_path: Path) -> None:
    Installation.open(load(data=tmp_path)).store.close()
    assert "No destination is set" in run(tmp_path, "status").output


def test_one_thread_at_a_time(
    log: Log, otlp: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread, "LOOK_SECONDS", 0.05)
    log.fill(3, 0)
    found = Destination("collector", f"http://127.0.0.1:{otlp.port}", streams=(Stream.AUDIT,))
    lease = lease_of(log.store, "collector")
    assert lease.taken()
    shipping = ShippingThread(log.store, found, open_exporter(found), log.record)
    shipping.start()
    other = Destination("other", found.to, streams=(Stream.AUDIT,))
    beside = ShippingThread(log.store, other, open_exporter(other), log.record)
    beside.start()
    wait_for(lambda: len(otlp.records) == 3)  # a lease for each destination
    beside.close()
    assert status_of(log.store, found).lags[0].records == 3
    lease.close()  # as when the process that held it ends
    wait_for(lambda: len(otlp.records) == 6)
    shipping.close()


def test_a_thread_comes_back_by_itself(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 0.05)
    port = free_port()
    log.fill(3, 0)
    found = Destination("siem", f"syslog+tcp://127.0.0.1:{port}")
    shipping = ShippingThread(log.store, found, open_exporter(found), log.record)
    shipping.start()
    wait_for(lambda: status_of(log.store, found).state.error is not None)
    receiver = SyslogReceiver(port)
    wait_for(lambda: len(receiver.messages) == 3)
    shipping.close()  # in good order: what the receiver has read is noted
    assert status_of(log.store, found).lags[0].records == 0
    receiver.close()

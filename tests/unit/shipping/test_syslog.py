"""Syslog over TCP, TLS and UDP: nothing is lost when a connection breaks, as far as it can be known."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.audit.events import Stream
from strongroom.audit.shipping import Destination
from strongroom.audit.shipping import syslog as sending
from strongroom.audit.shipping.cursors import read_cursors, read_dead_letters
from strongroom.audit.shipping.exporter import Undelivered
from strongroom.audit.shipping.opening import open_exporter
from strongroom.audit.shipping.relay import Relay
from strongroom.errors import SettingsError
from tests.receiving import SyslogReceiver, parse_syslog, wait_for
from tests.serving import free_port
from tests.unit.making import audit_record
from tests.unit.sealing.sealed import Log
from tests.unit.shipping.conftest import ship
from tests.web.secured import certify

Make = Callable[..., Relay]


def numbers(receiver: SyslogReceiver) -> list[int]:
    return [record["seq"] for record in receiver.records if record["stream"] == "audit"]


def until(shipping: Relay) -> None:
    """Step until something happens: the other end's farewell takes a moment to arrive."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        shipping.step()
        time.sleep(0.01)


def taken(log: Log) -> int:
    with log.store.read() as connection:
        return read_cursors(connection, "siem")["audit"][0]


def test_what_was_sent_settles_later(
    log: Log, relay: Make, syslog: SyslogReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.fill(700, 0)
    shipping = relay(f"syslog+tcp://127.0.0.1:{syslog.port}")
    ship(shipping)
    wait_for(lambda: len(numbers(syslog)) == 700)
    assert taken(log) == 0
    assert shipping.waits
    monkeypatch.setattr(sending, "SETTLE_SECONDS", 0.01)
    time.sleep(0.02)
    shipping.step()
    assert taken(log) == 700
    assert not shipping.waits


def test_a_receiver_that_closes_in_turn_has_read_all(
    log: Log, relay: Make, syslog: SyslogReceiver
) -> None:
    log.fill(50, 0)
    shipping = relay(f"syslog+tcp://127.0.0.1:{syslog.port}")
    ship(shipping)
    shipping.finish()
    assert taken(log) == 50
    assert numbers(syslog) == list(range(50))


def test_a_broken_connection_takes_back_what_has_not_settled(
    log: Log, relay: Make, syslog: SyslogReceiver
) -> None:
    log.fill(20, 0)
    shipping = relay(f"syslog+tcp://127.0.0.1:{syslog.port}")
    ship(shipping)
    wait_for(lambda: len(numbers(syslog)) == 20)
    log.fill(5, 0)
    syslog.cut()
    with pytest.raises(Undelivered, match="the other end closed"):
        until(shipping)
    ship(shipping)
    shipping.finish()
    assert numbers(syslog) == [*range(20), *range(25)]
    assert taken(log) == 25


def test_an_idle_connection_that_was_closed_is_no_trouble(
    log: Log, relay: Make, syslog: SyslogReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SETTLE_SECONDS", 0.01)
    log.fill(3, 0)
    shipping = relay(f"syslog+tcp://127.0.0.1:{syslog.port}")
    ship(shipping)
    time.sleep(0.02)
    ship(shipping)
    syslog.cut()
    time.sleep(0.05)
    log.fill(2, 0)
    ship(shipping)
    wait_for(lambda: numbers(syslog) == [0, 1, 2, 3, 4])
    shipping.finish()


def test_nobody_there_and_then_somebody(log: Log, relay: Make) -> None:
    port = free_port()
    log.fill(30, 0)
    shipping = relay(f"syslog+tcp://127.0.0.1:{port}")
    for _ in range(2):
        with pytest.raises(Undelivered, match="refused"):
            shipping.step()
    receiver = SyslogReceiver(port)
    ship(shipping)
    shipping.finish()
    assert numbers(receiver) == list(range(30))
    receiver.close()


def test_tls(log: Log, relay: Make, tmp_path: Path) -> None:
    certificate = certify(tmp_path)
    receiver = SyslogReceiver(certificate=certificate)
    long = "日本\n" * 20_000
    log.append([audit_record(count=number, error_msg=long) for number in range(3)])
    to = f"syslog+tls://localhost:{receiver.port}"
    with pytest.raises(Undelivered, match="CERTIFICATE_VERIFY_FAILED"):
        relay(to).step()
    shipping = relay(to, tls_ca=str(certificate[0]))
    ship(shipping)
    shipping.finish()
    assert numbers(receiver) == [0, 1, 2]
    assert taken(log) == 3
    assert {record["error_msg"] for record in receiver.records} == {long}
    other = certify(tmp_path, "other")
    log.fill(1, 0)
    with pytest.raises(Undelivered, match="CERTIFICATE_VERIFY_FAILED"):
        relay(to, tls_ca=str(other[0])).step()
    receiver.close()


def test_a_certificate_that_is_none(tmp_path: Path) -> None:
    wrong = Destination("siem", "syslog+tls://localhost", tls_ca=str(tmp_path / "none.pem"))
    with pytest.raises(SettingsError, match=r"shipping\.siem\.tls_ca: .*none\.pem cannot be used"):
        open_exporter(wrong)


def test_datagrams(log: Log, relay: Make) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        log.append([audit_record(count=1), audit_record(error_msg="x" * 70_000), audit_record()])
        to = f"syslog+udp://127.0.0.1:{receiver.getsockname()[1]}"
        shipping = relay(to, streams=(Stream.AUDIT,))
        ship(shipping)
        ship(shipping)
        got = [parse_syslog(receiver.recv(70_000)).record["seq"] for _ in range(3)]
    assert got == [0, 2, 3]  # the last says that one was refused
    with log.store.read() as connection:
        [letter] = read_dead_letters(connection, "siem")
    assert (letter.first_seq, letter.reason) == (1, "longer than a datagram of UDP")


def test_a_message_that_no_receiver_takes(log: Log, relay: Make, syslog: SyslogReceiver) -> None:
    log.append([audit_record(), audit_record(error_msg="日" * 70_000), audit_record()])
    shipping = relay(f"syslog+tcp://127.0.0.1:{syslog.port}")
    ship(shipping)
    shipping.finish()
    assert numbers(syslog) == [0, 2]
    with log.store.read() as connection:
        [letter] = read_dead_letters(connection, "siem")
    assert (letter.first_seq, letter.reason) == (1, "longer than max_message_bytes")

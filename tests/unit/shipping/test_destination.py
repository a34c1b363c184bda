"""Destinations as their owner writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongroom.audit.events import Stream
from strongroom.audit.shipping import Destination, Shipping
from strongroom.bootstrap import Installation, destinations
from strongroom.errors import SettingsError
from strongroom.settings import load
from tests.unit.sealing.sealed import Log

TOML = """
[shipping.siem]
to = "syslog+tls://siem.example.org"
streams = ["audit"]
begin = "now"
stalled_after = "5m"

[shipping.collector]
to = "https://user:pw@otel.example.org/v1/logs?a=b"
headers = { Authorization = "Bearer hidden" }

[shipping.lines]
to = "file:/var/log/records%20of%20us.jsonl"
max_bytes = "1MB"
"""


def test_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "strongroom.toml"
    config.write_text(TOML)
    monkeypatch.setenv("STRONGROOM_CONFIG", str(config))
    siem, collector, lines = destinations(load(data=tmp_path))
    assert (siem.name, siem.host, siem.port, siem.streams) == (
        "siem",
        "siem.example.org",
        6514,
        (Stream.AUDIT,),
    )
    assert (siem.from_oldest, siem.stalled_after, siem.with_network) == (False, 300, True)
    assert (collector.port, collector.shown) == (443, "https://otel.example.org/v1/logs")
    assert (lines.path, lines.max_bytes) == (Path("/var/log/records of us.jsonl"), 10**6)
    assert not lines.with_network
    for secret in ("pw", "hidden"):
        assert secret not in repr(collector)
        assert secret not in repr(load(data=tmp_path).shipping)


def test_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_SHIPPING", '{"out": {"to": "stdout", "streams": ["ops"]}}')
    [out] = destinations(load(data=tmp_path))
    assert (out.name, out.to, out.streams) == ("out", "stdout", (Stream.OPS,))


@pytest.mark.parametrize(
    ("name", "to", "said"),
    [
        ("a", "ftp://host", "shipping.a.to: write an address that begins with http:, "),
        ("a", "stdout:", "shipping.a.to: write an address"),
        ("a", "host:514", "shipping.a.to: write an address"),
        ("a", "syslog+tcp://", "shipping.a.to: write syslog+tcp://host:port"),
        ("a", "syslog+tcp://host:99999", "shipping.a.to: write syslog+tcp://host:port"),
        ("a", "http://ho st", "shipping.a.to: write http://host:port"),
        ("a", "http://a..b", "shipping.a.to: write http://host:port"),
        ("a", f"http://{'a' * 64}.example", "shipping.a.to: write http://host:port"),
        ("a", "file:", "shipping.a.to: name a file"),
        ("A b", "stdout", "shipping: 'A b' is no name of a destination"),
        ("a/../b", "stdout", "is no name of a destination"),
    ],
)
def test_what_cannot_be_used(name: str, to: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Destination(name, to)
    assert said in str(caught.value)


def test_it_is_said_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_SHIPPING", '{"a": {"to": "nowhere"}}')
    with pytest.raises(SettingsError, match=r"shipping\.a\.to"):
        Installation.open(load(data=tmp_path))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('{"a": {}}', "shipping.a.to: field required"),
        ('{"a": {"to": "stdout", "colour": "x"}}', "shipping.a.colour: there is no such setting"),
        ('{"a": {"to": "stdout", "streams": ["all"]}}', "shipping.a.streams: input should be"),
        ('{"a": {"to": "stdout", "headers": {"Authorization": ["hidden"]}}}', "shipping.a.headers"),
    ],
)
def test_what_is_no_setting(monkeypatch: pytest.MonkeyPatch, value: str, said: str) -> None:
    monkeypatch.setenv("STRONGROOM_SHIPPING", value)
    with pytest.raises(SettingsError) as caught:
        load()
    assert said in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_certificate_and_key() -> None:
    with pytest.raises(SettingsError, match="tls_cert and tls_key go together"):
        Destination("a", "https://host", tls_cert="x")


@pytest.mark.parametrize("header", [("X a", "b"), ("X", "a\r\nY: b"), ("X", "日本"), ("", "b")])
def test_headers_that_are_none(header: tuple[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"shipping\.a\.headers: ") as caught:
        Destination("a", "https://host", headers=dict([header]))
    assert header[1] not in str(caught.value)


def test_two_of_one_name(log: Log) -> None:
    twice = [Destination("a", "stdout"), Destination("a", "http://host")]
    with pytest.raises(SettingsError, match="one name"):
        Shipping(log.store, twice, log.record)

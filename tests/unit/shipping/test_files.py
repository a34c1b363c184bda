"""JSON lines into a file, and onto standard output."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.audit.events import Stream
from strongroom.audit.shipping.exporter import Undelivered
from strongroom.audit.shipping.relay import Relay
from tests.unit.making import audit_record
from tests.unit.sealing.sealed import Log
from tests.unit.shipping.conftest import ship

Make = Callable[..., Relay]


def lines(path: Path) -> list[int]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        return [json.loads(line)["seq"] for line in file]


def test_a_file(log: Log, relay: Make, tmp_path: Path) -> None:
    log.append([audit_record(filename="日\n本", ip_address="192.0.2.1", extra={"a": [1]})])
    shipping = relay(f"file:{tmp_path / 'out.jsonl'}")
    ship(shipping)
    shipping.finish()
    [line] = (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
    record = json.loads(line)
    assert (record["filename"], record["extra"], record["seq"]) == ("日\n本", {"a": [1]}, 0)
    assert "ip_address" not in record


def test_it_is_rotated_and_nothing_is_lost(log: Log, relay: Make, tmp_path: Path) -> None:
    log.fill(700, 0)
    shipping = relay(f"file:{tmp_path / 'out.jsonl'}", max_bytes=50_000, network=True)
    ship(shipping)
    shipping.finish()
    files = [*sorted(tmp_path.glob("out.jsonl.*")), tmp_path / "out.jsonl"]
    assert len(files) > 3
    assert [seq for path in files for seq in lines(path)] == list(range(700))


def test_a_folder_that_is_not_there_yet(log: Log, relay: Make, tmp_path: Path) -> None:
    log.fill(3, 0)
    shipping = relay(f"file:{tmp_path / 'later' / 'out.jsonl'}", streams=(Stream.AUDIT,))
    for _ in range(2):  # the second failure must not pass for a success
        with pytest.raises(Undelivered, match="No such file"):
            shipping.step()
    (tmp_path / "later").mkdir()
    ship(shipping)
    shipping.finish()
    assert lines(tmp_path / "later" / "out.jsonl") == [0, 1, 2]


def test_stdout(log: Log, relay: Make, capfd: pytest.CaptureFixture[str]) -> None:
    log.fill(3, 2)
    ship(relay("stdout"))
    out, _ = capfd.readouterr()
    records = [json.loads(line) for line in out.splitlines()]
    assert [(each["stream"], each["seq"]) for each in records] == [
        ("audit", 0),
        ("audit", 1),
        ("audit", 2),
        ("ops", 0),
        ("ops", 1),
    ]

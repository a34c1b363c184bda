"""The thread that seals, and the command that does."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from strongroom.audit.archive.index import read_heads
from strongroom.audit.events import Stream
from strongroom.audit.sealing import thread
from strongroom.audit.sealing.thread import SealingThread, lease_of
from strongroom.bootstrap import Installation
from strongroom.cli import main
from strongroom.settings import load
from tests.unit.making import ops_record
from tests.unit.sealing.sealed import Log

OLD = "2026-01-05T12:00:00.000000Z"


def sealed(log: Log) -> int:
    with log.store.read() as connection:
        return read_heads(connection)["ops"].sealed_through


def wait_until_sealed(log: Log, count: int) -> None:
    until = time.monotonic() + 60
    while sealed(log) < count:
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    monkeypatch.setattr(thread, "FIRST_SECONDS", 0.05)
    monkeypatch.setattr(thread, "LOOK_SECONDS", 0.05)
    made = Log(f"sqlite:///{tmp_path / 'log.db'}")
    made.append([ops_record(timestamp=OLD, count=number) for number in range(20)])
    return made


def test_it_seals_what_is_due(log: Log) -> None:
    worker = SealingThread(log.store, log.record, signed=True)
    worker.start()
    worker.start()  # harmless
    try:
        wait_until_sealed(log, 20)
        log.append([ops_record(timestamp=OLD) for _ in range(5)])
        wait_until_sealed(log, 25)
    finally:
        worker.close()
    assert len(log.records(Stream.OPS)) == 25
    log.store.close()


def test_one_at_a_time(log: Log) -> None:
    lease = lease_of(log.store)
    assert lease.taken()
    worker = SealingThread(log.store, log.record, signed=True)
    worker.start()
    try:
        time.sleep(0.5)
        assert sealed(log) == 0
        lease.close()  # as when the process that held it ends
        wait_until_sealed(log, 20)
    finally:
        worker.close()
    log.store.close()


def test_the_command(tmp_path: Path) -> None:
    installation = Installation.open(load(data=tmp_path))
    installation.store.close()
    log = Log(f"sqlite:///{tmp_path / 'strongroom.db'}")
    log.fill(300, 40)
    log.store.close()

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(main, ["log", "seal", "--data", str(tmp_path), *arguments])
        assert done.exit_code == 0, done.output
        return done.stdout

    assert "Nothing" in run()
    (ops,) = map(json.loads, run("--all", "--stream", "ops", "--json").splitlines())
    assert (ops["stream"], ops["records"], ops["first_seq"]) == ("ops", 40, 0)
    assert "audit: 256 records, 0 to 255" in run("--all")

"""What the server does by itself, and what the settings say of it."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

from strongroom.audit.archive.places import archive_folder
from strongroom.audit.events import Stream
from strongroom.audit.retention import KEEP_EVERYTHING, Retention, Rules
from strongroom.audit.retention.reserve import Reserve
from strongroom.audit.sealing import thread as sealing
from strongroom.audit.sealing.thread import SealingThread, lease_of
from strongroom.bootstrap import retention as rules_of
from strongroom.errors import SettingsError
from strongroom.settings import load
from tests.unit.retention.sealed import DAY, SPANS, left, spans
from tests.unit.sealing.sealed import Log

ALMOST_NOTHING = Rules(max_bytes=dict.fromkeys(Stream, 1))


def test_without_rules_nothing_is_touched(log: Log) -> None:
    Retention(log.store, log.record, KEEP_EVERYTHING).look()
    assert not Reserve(log.store).path.exists()
    assert spans(left(log, Stream.OPS)) == SPANS[Stream.OPS]


def test_with_rules_they_are_applied_and_room_is_reserved(log: Log) -> None:
    Retention(log.store, log.record, ALMOST_NOTHING, reserve_bytes=2**20).look()
    assert left(log, Stream.OPS) == []
    reserve = Reserve(log.store, 2**20)
    assert reserve.path.stat().st_size == 2**20
    assert reserve.release()
    assert not reserve.path.exists()


def test_it_ends_when_asked_to(log: Log) -> None:
    Retention(log.store, log.record, ALMOST_NOTHING).look(lambda: True)
    assert spans(left(log, Stream.OPS)) == SPANS[Stream.OPS]


def test_what_is_damaged_is_told_and_stays(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    (archive_folder(log.store) / "entries" / "000000000000.zip").write_bytes(b"")
    Retention(log.store, log.record, ALMOST_NOTHING).look()
    [said] = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert "run strongroom verify" in said.message
    assert spans(left(log, Stream.AUDIT)) == SPANS[Stream.AUDIT]


def test_the_thread_that_seals_prunes_too(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "FIRST_SECONDS", 0.01)
    retention = Retention(log.store, log.record, ALMOST_NOTHING)
    thread = SealingThread(log.store, log.record, signed=True, afterwards=retention.look)
    thread.start()
    lease = lease_of(log.store)
    try:
        deadline = time.monotonic() + 60
        while left(log, Stream.OPS) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert left(log, Stream.OPS) == []
        while not lease.taken() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert lease.taken()  # for the command line, while the server runs
    finally:
        lease.close()
        thread.close()


def test_the_rules_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    default = rules_of(load())
    assert {stream: age for stream, age in default.max_age.items() if age} == {Stream.OPS: 90 * DAY}
    assert not any(default.max_bytes.values())
    assert not default.network_age
    given = rules_of(load(audit_max_age="730d", audit_network_age="90d", ops_max_bytes="2GB"))
    assert given.max_age[Stream.AUDIT] == 730 * DAY
    assert given.network_age == 90 * DAY
    assert given.max_bytes[Stream.OPS] == 2 * 10**9
    assert rules_of(load(ops_max_age=0)).keeps_everything


@pytest.mark.parametrize(
    ("name", "value"), [("audit_max_age", "90"), ("ops_max_age", "23h"), ("ops_max_bytes", "20")]
)
def test_a_forgotten_unit_deletes_nothing(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load(**{name: value})

"""Numbers that several processes count: none is lost, none is counted twice, none falls."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from prometheus_client import CollectorRegistry

from strongroom import AuditLog
from strongroom.audit.metrics import AuditMetrics, Tally
from strongroom.audit.metrics.shared import MOST_SERIES, SharedNumbers

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop[1].db.metrics"


def shared(path: Path) -> SharedNumbers:
    made = SharedNumbers(path, states=["busy"])
    made.share()
    return made


def count(path: Path, ready: Any, end: Any) -> None:
    """In a process of its own: count once, then wait."""
    numbers = shared(path)
    numbers.add(("done", 1), ("busy", 1))
    ready.set()
    end.wait()
    os._exit(0)


@contextmanager
def counting(path: Path) -> Iterator[Any]:
    """Another process that has counted one, and lives until the end of the block."""
    ready, end = SPAWN.Event(), SPAWN.Event()
    process = SPAWN.Process(target=count, args=(path, ready, end))
    process.start()
    assert ready.wait(30)
    yield process
    process.kill()
    process.join()


def test_of_processes_that_live_and_that_were_killed(path: Path) -> None:
    """A state ends with its process, a sum does not, and the next process goes on in its file."""
    here = shared(path)
    here.add(("done", 1), ("busy", 1))
    with counting(path):
        assert here.totals() == {"done": 2, "busy": 2}
    assert here.totals() == {"done": 2, "busy": 1}
    heir = shared(path)
    heir.add(("done", 1))
    assert here.totals() == heir.totals() == {"done": 3, "busy": 1}
    assert len(list(path.parent.iterdir())) == 2


def test_of_many_threads(path: Path) -> None:
    here = shared(path)

    def work() -> None:
        for _ in range(2_000):
            here.add(("a", 1), ("b", 2))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert here.totals() == {"a": 16_000, "b": 32_000}


def test_what_comes_in_again_from_inside_waits_for_nobody(path: Path) -> None:
    """As what the garbage collector has to say does, in the middle of counting."""
    here = shared(path)

    class Amount(float):
        def __radd__(self, other: float) -> float:
            here.add(("inner", 1))
            return other + 1

    here.add(("outer", Amount()))
    assert here.totals() == {"outer": 1, "inner": 1}


def test_a_child_counts_in_a_file_of_its_own(path: Path) -> None:
    here = shared(path)
    here.add(("done", 1))
    child = os.fork()
    if not child:
        here.add(("done", 10))
        os._exit(0)
    os.waitpid(child, 0)
    here.add(("done", 100))
    assert here.totals() == {"done": 111}


@pytest.mark.parametrize("damage", [b"", b"torn", b"\xff" * 300_000])
def test_a_file_that_is_not_whole_begins_anew(path: Path, damage: bytes) -> None:
    path.with_name(f"{path.name}-0").write_bytes(damage)
    here = shared(path)
    here.add(("done", 1))
    assert here.totals() == {"done": 1}
    path.with_name(f"{path.name}-7").write_bytes(damage)  # of another
    assert here.totals() == {"done": 1}


def test_a_key_that_was_torn_is_left_out(path: Path) -> None:
    here = shared(path)
    here.add(("whole", 1), ("torn", 5))
    here.close()
    [file] = path.parent.iterdir()
    content = file.read_bytes()
    file.write_bytes(content.replace(b"torn\n", b"torn\0"))
    again = shared(path)
    again.add(("next", 2))
    assert again.totals() == {"whole": 1, "next": 2}


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    here = shared(tmp_path / "none" / "metrics")
    here.add(("done", 1))
    here.put("busy", 3)
    assert here.totals() == {"done": 1, "busy": 3}


def test_nothing_is_written_until_it_is_shared(path: Path) -> None:
    here = SharedNumbers(path)
    here.add(("done", 1))
    assert list(path.parent.iterdir()) == []
    here.share()
    here.share()
    here.add(("done", 1))
    assert here.totals() == {"done": 2}
    assert len(list(path.parent.iterdir())) == 1


def test_there_is_an_end_to_what_is_counted(path: Path) -> None:
    here = shared(path)
    here.add(*((f"{number}", 1) for number in range(MOST_SERIES + 100)))
    here.add(("0", 1))
    found = here.totals()
    assert len(found) == MOST_SERIES
    assert found["0"] == 2


def test_names_of_others_do_not_grow_without_end(path: Path) -> None:
    tally = Tally(path, ["known"])
    for number in range(100):
        tally.record_kept({"event": f"made_up_{number}", "level": "info"})
        tally.request_ended(f"M{number}", 1_000 + number, 0.1, (0, 0), aborted=False)
    tally.record_kept({"event": "known", "level": "info", "outcome": "success"})
    assert len(tally.numbers.totals()) < 15


# --- In an application -----------------------------------------------------------------------------

Sampled = Callable[..., float | None]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[tuple[Flask, AuditLog]]:
    """Somebody else's application."""
    app = Flask("shop", instance_path=str(tmp_path))
    app.add_url_rule("/good", "good", lambda: "good")
    app.add_url_rule("/bad", "bad", lambda: str(1 // 0))
    audit = AuditLog(app, viewer=None)
    yield app, audit
    audit.close()


def sampled(metrics: AuditMetrics) -> Sampled:
    registry = CollectorRegistry()
    registry.register(metrics)

    def sample(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    return sample


def test_any_application_has_its_numbers(app: tuple[Flask, AuditLog]) -> None:
    shop, audit = app
    client = shop.test_client()
    for _ in range(3):
        client.get("/good", buffered=True)
    client.get("/bad", buffered=True)
    client.get("/nowhere", buffered=True)
    audit.records()  # what is queued is committed
    sample = sampled(audit.metrics)
    assert sample("strongroom_requests_total", method="GET", status="200") == 3
    assert sample("strongroom_requests_total", method="GET", status="500") == 1
    assert sample("strongroom_requests_total", method="GET", status="404") == 1
    assert sample("strongroom_events_total", event="response", outcome="success") == 3
    assert sample("strongroom_events_total", event="response", outcome="failed") == 1
    assert sample("strongroom_events_total", event="unhandled_exception", outcome="failed") == 1
    assert sample("strongroom_request_duration_seconds_count") == 5
    assert sample("strongroom_request_duration_seconds_bucket", le="+Inf") == 5
    assert sample("strongroom_requests_in_progress") == 0
    assert sample("strongroom_journal_queue_records") == 0
    assert (sample("strongroom_journal_commit_seconds_count") or 0) >= 1
    written = sum(sample("strongroom_records_total", stream=s) or 0 for s in ("audit", "ops"))
    levels = ("debug", "info", "warning", "error", "critical")
    counted = [sample("strongroom_events_by_level_total", level=level) or 0 for level in levels]
    assert sum(counted) == written
    assert sample("strongroom_database_readable") == 1


def test_a_database_that_cannot_be_read(app: tuple[Flask, AuditLog]) -> None:
    shop, audit = app
    shop.test_client().get("/good", buffered=True)
    with sqlite3.connect(audit.store.path) as connection:
        connection.execute("ALTER TABLE ledger_verdict RENAME TO aside")
    sample = sampled(audit.metrics)
    assert sample("strongroom_database_readable") == 0
    assert sample("strongroom_records_total", stream="ops") is None
    assert sample("strongroom_requests_total", method="GET", status="200") == 1


def test_a_verdict_is_a_number(app: tuple[Flask, AuditLog]) -> None:
    _, audit = app

    def verdicts(**rows: str | None) -> Mapping[str, float | None]:
        with sqlite3.connect(audit.store.path) as connection:
            connection.execute("DELETE FROM ledger_verdict")
            for number, failure in enumerate(rows.values(), 1):
                connection.execute("INSERT INTO ledger_verdict VALUES (?, 1, ?)", (number, failure))
        sample = sampled(audit.metrics)
        return {check: sample("strongroom_evidence_holds", check=check) for check in rows}

    assert verdicts(verification=None, signing=None) == {"verification": 1, "signing": 1}
    assert verdicts(verification=None, signing="no") == {"verification": 1, "signing": 0}

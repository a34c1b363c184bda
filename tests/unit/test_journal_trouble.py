"""When the database cannot be written: audit says so, ops waits, and nothing is half done."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from strongroom.audit.events import Stream
from strongroom.audit.journal import Journal
from strongroom.audit.journal import journal as journal_module
from strongroom.audit.journal.check import check_stream
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.errors import Unavailable
from strongroom.store import Store, engine
from strongroom.store.migrate import migrate
from tests.unit.making import audit_record, counts, ops_record

PATIENCE_SECONDS = 30
"""After which what should come is taken for lost."""


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def journal_away(path: Path) -> Iterator[None]:
    """For the length of the block the database has no journal to write to."""
    with sqlite3.connect(path) as other:
        other.execute("alter table journal rename to journal_away")
    try:
        yield
    finally:
        with sqlite3.connect(path) as other:
            other.execute("alter table journal_away rename to journal")
        other.close()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program holds the write lock, as ``sqlite3`` on the command line may."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    try:
        yield
    finally:
        other.execute("rollback")
        other.close()


@pytest.fixture(params=["no table", "locked"])
def trouble(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path], Any]:
    """A way in which the database cannot be written."""
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 100)
    ways: dict[str, Callable[[Path], Any]] = {"no table": journal_away, "locked": locked}
    return ways[request.param]


def test_audit_says_so_and_keeps_nothing(
    trouble: Callable[[Path], Any], store: Store, journal: Journal
) -> None:
    journal.append([audit_record(count=0)])
    with trouble(store.path):
        with pytest.raises(Unavailable):
            journal.append([audit_record(count=1)])
        with pytest.raises(Unavailable):
            journal.append([audit_record(count=2)])
    journal.append([audit_record(count=3)])
    assert counts(store, Stream.AUDIT) == [0, 3]
    assert check_stream(store, Stream.AUDIT) == 2


def test_a_unit_that_logged_is_undone_with_it(
    trouble: Callable[[Path], Any], store: Store, journal: Journal
) -> None:
    store.write(lambda c: c.execute(text("create table note (number integer)")))

    def unit(connection: Connection) -> None:
        connection.execute(text("insert into note values (1)"))
        journal.append([audit_record(count=1)])

    with trouble(store.path), pytest.raises(Unavailable):
        store.write(unit)
    with store.read() as connection:
        assert connection.execute(text("select count(*) from note")).scalar_one() == 0
    assert check_stream(store, Stream.AUDIT) == 0


def test_ops_survives_and_is_committed_in_order(
    trouble: Callable[[Path], Any], store: Store, journal: Journal
) -> None:
    journal.enqueue(ops_record(count=0))
    with trouble(store.path):
        for number in range(1, 20):
            journal.enqueue(ops_record(count=number))
        with pytest.raises(Unavailable):
            journal.append([audit_record(count=0)])
        for number in range(20, 40):
            journal.enqueue(ops_record(count=number))
    wait_for(lambda: len(counts(store, Stream.OPS)) == 40)
    assert counts(store, Stream.OPS) == list(range(40))
    assert check_stream(store, Stream.OPS) == 40


def test_what_is_enqueued_appears_by_itself(store: Store, journal: Journal) -> None:
    journal.enqueue(ops_record(count=1))
    wait_for(lambda: counts(store, Stream.OPS) == [1])
    journal.enqueue(ops_record(count=2))
    wait_for(lambda: counts(store, Stream.OPS) == [1, 2])


def test_a_full_queue_makes_callers_wait_while_the_journal_works(
    store: Store, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "QUEUE_SIZE", 5)
    lost: list[int] = []
    journal.on_dropped = lost.append

    def caller(first: int) -> None:
        for number in range(first, first + 25):
            journal.enqueue(ops_record(count=number))

    threads = [threading.Thread(target=caller, args=(n,)) for n in range(0, 100, 25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    assert sorted(counts(store, Stream.OPS)) == list(range(100))
    assert lost == []


def test_what_overflows_while_the_journal_fails_is_counted(
    store: Store, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "QUEUE_SIZE", 5)
    monkeypatch.setattr(journal_module, "FULL_WAIT_SECONDS", 0.01)
    lost: list[int] = []
    journal.on_dropped = lost.append
    with journal_away(store.path):
        for number in range(50):
            journal.enqueue(ops_record(count=number))
    wait_for(lambda: lost)
    store.close()
    kept = counts(store, Stream.OPS)
    assert kept == sorted(kept)
    assert kept[:5] == [0, 1, 2, 3, 4]
    assert len(kept) + sum(lost) == 50
    assert sum(lost) > 0
    assert check_stream(store, Stream.OPS) == len(kept)


def test_who_is_told_of_the_loss_cannot_stop_the_writer(
    store: Store, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "QUEUE_SIZE", 1)
    monkeypatch.setattr(journal_module, "FULL_WAIT_SECONDS", 0.01)
    told = threading.Event()

    def broken(_count: int) -> None:
        told.set()
        raise ValueError("cannot even say so")

    journal.on_dropped = broken
    with journal_away(store.path):
        for number in range(20):
            journal.enqueue(ops_record(count=number))
    assert told.wait(PATIENCE_SECONDS)
    done = threading.Event()

    def append() -> None:
        journal.append([audit_record(count=1)])
        done.set()

    threading.Thread(target=append, daemon=True).start()
    assert done.wait(PATIENCE_SECONDS), "the writer is gone"


def test_a_store_whose_folder_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    store = Store(f"sqlite:///{folder / 'test.db'}")
    migrate(store, AUDIT_SCHEMA)
    journal = Journal(store)
    store.close()
    folder.rename(tmp_path / "moved")
    with pytest.raises(Unavailable):
        journal.append([audit_record(count=0)])
    journal.enqueue(ops_record(count=0))
    (tmp_path / "moved").rename(folder)
    journal.append([audit_record(count=1)])
    store.close()
    assert counts(store, Stream.AUDIT) == [1]
    store.close()

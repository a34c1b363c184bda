"""Several processes, several threads each, one database: one dense sequence, one tree."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text

from strongroom.audit.events import Stream
from strongroom.audit.journal import Journal, decode
from strongroom.audit.journal.check import check_stream
from strongroom.audit.journal.tables import journal as rows
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.store import Store
from strongroom.store.migrate import migrate
from tests.unit.making import audit_record, ops_record

PROCESSES = 4
THREADS = 4
ROUNDS = 40
"""Of each thread; each gives one bare append, one unit with two records, and two ops records."""

spawn = multiprocessing.get_context("spawn")


class Worker:
    """What one process does: appends in every way, and fails some units on purpose."""

    def __init__(self, database: str) -> None:
        self.store = Store(database)
        self.journal = Journal(self.store)

    def thread(self, who: str) -> None:
        for number in range(ROUNDS):
            self.journal.append([audit_record(user_id=who, count=4 * number)])
            self.journal.enqueue(ops_record(user_id=who, count=2 * number))
            self.store.write(partial(self.unit, who=who, number=4 * number + 1))
            self.journal.enqueue(ops_record(user_id=who, count=2 * number + 1))
            with pytest.raises(ZeroDivisionError):
                self.store.write(partial(self.broken_unit, who=who))

    def unit(self, connection: Connection, who: str, number: int) -> None:
        connection.execute(text("insert into note values (:who)"), {"who": f"{who}/{number}"})
        self.journal.append([audit_record(user_id=who, count=number)])
        self.journal.append([audit_record(user_id=who, count=number + 1)])

    def broken_unit(self, connection: Connection, who: str) -> None:
        self.unit(connection, who, -1)
        raise ZeroDivisionError


def work(database: str, process: int, together: Barrier) -> None:
    worker = Worker(database)
    together.wait()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(worker.thread, [f"{process}-{thread}" for thread in range(THREADS)]))
    worker.store.close()


def work_until_killed(database: str, started: Barrier) -> None:
    worker = Worker(database)
    for thread in range(THREADS):
        threading.Thread(target=worker.thread, args=(f"killed-{thread}",), daemon=True).start()
    started.wait()
    signal.pause()


@pytest.fixture
def database(tmp_path: Path) -> str:
    database = f"sqlite:///{tmp_path / 'shared.db'}"
    store = Store(database)
    migrate(store, AUDIT_SCHEMA)
    store.write(lambda c: c.execute(text("create table note (who text primary key)")))
    store.close()
    return database


@pytest.fixture
def processes() -> Iterator[list[BaseProcess]]:
    """Processes to start; none outlives the test."""
    started: list[BaseProcess] = []
    yield started
    for process in started:
        if process.is_alive():
            process.kill()
        process.join()


def numbers_by_author(store: Store, stream: Stream) -> dict[str, list[int]]:
    """Each author's numbers in the order of the stream."""
    wanted = select(rows).where(rows.c.stream == stream.value).order_by(rows.c.seq)
    found: dict[str, list[int]] = defaultdict(list)
    with store.read() as connection:
        for row in connection.execute(wanted):
            record = decode(row)
            found[record["user_id"]].append(record["count"])
    return found


def test_all_at_once(database: str, processes: list[BaseProcess]) -> None:
    together = spawn.Barrier(PROCESSES)
    for process in range(PROCESSES):
        processes.append(spawn.Process(target=work, args=(database, process, together)))
        processes[-1].start()
    for started in processes:
        started.join()
        assert started.exitcode == 0

    store = Store(database)
    authors = {f"{p}-{t}" for p in range(PROCESSES) for t in range(THREADS)}
    # What one thread appended stands in the order in which it did, nothing lost or doubled.
    expected = [number for number in range(4 * ROUNDS) if number % 4 != 3]
    assert numbers_by_author(store, Stream.AUDIT) == dict.fromkeys(authors, expected)
    assert numbers_by_author(store, Stream.OPS) == {
        author: list(range(2 * ROUNDS)) for author in authors
    }
    assert check_stream(store, Stream.AUDIT) == len(authors) * 3 * ROUNDS
    assert check_stream(store, Stream.OPS) == len(authors) * 2 * ROUNDS
    with store.read() as connection:
        notes = set(connection.execute(text("select who from note")).scalars())
    assert notes == {f"{who}/{4 * n + 1}" for who in authors for n in range(ROUNDS)}
    store.close()


def test_one_is_killed_and_the_others_go_on(database: str, processes: list[BaseProcess]) -> None:
    started = spawn.Barrier(2)
    victim = spawn.Process(target=work_until_killed, args=(database, started))
    together = spawn.Barrier(2)
    others = [spawn.Process(target=work, args=(database, n, together)) for n in range(2)]
    for process in (victim, *others):
        processes.append(process)
        process.start()
    started.wait()
    store = Store(database)
    while len(numbers_by_author(store, Stream.AUDIT)) <= THREADS:
        pass  # until the victim and at least one of the others are at work
    assert victim.pid is not None
    os.kill(victim.pid, signal.SIGKILL)
    for other in others:
        other.join()
        assert other.exitcode == 0

    survived = numbers_by_author(store, Stream.AUDIT)
    expected = [number for number in range(4 * ROUNDS) if number % 4 != 3]
    for number in range(2):
        for thread in range(THREADS):
            assert survived[f"{number}-{thread}"] == expected
    with store.read() as connection:
        notes = set(connection.execute(text("select who from note")).scalars())
    for thread in range(THREADS):
        # A prefix of what it did, and each unit's row with both its records or none of them.
        kept = survived[f"killed-{thread}"]
        assert kept == expected[: len(kept)]
        units = {f"killed-{thread}/{number}" for number in kept if number % 4 == 1}
        assert units == {note for note in notes if note.startswith(f"killed-{thread}/")}
        assert {number + 1 for number in kept if number % 4 == 1} <= set(kept)
    assert check_stream(store, Stream.AUDIT) == sum(map(len, survived.values()))
    store.close()

"""Four processes of sixteen threads append to one stream while it is signed: one dense tree."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from sqlalchemy import func, select

from strongroom.audit.journal import Journal
from strongroom.audit.journal.tables import journal as rows
from strongroom.audit.ledger import Ledger
from strongroom.audit.ledger.verify import Trust, verify
from strongroom.audit.merkle import SigningKey
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.store import Store
from strongroom.store.migrate import migrate
from tests.unit.making import audit_record

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.timeout(600)]

PROCESSES, THREADS = 4, 16
RECORDS = 200_000 if os.environ.get("STRONGROOM_SOAK") else 20_480
EACH = RECORDS // (PROCESSES * THREADS)

KEY = SigningKey("example.org/log", b"k" * 32)
spawn = multiprocessing.get_context("spawn")


def work(database: str, process: int, together: Barrier) -> None:
    store = Store(database)
    journal = Journal(store)

    def append(thread: int) -> None:
        who = f"{process}-{thread}"
        for number in range(EACH):
            journal.append([audit_record(user_id=who, count=number)])

    together.wait()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(append, range(THREADS)))
    store.close()


@pytest.fixture
def processes() -> Iterator[list[BaseProcess]]:
    """Processes to start; none outlives the test."""
    started: list[BaseProcess] = []
    yield started
    for process in started:
        if process.is_alive():
            process.kill()
        process.join()


def test_one_dense_sequence_and_one_tree(tmp_path: Path, processes: list[BaseProcess]) -> None:
    database = f"sqlite:///{tmp_path / 'shared.db'}"
    store = Store(database)
    migrate(store, AUDIT_SCHEMA)
    ledger = Ledger(store)
    together = spawn.Barrier(PROCESSES)
    for number in range(PROCESSES):
        processes.append(spawn.Process(target=work, args=(database, number, together)))
        processes[-1].start()
    held = []
    while any(process.is_alive() for process in processes):
        processes[0].join(0.5)
        signed = ledger.advance(KEY)
        if signed is not None:
            held.append(signed)
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    ledger.advance(KEY)

    report = verify(store, trust=Trust.given([KEY.verifier]))
    assert report.holds, report.failure
    assert report.size == report.signed_size == RECORDS
    counts = {verdict.name: verdict.count for verdict in report.verdicts}
    assert counts["sequence"] == RECORDS
    assert counts["checkpoints"] >= len(held) > 1  # it was signed while they were at work
    with store.read() as connection:
        lowest, highest, distinct = connection.execute(
            select(func.min(rows.c.seq), func.max(rows.c.seq), func.count(rows.c.id.distinct()))
        ).one()
    assert (lowest, highest, distinct) == (0, RECORDS - 1, RECORDS)
    store.close()

"""Durable, ledgered appends a second: in bulk, and one by one from two processes."""

from __future__ import annotations

import multiprocessing
import tempfile
import threading
import time
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from benchmarks.table import Row
from strongroom.audit.events import Stream
from strongroom.audit.journal import Journal, StoredRecord, encode
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.audit.pipeline.clock import new_id, now
from strongroom.store import Store
from strongroom.store.migrate import migrate

PROCESSES = 2
THREADS = 32
BULK = 1_000


def measure(*, quick: bool = False) -> list[Row]:
    """Appends a second, and the longest that one of them waited."""
    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite:///{Path(folder) / 'journal.db'}"
        store = Store(database)
        migrate(store, AUDIT_SCHEMA)
        bulk = _bulk(Journal(store), 10_000 if quick else 100_000)
        store.close()
        rate, worst = _one_by_one(database, 50 if quick else 500)
    return [
        Row("appended in bulk, one process", bulk, "records/s", "goal 40,000"),
        Row(f"one by one, {PROCESSES} × {THREADS} threads", rate, "records/s", "goal 15,000"),
        Row("  worst wait of one append", worst * 1000, "ms", "goal 50"),
    ]


def record() -> StoredRecord:
    """A ``file_uploaded`` record, ready to be appended."""
    return encode(
        {
            "timestamp": now(),
            "level": "info",
            "event": "file_uploaded",
            "id": new_id(),
            "outcome": "success",
            "request_id": new_id(),
            "method": "PUT",
            "path": "/api/v1/files/report.pdf",
            "ip_address": "10.0.4.17",
            "peer_address": "10.0.4.17",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "file_id": new_id(),
            "file_size_bytes": 1_204_332,
            "content_type": "application/pdf",
            "sha256": "a" * 64,
            "filename": "report.pdf",
            "app": "strongroom",
        },
        Stream.AUDIT,
    )


def _bulk(journal: Journal, count: int) -> float:
    records = [record() for _ in range(count)]
    start = time.perf_counter()
    for first in range(0, count, BULK):
        journal.append(records[first : first + BULK])
    return count / (time.perf_counter() - start)


def _one_by_one(database: str, each: int) -> tuple[float, float]:
    results: Queue[float] = multiprocessing.Queue()
    ready = multiprocessing.Barrier(PROCESSES + 1)
    workers = [
        multiprocessing.Process(target=_process, args=(database, each, ready, results))
        for _ in range(PROCESSES)
    ]
    for worker in workers:
        worker.start()
    ready.wait()
    start = time.perf_counter()
    worst = max(results.get() for _ in workers)
    for worker in workers:
        worker.join()
    return PROCESSES * THREADS * each / (time.perf_counter() - start), worst


def _process(database: str, each: int, ready: Barrier, results: Queue[float]) -> None:
    store = Store(database)
    journal = Journal(store)
    waits: list[float] = []
    # Made beforehand, as for the appends in bulk: what is measured is the journal. And in the order in
    # which the threads will append them: ids and times grow, as they do where each is made when needed.
    rounds = [[record() for _ in range(THREADS)] for _ in range(each)]
    made = [list(records) for records in zip(*rounds, strict=True)]

    def append(records: list[StoredRecord]) -> None:
        for item in records:
            start = time.perf_counter()
            journal.append([item])
            waits.append(time.perf_counter() - start)

    threads = [threading.Thread(target=append, args=(records,)) for records in made]
    ready.wait()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    results.put(max(waits))

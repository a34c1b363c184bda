"""Seals and verifies in this process, each step by its seconds of the processor.

Seconds of the processor, since a shared machine makes anything of those of the clock; both are told.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from benchmarks.sealing import requests
from benchmarks.sealing.journal import fill
from benchmarks.table import Row
from strongroom.audit.archive.writing import SEGMENT_ROWS
from strongroom.audit.events import Event, Stream
from strongroom.audit.journal import Journal, encode
from strongroom.audit.ledger.verify import Trust, verify
from strongroom.audit.merkle import SigningKey
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.audit.pipeline import Pipeline
from strongroom.audit.sealing import Sealer
from strongroom.store import Store
from strongroom.store.migrate import migrate

KEY = SigningKey("example.org/log", b"k" * 32)
T = TypeVar("T")


def measure(*, quick: bool = False) -> list[Row]:
    """A full segment of each stream sealed and verified; requests while such segments are sealed."""
    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite:///{Path(folder) / 'log.db'}"
        store = Store(database)
        migrate(store, AUDIT_SCHEMA)
        audit = SEGMENT_ROWS if quick else 3 * SEGMENT_ROWS
        fill(store, {Stream.OPS: SEGMENT_ROWS, Stream.AUDIT: audit}, KEY)
        store.close()
        store = Store(database)  # one journal takes part in each
        rows = [*_verified(store, "in the journal"), *_sealed(store)]
        rows += _verified(store, "sealed")
        store.close()
    return rows if quick else [*rows, *requests.measure()]


def _sealed(store: Store) -> list[Row]:
    journal = Journal(store)
    pipeline = Pipeline(lambda record, stream: journal.append([encode(record, stream)]))

    def record(event: Event) -> None:
        pipeline.log(event)

    rows = []
    sealer = Sealer(store, record, signed=True)
    for stream in (Stream.OPS, Stream.AUDIT):
        spans = 0
        clock = cpu = 0.0
        while (span := sealer.next_span(stream)) is not None and span.count == SEGMENT_ROWS:
            _, took, used = _timed(partial(sealer.seal, span))
            spans, clock, cpu = spans + 1, clock + took, cpu + used
        name = f"to seal {SEGMENT_ROWS:,} records of {stream}"
        told = f"{clock / spans:.1f} s by the clock, rests of the deletion included; goal 2 s"
        rows.append(Row(name, cpu / spans, "s of CPU", told))
    return rows


def _verified(store: Store, where: str) -> list[Row]:
    report, clock, cpu = _timed(lambda: verify(store, trust=Trust.given([KEY.verifier])))
    assert report.holds, report.failure
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    count = sum(verdict.count for verdict in report.verdicts if verdict.name in ("entries", "ops"))
    audit = f"{report.size:,} of audit among {count:,}; peak of the process, with all before, {peak:.0f} MiB"
    return [
        Row(f"verify, {where}", report.size / clock, "records/s", f"{audit}; goal 200,000"),
        Row("  the same by seconds of CPU", report.size / cpu, "records/s"),
    ]


def _timed(work: Callable[[], T]) -> tuple[T, float, float]:
    """What came of it, seconds by the clock, seconds of the processor."""
    began, used = time.perf_counter(), os.times()
    found = work()
    now = os.times()
    spent = sum(now[:4]) - sum(used[:4])
    return found, time.perf_counter() - began, spent

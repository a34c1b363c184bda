"""Records verified a second: the ledger alone, and every check."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.journal import record
from benchmarks.table import Row
from strongroom.audit.journal import Journal
from strongroom.audit.ledger import Ledger
from strongroom.audit.ledger.verify import Trust, verify, verify_ledger
from strongroom.audit.merkle import SigningKey
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.store import Store
from strongroom.store.migrate import migrate

KEY = SigningKey("example.org/log", b"k" * 32)
BULK = 1_000
ROUNDS = 3


def measure(*, quick: bool = False) -> list[Row]:
    """The best of a few rounds each."""
    size = 20_000 if quick else 200_000
    trust = Trust.given([KEY.verifier])
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder) / 'journal.db'}")
        migrate(store, AUDIT_SCHEMA)
        journal, ledger = Journal(store), Ledger(store)
        for first in range(0, size, BULK):
            journal.append([record() for _ in range(BULK)])
            if first % (20 * BULK) == 0:
                ledger.advance(KEY)
        ledger.advance(KEY)
        alone = [verify_ledger(store, trust=trust) for _ in range(ROUNDS)]
        whole = [verify(store, trust=trust) for _ in range(ROUNDS)]
        store.close()
    assert all(report.holds for report in (*alone, *whole))
    ledger_rate = size / min(report.seconds for report in alone)
    whole_rate = size / min(report.seconds for report in whole)
    return [
        Row("verify: entries, tiles, checkpoints", ledger_rate, "records/s", "goal 200,000"),
        Row("verify: every check", whole_rate, "records/s", "goal 200,000"),
    ]

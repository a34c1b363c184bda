"""A journal full of realistic records, ready to be sealed."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from benchmarks.search.traffic import traffic
from strongroom.audit.events import Stream
from strongroom.audit.journal import Journal, StoredRecord, encode
from strongroom.audit.ledger import Ledger
from strongroom.audit.merkle import SigningKey
from strongroom.store import Store

BATCH = 4_096


def fill(store: Store, counts: Mapping[Stream, int], key: SigningKey) -> None:
    """Append so many records of each stream, and sign those of the audit stream."""
    journal, ledger = Journal(store), Ledger(store)
    waiting: dict[Stream, list[StoredRecord]] = {stream: [] for stream in counts}
    left = dict(counts)
    for stream, record in traffic(10 * sum(counts.values())):
        if left.get(stream, 0) > 0:
            left[stream] -= 1
            waiting[stream].append(encode(record, stream))
            if len(waiting[stream]) == BATCH or not left[stream]:
                _append(store, journal, stream, waiting[stream])
                ledger.advance(key)
                waiting[stream] = []
        if not any(left.values()):
            return


def _append(store: Store, journal: Journal, stream: Stream, records: list[StoredRecord]) -> None:
    def unit(connection: Connection) -> None:
        journal.append_within(connection, stream, records)

    store.write(unit)

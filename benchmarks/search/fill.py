"""An installation with so many records in it, sealed as the server would have sealed them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

from sqlalchemy import Connection

from benchmarks.search.traffic import traffic
from strongroom.audit.archive.index import segments
from strongroom.audit.archive.places import archive_folder
from strongroom.audit.archive.writing import SEGMENT_ROWS
from strongroom.audit.events import Stream
from strongroom.audit.journal import Journal, StoredRecord, encode
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.audit.sealing import Sealer
from strongroom.store import Store
from strongroom.store.migrate import migrate

BATCH = 4_096
SEAL_EVERY = 100_000


@dataclass(frozen=True, slots=True)
class Filled:
    """What filling came to.

    :param json_bytes: of the same records as JSON lines, by stream
    :param seal_seconds: to seal them all
    """

    records: dict[Stream, int]
    json_bytes: dict[Stream, int]
    seal_seconds: float


def fill(database: Path, count: int) -> Filled:
    """Append and seal so many records; says how far it is on stderr."""
    database.parent.mkdir(parents=True, exist_ok=True)
    store = Store(f"sqlite:///{database}")
    migrate(store, AUDIT_SCHEMA)
    journal, sealer = Journal(store), Sealer(store, lambda _event: None, signed=False)
    made, sizes = dict.fromkeys(Stream, 0), dict.fromkeys(Stream, 0)
    sealing, unsealed, done = 0.0, 0, 0
    for batch in _batches(count):
        store.write(partial(_append, journal=journal, batch=batch))
        for record in batch:
            made[record.stream] += 1
            sizes[record.stream] += _json_size(record)
        done, unsealed = done + len(batch), unsealed + len(batch)
        if unsealed >= SEAL_EVERY or done == count:
            began = time.perf_counter()
            _seal_full(sealer)
            sealing, unsealed = sealing + time.perf_counter() - began, 0
            print(f"\r{done:,} of {count:,} records ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    store.close()
    return Filled(made, sizes, sealing)


def _batches(count: int) -> Iterator[list[StoredRecord]]:
    records = (encode(record, stream) for stream, record in traffic(count))
    while batch := list(islice(records, BATCH)):
        yield batch


def _seal_full(sealer: Sealer) -> None:
    """As on a busy day: what does not fill a segment stays in the journal."""
    for stream in (Stream.OPS, Stream.AUDIT):
        while (span := sealer.next_span(stream)) is not None and span.count == SEGMENT_ROWS:
            sealer.seal(span)


def _append(connection: Connection, *, journal: Journal, batch: list[StoredRecord]) -> None:
    by_stream = sorted(((record.stream, record) for record in batch), key=itemgetter(0))
    for stream, pairs in groupby(by_stream, key=itemgetter(0)):
        journal.append_within(connection, stream, [record for _, record in pairs])


def _json_size(record: StoredRecord) -> int:
    """Bytes of the record as a line of JSON, without the parts' digests."""
    parts = sum(len(part) - 1 for part in (record.content, record.network) if part is not None)
    digests = 2 * 43 + len('"parts":{"content":"","network":""},') if record.content else 0
    return len(record.entry) + parts - digests + 1


def sealed_bytes(database: Path) -> dict[Stream, tuple[int, int]]:
    """Records in segments, and bytes of their objects, by stream."""
    store = Store(f"sqlite:///{database}")
    found = {}
    with store.read() as connection:
        for stream in Stream:
            of_stream = segments(connection, stream.value)
            files = [file for each in of_stream for file in each.files(archive_folder(store))]
            size = sum(file.stat().st_size for file in files)
            found[stream] = (sum(each.rows for each in of_stream), size)
    store.close()
    return found

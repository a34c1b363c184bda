"""A ledger whose records are in the journal, in segments, or in both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from strongroom.audit.archive.index import segments
from strongroom.audit.archive.places import archive_folder
from strongroom.audit.archive.reading import ArchiveReader
from strongroom.audit.events import Event, Stream
from strongroom.audit.journal import Journal, StoredRecord, decode, encode
from strongroom.audit.journal.tables import journal
from strongroom.audit.ledger import Ledger
from strongroom.audit.merkle import SigningKey
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.audit.pipeline import Pipeline
from strongroom.audit.sealing import Sealer
from strongroom.store import Store
from strongroom.store.migrate import migrate
from tests.unit.making import audit_record, ops_record

KEY = SigningKey("example.org/log", b"k" * 32)


class Log:
    """A database with a journal, a ledger and a sealer."""

    def __init__(self, database: str, *, signed: bool = True) -> None:
        self.store = Store(database)
        migrate(self.store, AUDIT_SCHEMA)
        self.journal = Journal(self.store)
        self.ledger = Ledger(self.store)
        self.pipeline = Pipeline(self._take)
        self.signed = signed
        self.sealer = self.sealer_of(Sealer)

    def sealer_of(self, kind: type[Sealer]) -> Sealer:
        """Another sealer of it."""
        return kind(self.store, self.record, signed=self.signed)

    def record(self, event: Event) -> None:
        """Log an event, as ``AuditLog.log`` does."""
        self.pipeline.log(event)

    def _take(self, record: dict[str, Any], stream: Stream) -> None:
        self.journal.append([encode(record, stream)])

    def append(self, records: Sequence[StoredRecord]) -> None:
        """Append them, and sign."""
        audit = [record for record in records if record.stream is Stream.AUDIT]
        for record in records:
            if record.stream is not Stream.AUDIT:
                self.journal.enqueue(record)
        self.store.write(lambda _connection: None)
        if audit:
            self.journal.append(audit)
            self.sign()

    def fill(self, audit: int, ops: int) -> None:
        """Append so many."""
        self.append([audit_of(number) for number in range(audit)])
        self.append([ops_of(number) for number in range(ops)])

    def sign(self) -> None:
        """Sign all there is."""
        if self.signed:
            while self.ledger.advance(KEY) is not None:
                pass

    def seal_all(self) -> int:
        """Seal whatever can be sealed."""
        return self.sealer.seal_due(everything=True)

    def records(self, stream: Stream) -> list[dict[str, Any]]:
        """All records of a stream in their order, from segments below the boundary and from the
        journal above it; as whoever searches reads them."""
        found = []
        with self.store.read() as connection, ArchiveReader(archive_folder(self.store)) as reader:
            end = 0
            for about in segments(connection, stream.value):
                end = about.last_seq + 1
                found += [decode(row) for row in reader.rows(about, about.first_seq, end)]
            wanted = select(journal).where(journal.c.stream == stream.value, journal.c.seq >= end)
            found += [decode(row) for row in connection.execute(wanted.order_by(journal.c.seq))]
        return found


def audit_of(number: int) -> StoredRecord:
    """An audit record that shows its number."""
    return audit_record(
        count=number,
        filename=f"日本 {number % 50}.txt",
        ip_address=f"192.0.2.{number % 200}",
        user_id=f"user-{number % 7}",
        **({"extra": {"invoice": number, "note": "paid"}} if number % 3 == 0 else {}),
    )


def ops_of(number: int) -> StoredRecord:
    """A record of the ops stream that shows its number."""
    return ops_record(
        event="response", count=number, duration_ms=number * 1.5, status=200, path=f"/{number}"
    )

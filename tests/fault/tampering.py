"""A ledgered database on disk, and an administrator who alters it behind the product's back."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from strongroom.audit.events import Stream
from strongroom.audit.events.ledger import SigningKeyChanged
from strongroom.audit.journal import Journal, StoredRecord, encode
from strongroom.audit.ledger import Ledger
from strongroom.audit.ledger.verify import Outside, Report, Trust, verify
from strongroom.audit.merkle import CompactRange, SigningKey, grown_tiles, leaf_hashes
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.audit.pipeline.clock import new_id
from strongroom.store import Store
from strongroom.store.migrate import migrate

OLD = SigningKey("example.org/log", b"k" * 32)
NEW = SigningKey("example.org/log", b"n" * 32)
THIEF = SigningKey("example.org/log", b"t" * 32)

_NOW = datetime.now(UTC) - timedelta(minutes=2)

COLUMNS = (
    "id", "timestamp", "level", "event", "request_id",
    "entry", "content", "content_salt", "network", "network_salt",
)  # fmt: skip


def recorded(number: int, stream: Stream = Stream.AUDIT, **fields: Any) -> StoredRecord:
    """The record with this number: as long, byte for byte, in every run."""
    return encode(
        {
            "timestamp": (_NOW + timedelta(microseconds=number)).isoformat(timespec="microseconds"),
            "level": "info",
            "event": "file_uploaded",
            "id": new_id(),
            "request_id": new_id(),
            "count": 10_000 + number,
            "filename": "a.txt",
            "ip_address": "10.0.0.7",
            **fields,
        },
        stream,
    )


def naming(number: int, key: SigningKey) -> StoredRecord:
    """The record that says which key comes next."""
    return recorded(number, event=SigningKeyChanged.event_name, verifier_key=str(key.verifier))


class Ledgered:
    """The database, and a copy in memory of how it was left.

    :param signed: sizes at which a checkpoint is signed, with the key then in force
    :param second_key_at: the first size that the second key signs
    """

    def __init__(
        self,
        path: Path,
        signed: Sequence[int],
        *,
        size: int,
        second_key_at: int,
        keys: Sequence[SigningKey] = (OLD, NEW),
    ) -> None:
        self.path = path
        self.size = size
        self.keys = keys
        self.store = Store(f"sqlite:///{path}")
        migrate(self.store, AUDIT_SCHEMA)
        self.journal = journal = Journal(self.store)
        ledger = Ledger(self.store)
        self.checkpoints: dict[int, bytes] = {}
        self.older: dict[int, sqlite3.Connection] = {}
        self.admin = sqlite3.connect(path, isolation_level=None)
        self.admin.execute("PRAGMA synchronous=OFF")
        for number in range(5):
            journal.enqueue(recorded(number, Stream.OPS))
        done = 0
        for end in dict.fromkeys((*signed, size)):
            made = [self.record_of(number) for number in range(done, end)]
            if end == second_key_at:
                made[-1] = naming(end - 1, keys[1])
            journal.append(made)
            done = end
            if end in signed:
                signers = keys[:1] if end < second_key_at else keys[1:]
                if end == second_key_at:
                    signers = tuple(reversed(keys))
                signed_now = ledger.advance(*signers)
                assert signed_now is not None
                self.checkpoints[end] = signed_now.note.to_bytes()
                self.older[end] = self.copy()
        self.pristine = self.copy()

    def record_of(self, number: int) -> StoredRecord:
        """What is appended under this number, unless it names a key."""
        return recorded(number)

    def copy(self) -> sqlite3.Connection:
        """All of the database as it is now, in memory."""
        kept = sqlite3.connect(":memory:")
        self.admin.backup(kept)
        return kept

    def put_back(self, kept: sqlite3.Connection | None = None) -> None:
        """Make the database what it was."""
        (kept or self.pristine).backup(self.admin)

    def verify(
        self, trust: Trust | None = None, against: Sequence[tuple[str, bytes]] = ()
    ) -> Report:
        """The true verification."""
        outside = [Outside(place, content) for place, content in against]
        return verify(self.store, trust=trust or Trust.given([OLD.verifier]), against=outside)

    def close(self) -> None:
        """Let go of it."""
        self.admin.close()
        for kept in (self.pristine, *self.older.values()):
            kept.close()
        self.store.close()

    # What an administrator can do

    def run(self, sql: str, *values: Any) -> None:
        """Run one statement."""
        self.admin.execute(sql, values)

    def value(self, sql: str, *values: Any) -> Any:
        """The one value that it gives."""
        return self.admin.execute(sql, values).fetchone()[0]

    def entries(self) -> list[bytes]:
        """All entries in their order."""
        rows = self.admin.execute("SELECT entry FROM journal WHERE stream = 'audit' ORDER BY seq")
        return [entry for (entry,) in rows]

    def renumber(self, order: Sequence[int]) -> None:
        """Give the records with these numbers the numbers 0, 1, 2, …"""
        run = self.admin.execute
        run("BEGIN")
        run("UPDATE journal SET seq = seq - 1000000 WHERE stream = 'audit'")
        for place, seq in enumerate(order):
            where = "WHERE stream = 'audit' AND seq = ?"
            run(f"UPDATE journal SET seq = ? {where}", (place, seq - 1_000_000))
        run("COMMIT")

    def insert(self, seq: int, record: StoredRecord) -> None:
        """Put a row there."""
        row = record.row("audit", seq)
        self.run(f"INSERT INTO journal VALUES ({', '.join('?' * len(row))})", *row)

    def rewrite(self, seq: int) -> None:
        """Put another record in the place of this one, right in itself."""
        self.run("DELETE FROM journal WHERE stream = 'audit' AND seq = ?", seq)
        self.insert(seq, recorded(seq))

    def cover_up(self) -> None:
        """Make the head row and all tiles those of the entries that are there."""
        leaves = leaf_hashes(self.entries())
        edge = CompactRange().extend(leaves)
        self.admin.execute("BEGIN")
        self.run(
            "UPDATE journal_head SET next_seq = ?, edge = ? WHERE stream = 'audit'",
            edge.size,
            edge.to_bytes(),
        )
        self.run("DELETE FROM ledger_tile")
        for tile, hashes in grown_tiles(0, leaves, lambda _tile: b""):
            self.run("INSERT INTO ledger_tile VALUES (?, ?, ?)", tile.level, tile.index, hashes)
        self.admin.execute("COMMIT")

    def cut(self, size: int) -> None:
        """Take away every record from this number on, and whatever was signed of them."""
        self.run("DELETE FROM journal WHERE stream = 'audit' AND seq >= ?", size)
        self.run("DELETE FROM ledger_checkpoint WHERE size > ?", size)
        self.run("DELETE FROM ledger_key WHERE first_size > ?", size)
        self.cover_up()

    def write_anew(self) -> None:
        """Make other records of the same number, and sign them with another key."""
        self.run("DELETE FROM journal WHERE stream = 'audit'")
        self.run("DELETE FROM ledger_checkpoint")
        self.run("DELETE FROM ledger_key")
        self.run("DELETE FROM ledger_tile")
        for number in range(self.size):
            self.insert(number, recorded(number))
        self.cover_up()
        Ledger(self.store).advance(THIEF)

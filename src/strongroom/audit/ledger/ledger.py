"""The ledger: the Merkle tree over the audit stream, and what was signed of it.

Leaf index is sequence number. The journal keeps the tree's edge as it appends; here the entries
are hashed once more, into tiles, and only when both give the same root is it signed. So a record
that was altered before its first checkpoint, in the database and behind the journal's back, stops
the signing instead of being signed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy import Connection, Row, insert, select

from strongroom.audit.events import Stream
from strongroom.audit.journal.head import Head
from strongroom.audit.ledger.keys import KeyRing, admit
from strongroom.audit.ledger.tables import ledger_checkpoint
from strongroom.audit.ledger.tiles import grow_tiles, store_tiles, tile_reader, tiled_size
from strongroom.audit.merkle import (
    Checkpoint,
    CompactRange,
    Malformed,
    SignedNote,
    SigningKey,
    Tile,
    TlogProof,
    leaf_hashes,
)
from strongroom.errors import Corrupt, Refused
from strongroom.store import Store
from strongroom.store.engine import driver_cursor

CHUNK: Final = 16_384
"""Entries hashed at a time: bounds memory, and how long other writers wait for the tiles."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint, and when it was signed.

    :param signed_at: microseconds since 1970-01-01 UTC
    """

    size: int
    root: bytes
    signed_at: int
    note: SignedNote

    @classmethod
    def of(cls, row: Row[tuple[int, int, bytes]]) -> Signed:
        """Read a stored checkpoint.

        :raises Corrupt: when it is none, or of another size than its row says
        """
        try:
            note = SignedNote.parse(row.note)
            head = Checkpoint.parse(note.text)
        except Malformed as error:
            raise Corrupt(f"the checkpoint of {row.size:,} records: {error}") from None
        if head.size != row.size:
            raise Corrupt(f"the checkpoint of {row.size:,} records is of {head.size:,}")
        return cls(head.size, head.root, row.signed_at, note)


@dataclass(frozen=True, slots=True)
class _Step:
    """What one look at the journal gave: its head, and the tiles up to ``reached``."""

    head: Head
    last: Signed | None
    reached: int
    tiles: Sequence[tuple[Tile, bytes]]


class Ledger:
    """Tiles, checkpoints and proofs in one database. Thread-safe.

    :meth:`advance` is for one caller at a time among all processes; everything else reads.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.keys = KeyRing(store)

    def advance(self, key: SigningKey, *others: SigningKey) -> Signed | None:
        """Sign what was appended since the last checkpoint; None when nothing was.

        :param others: sign as well: the key before this one, while keys are changed
        :raises Corrupt: when entries are missing, or do not give the tree that the journal has;
            nothing is signed then
        :raises Unavailable: when the database cannot be written
        """
        while True:
            step = self._read_on()
            if step.reached < step.head.next_seq:
                self._store.write(partial(store_tiles, tiles=step.tiles))
            elif (
                step.last is not None and step.last.size == step.head.next_seq
            ) or not step.head.next_seq:
                return None
            else:
                return self._store.write(partial(_sign, step=step, signers=(key, *others)))

    def _read_on(self) -> _Step:
        """Hash the next entries that no tile has."""
        with self._store.read() as connection:
            head = Head.load(connection, Stream.AUDIT)
            size = tiled_size(connection)
            entries = _entries(connection, size, min(size + CHUNK, head.next_seq))
            tiles = grow_tiles(connection, size, leaf_hashes(entries))
            last = _last(connection)
        known = max(size, 0 if last is None else last.size)
        if known > head.next_seq:
            raise Corrupt(
                f"{known:,} records were in the ledger, but the journal has {head.next_seq:,}: it "
                "was cut, or taken back to an older state"
            )
        return _Step(head, last, size + len(entries), tiles)

    def newest(self) -> Signed | None:
        """The newest checkpoint.

        :raises Corrupt: when what is stored is none
        """
        with self._store.read() as connection:
            return _last(connection)

    def at_least(self, size: int) -> Signed | None:
        """The oldest kept checkpoint that covers so many records.

        :raises Corrupt: when what is stored is none
        """
        wanted = select(ledger_checkpoint).where(ledger_checkpoint.c.size >= size)
        with self._store.read() as connection:
            row = connection.execute(wanted.order_by(ledger_checkpoint.c.size).limit(1)).first()
        return None if row is None else Signed.of(row)

    def proof(self, seq: int, checkpoint: Signed | None = None) -> TlogProof:
        """The proof that a record is in the ledger, against the newest checkpoint or a given one.

        :raises Refused: 404 ``not_signed_yet`` when no checkpoint covers the record
        :raises Unproven: when the stored hashes do not give the signed root
        :raises Corrupt: when tiles are missing
        """
        signed = checkpoint or self.newest()
        if signed is None or not 0 <= seq < signed.size:
            raise Refused(
                "not_signed_yet",
                "No signed checkpoint covers this record yet. Try again in a few seconds.",
                status=404,
            )
        with self._store.read() as connection:
            return TlogProof.make(seq, signed.note, tile_reader(connection, signed.size))


def _entries(connection: Connection, start: int, end: int) -> list[bytes]:
    """The entries of the records [start, end) of the audit stream.

    :raises Corrupt: naming the first that is missing
    """
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    cursor = driver_cursor(connection)
    cursor.execute(_NEXT.replace("?", mark), (start, end))
    rows: list[tuple[int, bytes]] = cursor.fetchall()
    for expected, (seq, entry) in zip(range(start, end), rows, strict=False):
        if seq != expected:
            raise Corrupt(f"record {expected:,} is missing; the next is {seq:,}")
        if not isinstance(entry, bytes):
            raise Corrupt(f"the entry of record {expected:,} is not what was stored")
    if len(rows) < end - start:
        raise Corrupt(f"record {start + len(rows):,} is missing, and all after it")
    return [entry for _, entry in rows]


def _last(connection: Connection) -> Signed | None:
    row = connection.execute(_newest).first()
    return None if row is None else Signed.of(row)


def _sign(connection: Connection, step: _Step, signers: Sequence[SigningKey]) -> Signed:
    head, last = step.head, step.last
    store_tiles(connection, step.tiles)
    read = tile_reader(connection, head.next_seq)
    hashed = CompactRange.read(head.next_seq, read)
    if hashed != head.edge:
        raise Corrupt(
            f"the entries of the first {head.next_seq:,} records do not give the tree that the "
            "journal has; nothing was signed"
        )
    if last is not None and CompactRange.read(last.size, read).root() != last.root:
        raise Corrupt(
            f"the first {last.size:,} records are not those that were signed; nothing was signed"
        )
    admit(connection, signers, head.next_seq)
    note = Checkpoint(signers[0].name, head.next_seq, hashed.root()).sign(*signers)
    now = time.time_ns() // 1000
    row = {"size": head.next_seq, "signed_at": now, "note": note.to_bytes()}
    connection.execute(insert(ledger_checkpoint), row)
    return Signed(head.next_seq, hashed.root(), now, note)


_NEXT: Final = (
    "SELECT seq, entry FROM journal WHERE stream = 'audit' AND seq >= ? AND seq < ? ORDER BY seq"
)
_newest = select(ledger_checkpoint).order_by(ledger_checkpoint.c.size.desc()).limit(1)

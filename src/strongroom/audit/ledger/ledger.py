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
from strongroom.audit.ledger.anchor import Anchor
from strongroom.audit.ledger.entries import next_entries
from strongroom.audit.ledger.keys import KeyRing, KnownKey, admit, known_keys
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
    Unproven,
    leaf_hashes,
)
from strongroom.errors import Corrupt, Refused
from strongroom.store import Store

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

    @property
    def is_signed(self) -> bool:
        """Whether there is nothing new to sign."""
        return self.head.next_seq == (0 if self.last is None else self.last.size)


class Ledger:
    """Tiles, checkpoints and proofs in one database. Thread-safe.

    :meth:`advance` is for one caller at a time among all processes; everything else reads.

    :param anchor: what was signed last as far as is known outside the database; None to leave that
        out, for whoever does not sign
    """

    def __init__(self, store: Store, anchor: Anchor | None = None) -> None:
        self._store = store
        self._anchor = anchor
        self.keys = KeyRing(store)

    def advance(self, key: SigningKey, *others: SigningKey) -> Signed | None:
        """Sign what was appended since the last checkpoint; None when nothing was.

        Either way the last checkpoint is one of these keys, and the ledger goes on from it and from
        the anchor, when this returns.

        :param others: sign as well: the key before this one, while keys are changed
        :raises Corrupt: when entries are missing, or do not give the tree that the journal has, or
            what was signed before; nothing is signed then
        :raises SettingsError: when it is another key than before, or the anchor cannot be read or
            written
        :raises Unavailable: when the database cannot be written
        """
        while True:
            step = self._read_on()
            if step.reached < step.head.next_seq:
                self._store.write(partial(store_tiles, tiles=step.tiles))
            elif step.is_signed:
                with self._store.read() as connection:
                    known = known_keys(connection)
                    _check_signed(connection, step, (key, *others), known, self._anchor)
                if self._anchor is not None and step.last is not None:
                    self._anchor.keep(step.last.note)
                return None
            else:
                sign = partial(_sign, step=step, signers=(key, *others), anchor=self._anchor)
                signed = self._store.write(sign)
                if self._anchor is not None:
                    self._anchor.keep(signed.note)
                return signed

    def _read_on(self) -> _Step:
        """Hash the next entries that no tile has."""
        with self._store.read() as connection:
            head = Head.load(connection, Stream.AUDIT)
            size = tiled_size(connection)
            entries = next_entries(connection, size, min(size + CHUNK, head.next_seq))
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


def _last(connection: Connection) -> Signed | None:
    row = connection.execute(_newest).first()
    return None if row is None else Signed.of(row)


def _sign(
    connection: Connection, step: _Step, signers: Sequence[SigningKey], anchor: Anchor | None
) -> Signed:
    head = step.head
    store_tiles(connection, step.tiles)
    hashed = CompactRange.read(head.next_seq, tile_reader(connection, head.next_seq))
    if hashed != head.edge:
        raise Corrupt(
            f"the entries of the first {head.next_seq:,} records do not give the tree that the "
            "journal has; nothing was signed"
        )
    known = known_keys(connection)
    admit(connection, signers, head.next_seq)
    _check_signed(connection, step, signers, known, anchor)
    note = Checkpoint(signers[0].name, head.next_seq, hashed.root()).sign(*signers)
    now = time.time_ns() // 1000
    row = {"size": head.next_seq, "signed_at": now, "note": note.to_bytes()}
    connection.execute(insert(ledger_checkpoint), row)
    return Signed(head.next_seq, hashed.root(), now, note)


def _check_signed(
    connection: Connection,
    step: _Step,
    signers: Sequence[SigningKey],
    known: Sequence[KnownKey],
    anchor: Anchor | None,
) -> None:
    """Whether what was signed before is signed by one of these, and the records go on from it.

    :param known: the ledger's keys before this step
    """
    head, last = step.head, step.last
    keys = [signer.verifier for signer in signers]
    if len(known) > 1 and known[-1].verifier == keys[0] and known[-1].first_size is None:
        keys.append(known[-2].verifier)  # it was lost, and this one is to go on from what it signed

    def root_at(size: int) -> bytes:
        if size == head.next_seq and head.edge is not None:
            return head.edge.root()
        return CompactRange.read(size, tile_reader(connection, head.next_seq)).root()

    if last is not None:
        try:
            last.note.verify(keys)
        except (Unproven, ValueError) as error:  # the latter of two keys with one id
            raise Corrupt(
                f"the newest checkpoint, of {last.size:,} records, is not signed with the key "
                f"{keys[0]}: {error}; nothing was signed"
            ) from None
        if root_at(last.size) != last.root:
            raise Corrupt(
                f"the first {last.size:,} records are not those that were signed; nothing was "
                "signed"
            )
    if anchor is not None:
        anchor.check([*keys, *(key.verifier for key in known)], head.next_seq, root_at)


_newest = select(ledger_checkpoint).order_by(ledger_checkpoint.c.size.desc()).limit(1)

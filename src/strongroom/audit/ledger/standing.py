"""How single records stand in the ledger: proved from the stored bytes, many at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from sqlalchemy import Connection

from strongroom.audit.ledger.held import HeldRecord, PartState, held_records
from strongroom.audit.ledger.keys import known_keys
from strongroom.audit.ledger.ledger import Signed
from strongroom.audit.ledger.status import Assurance
from strongroom.audit.ledger.tiles import tile_reader
from strongroom.audit.merkle import (
    Checkpoint,
    HashReader,
    Malformed,
    TlogProof,
    Unproven,
    verify_checkpoint,
)
from strongroom.errors import Corrupt
from strongroom.store import Store

HASHES_KEPT: Final = 4_096
"""Of the tree, while a page of records is proved: under 1 MB."""

GONE: Final = "its stored bytes are gone"


class Proved(StrEnum):
    """What came of the proof of a record."""

    VERIFIED = "verified"
    WAITING = "waiting"
    """No checkpoint covers it yet."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Standing:
    """One record of the audit stream, as its stored bytes show it.

    :param why: what does not fit; empty unless that is so
    :param held: who else holds a checkpoint that covers it, in words; empty unless it is verified
    :param forgotten: its parts that are not held any more: ``content``, ``network``
    """

    proved: Proved
    why: str = ""
    held: str = ""
    forgotten: Sequence[str] = ()


WAITING: Final = Standing(Proved.WAITING)


def standings(store: Store, assurance: Assurance, seqs: Sequence[int]) -> Mapping[int, Standing]:
    """Prove each of these records against the newest checkpoint, here and now.

    Never raises for a damaged ledger or record: that is what it finds.

    :param seqs: numbers of records of the audit stream
    """
    signed = assurance.newest
    if signed is None:
        if assurance.failure is None:
            return dict.fromkeys(seqs, WAITING)
        return dict.fromkeys(seqs, _wrong(assurance.failure))
    covered = [seq for seq in seqs if seq < signed.size]
    found = {seq: WAITING for seq in seqs if seq >= signed.size}
    try:
        with store.read() as connection:
            found.update(_proved(connection, signed, assurance, covered))
    except (Corrupt, Malformed, Unproven) as error:
        return {seq: found.get(seq, _wrong(str(error))) for seq in seqs}
    return {seq: found.get(seq, _wrong(GONE)) for seq in seqs}


def _proved(
    connection: Connection, signed: Signed, assurance: Assurance, seqs: Sequence[int]
) -> dict[int, Standing]:
    """Those of them that are held.

    :raises Unproven: when the checkpoint is not signed by a key of the ledger
    :raises Corrupt: when it, or a segment, cannot be read
    """
    head = verify_checkpoint(signed.note, [key.verifier for key in known_keys(connection)])
    # Neighbours have most of their hashes in common.
    read = lru_cache(HASHES_KEPT)(tile_reader(connection, signed.size))
    return {
        record.seq: _standing(record, head, signed, read, assurance)
        for record in held_records(connection, seqs)
    }


def _standing(
    record: HeldRecord, head: Checkpoint, signed: Signed, read: HashReader, assurance: Assurance
) -> Standing:
    try:
        record.verify_under(head, TlogProof.make(record.seq, signed.note, read))
        states = record.part_states()
    except (Corrupt, Malformed, Unproven) as error:
        return _wrong(str(error))
    forgotten = [name for name, state in states.items() if state is PartState.FORGOTTEN]
    return Standing(Proved.VERIFIED, "", assurance.held(record.seq), forgotten)


def _wrong(why: str) -> Standing:
    return Standing(Proved.WRONG, why)

"""The stored bytes of audit records: the entry, and the parts that were not forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import orjson
from sqlalchemy import Connection, select

from strongroom.audit.archive.index import sealed_through, segment_of
from strongroom.audit.archive.places import folder_of
from strongroom.audit.archive.reading import ArchiveReader
from strongroom.audit.events import Stream
from strongroom.audit.journal.salts import SALT_SIZE
from strongroom.audit.journal.stored import JournalRow, part_digest
from strongroom.audit.journal.tables import journal
from strongroom.audit.ledger.entries import archived_entries
from strongroom.audit.merkle import (
    Checkpoint,
    TlogProof,
    Unproven,
    VerifierKey,
    leaf_hash,
    verify_checkpoint,
    verify_inclusion,
)

BATCH: Final = 500
"""Records fetched at a time: with their contents they may have 100 kB each."""


class PartState(StrEnum):
    """What became of a part of a record."""

    OPENED = "opened"
    """It is held, and its digest is the one in the entry."""
    FORGOTTEN = "forgotten"
    """It is not held any more."""
    ALTERED = "altered"
    """What is held is not what was recorded."""


@dataclass(frozen=True, slots=True)
class HeldPart:
    """A part of a record, with the salt that its digest was made with. Exact bytes."""

    content: bytes
    salt: bytes


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """An audit record as it is stored. Exact bytes.

    :param seq: its leaf index
    :param id: as the row says; :meth:`verify` compares it with the entry
    :param parts: those still held, by name: ``content``, ``network``
    """

    seq: int
    id: str
    entry: bytes
    parts: Mapping[str, HeldPart]

    @classmethod
    def of(cls, row: JournalRow) -> HeldRecord:
        """Read a row of the journal, or of a segment."""
        given = {
            "content": (row.content, row.content_salt),
            "network": (row.network, row.network_salt),
        }
        # A part without its salt, or the other way round, is kept so that it shows as altered.
        parts = {
            name: HeldPart(_exact(part), _exact(salt))
            for name, (part, salt) in given.items()
            if part is not None or salt is not None
        }
        return cls(row.seq, row.id, _exact(row.entry), parts)

    def part_states(self) -> dict[str, PartState]:
        """What became of each part that the entry names.

        :raises Unproven: when the entry is not that of an audit record
        """
        try:
            digests = orjson.loads(self.entry)["parts"]
            return {name: self._state(name, digests[name]) for name in ("content", "network")}
        except (ValueError, KeyError, TypeError):
            raise Unproven(f"the entry of record {self.seq:,} names no parts") from None

    def _state(self, name: str, digest: str) -> PartState:
        part = self.parts.get(name)
        if part is None:
            return PartState.FORGOTTEN
        fits = len(part.salt) == SALT_SIZE and part_digest(part.salt, part.content) == digest
        return PartState.OPENED if fits else PartState.ALTERED

    def verify(self, proof: TlogProof, keys: Iterable[VerifierKey]) -> None:
        """Check all of it against the ledger: entry, place, signature, and the parts held.

        :raises Unproven: saying what does not fit
        """
        self.verify_under(verify_checkpoint(proof.checkpoint, keys), proof)

    def verify_under(self, head: Checkpoint, proof: TlogProof) -> None:
        """As :meth:`verify`, where the signature of the proof's checkpoint is verified already.

        :param head: what that checkpoint says
        :raises Unproven: saying what does not fit
        """
        if proof.index != self.seq:
            raise Unproven(f"the proof is of record {proof.index:,}, not of {self.seq:,}")
        leaf = leaf_hash(self.entry)
        verify_inclusion(self.seq, head.size, leaf, proof.hashes, head.root)
        for name, state in self.part_states().items():
            if state is PartState.ALTERED:
                raise Unproven(f"the part {name} of record {self.seq:,} is not what was recorded")
        if orjson.loads(self.entry).get("id") != self.id:
            raise Unproven(f"record {self.seq:,} goes by another id than was recorded")


def _exact(value: Any) -> bytes:
    """The bytes in a column; whoever altered it may have put something else there."""
    return value if isinstance(value, bytes) else str(value or "").encode("utf-8", "replace")


def held_record(connection: Connection, seq: int) -> HeldRecord | None:
    """One record of the audit stream; None when it is not held.

    :raises Corrupt: when it is in a segment that is missing or damaged
    """
    return next(held_records(connection, [seq]), None)


def held_records(connection: Connection, seqs: Sequence[int]) -> Iterator[HeldRecord]:
    """Those of these records of the audit stream that are held, in the order of their numbers.

    :raises Corrupt: when one is in a segment that is missing or damaged
    """
    ordered = sorted(set(seqs))
    boundary = sealed_through(connection, Stream.AUDIT.value)
    archived = [seq for seq in ordered if seq < boundary]
    yield from _archived(connection, archived)
    ordered = ordered[len(archived) :]
    for start in range(0, len(ordered), BATCH):
        some = journal.c.seq.in_(ordered[start : start + BATCH])
        wanted = select(journal).where(journal.c.stream == Stream.AUDIT.value, some)
        for row in connection.execute(wanted.order_by(journal.c.seq)).all():
            yield HeldRecord.of(row)


def _archived(connection: Connection, ordered: Sequence[int]) -> Iterator[HeldRecord]:
    """Those in segments. Neighbours are read together."""
    if not ordered:
        return
    with ArchiveReader(folder_of(connection)) as reader:
        start = 0
        while start < len(ordered):
            about = segment_of(connection, Stream.AUDIT.value, ordered[start])
            end = start + 1
            if about is None:
                start = end
                continue
            # Not far from each other: what lies between costs less than another look at the file.
            while (
                end < len(ordered)
                and ordered[end] <= about.last_seq
                and ordered[end] - ordered[end - 1] < BATCH
            ):
                end += 1
            wanted = set(ordered[start:end])
            for row in reader.rows(about, ordered[start], ordered[end - 1] + 1):
                if row.seq in wanted:
                    yield HeldRecord.of(row)
            start = end


def entries_between(connection: Connection, start: int, end: int) -> list[bytes]:
    """The entries of the records [start, end) of the audit stream, as far as they are held.

    :raises Corrupt: when they are in a segment that is missing or damaged
    """
    found = list(archived_entries(connection, start, end))
    wanted = (
        select(journal.c.entry)
        .where(
            journal.c.stream == Stream.AUDIT.value,
            journal.c.seq >= start + len(found),
            journal.c.seq < end,
        )
        .order_by(journal.c.seq)
    )
    return found + list(connection.execute(wanted).scalars())

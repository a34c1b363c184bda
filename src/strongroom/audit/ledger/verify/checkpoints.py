"""Every stored checkpoint: who signed it, and whether the entries give its root."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select

from strongroom.audit.ledger.tables import ledger_checkpoint
from strongroom.audit.ledger.verify.keychain import Keychain, read_note
from strongroom.audit.ledger.verify.report import Tally
from strongroom.audit.ledger.verify.rows import fetch, position
from strongroom.audit.ledger.verify.tree import Claim
from strongroom.audit.merkle import Checkpoint, Malformed, SignedNote, Unproven, verify_checkpoint

PAGE: Final = 500
"""Checkpoints read at a time; there may be half a million."""

_columns: Final = (ledger_checkpoint.c.size, ledger_checkpoint.c.note)
_later: Final = (
    select(*_columns)
    .where(ledger_checkpoint.c.size > bindparam("last"))
    .order_by(ledger_checkpoint.c.size)
    .limit(PAGE)
)
_count: Final = select(func.count()).select_from(ledger_checkpoint)
_newest: Final = (
    select(ledger_checkpoint.c.size, ledger_checkpoint.c.signed_at)
    .order_by(ledger_checkpoint.c.size.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest checkpoint as its row says; 0 when there is none."""

    size: int
    signed_at: int


class StoredCheckpoints:
    """Reads them in order and claims their roots; each is consistent with the one before when both
    have the root that one tree had at their sizes."""

    def __init__(self, connection: Connection, keychain: Keychain) -> None:
        self.signatures = Tally(
            "signatures", "every checkpoint is signed by the key in force at its size"
        )
        self.roots = Tally(
            "checkpoints", "the entries give every checkpoint's root, so each continues the last"
        )
        self._connection = connection
        self._keychain = keychain
        rows = fetch(connection, _newest)
        usable = bool(rows) and type(rows[0][0]) is int and type(rows[0][1]) is int
        self.newest = Newest(*rows[0]) if usable else Newest(0, 0)
        ((self.stored,),) = fetch(connection, _count)

    def claims(self) -> Iterator[Claim]:
        """What each says of the tree."""
        last: Any = float("-inf")
        while rows := fetch(self._connection, _later, last=last):
            last = position(rows[-1][0])
            for size, note in rows:
                with self.signatures:
                    claim = self._claim(size, note)
                if claim is not None:
                    yield claim

    def _claim(self, size: Any, stored: Any) -> Claim | None:
        self.signatures.count += 1
        self.roots.count += 1
        if type(size) is not int or size < 0:
            self.roots.fail(f"a checkpoint of {size!r:.40} records")
            return None
        label = f"the checkpoint of {size:,} records"
        try:
            note = read_note(stored)
            head = Checkpoint.parse(note.text)
        except Malformed as error:
            self.roots.fail(f"{label} cannot be read: {error}", size)
            return None
        self._check_signatures(label, note, size)
        if head.size != size or head.extensions:
            self.roots.fail(f"{label} is of {head.size:,}", size)
        return Claim(head.size, partial(self._compare, label, head)) if head.size == size else None

    def _check_signatures(self, label: str, note: SignedNote, size: int) -> None:
        wanted = self._keychain.in_force(size)
        if not wanted:
            self.signatures.fail(f"{label} is older than any known key", size)
        try:
            for verifier in wanted:
                verify_checkpoint(note, [verifier])
        except Unproven as error:
            self.signatures.fail(f"{label}: {error}", size)
        signed = {(signature.name, signature.key_id) for signature in note.signatures}
        allowed = {(key.name, key.key_id) for key in self._keychain.until(size)}
        if not signed <= allowed:
            self.signatures.fail(f"{label} is also signed by a key that was not in force", size)

    def _compare(self, label: str, head: Checkpoint, root: bytes | None) -> None:
        if root is None:
            self.roots.fail(f"{label}: so many records are not there", head.size)
        elif root != head.root:
            self.roots.fail(f"{label} has another root than the entries give", head.size)

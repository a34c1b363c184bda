"""The keys of the ledger in their order, and whether one vouches for the next."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from strongroom.audit.events.ledger import SigningKeyChanged
from strongroom.audit.ledger.handover import Handover
from strongroom.audit.ledger.keys import KnownKey
from strongroom.audit.ledger.tables import ledger_checkpoint, ledger_key
from strongroom.audit.ledger.verify.report import Tally
from strongroom.audit.ledger.verify.rows import Block, fetch
from strongroom.audit.ledger.verify.trust import Trust
from strongroom.audit.merkle import (
    Checkpoint,
    Malformed,
    SignedNote,
    Unproven,
    VerifierKey,
    verify_checkpoint,
)

_rows: Final = select(
    ledger_key.c.number, ledger_key.c.verifier_key, ledger_key.c.first_size, ledger_key.c.handover
)
_note: Final = select(ledger_checkpoint.c.note).where(
    ledger_checkpoint.c.size == bindparam("wanted")
)


def read_note(stored: Any) -> SignedNote:
    """A note, from whatever is stored in its place.

    :raises Malformed: when it is none
    """
    if type(stored) is not bytes:
        raise Malformed("it is not stored as bytes")
    return SignedNote.parse(stored)


class Keychain:
    """What the database says of the keys, checked against what is trusted.

    The key before has signed a hand-over to each new one. So trust in one key extends to those after
    it. The change is announced in a record, and the first checkpoint after it, which is kept for
    ever, is signed by both; these alone would not do, since the server signs what stands in the
    journal, and anybody can add a signature to a checkpoint. The keys before a trusted one signed
    what it signed again. Where a key was lost there is no hand-over: whoever verifies must trust
    both keys by themselves.
    """

    def __init__(self, connection: Connection, trust: Trust) -> None:
        covers = "every key was vouched for by the one before it, from a trusted one on"
        self.tally = Tally("keys", covers)
        self._named: set[int] = set()
        self.pruned = 0
        """Records before this one are gone; a key that one of them named was vouched for by its hand-over."""
        with self.tally:
            self.known = self._read(connection)
            self._starts = [key.first_size or 0 for key in self.known]
            self._lost = self._handed_over(trust)
            for key in self.known:
                self._check_first(connection, key)
            self._check_trust(trust)

    def in_force(self, size: int) -> Sequence[VerifierKey]:
        """The keys that must have signed the checkpoint of this size."""
        place = bisect_right(self._starts, size) - 1
        if place < 0:
            return ()
        if place and self._starts[place] == size and place not in self._lost:
            return self.known[place].verifier, self.known[place - 1].verifier
        return (self.known[place].verifier,)

    def until(self, size: int) -> Sequence[VerifierKey]:
        """The keys that may have signed the checkpoint of this size, with those given up before."""
        return [key.verifier for key in self.known[: bisect_right(self._starts, size)]]

    def see(self, block: Block) -> None:
        """Look for records that name a new key."""
        if SigningKeyChanged.event_name not in block.events:
            return
        for seq, record in zip(block.seqs, block.records, strict=True):
            if (
                record is not None
                and record.get("event") == SigningKeyChanged.event_name
                and type(seq) is int
            ):
                for place, key in enumerate(self.known[1:], 1):
                    between = self._starts[place - 1] <= seq < self._starts[place]
                    if between and record.get("verifier_key") == str(key.verifier):
                        self._named.add(place)

    def end(self) -> None:
        """Whether every key but the first was named before it signed."""
        for place, key in enumerate(self.known[1:], 1):
            if place not in self._named and self._starts[place - 1] >= self.pruned:
                label = f"{key.verifier.name}+{key.verifier.key_id.hex()}"
                self.tally.fail(f"no record that the key before signed names the key {label}")

    def _read(self, connection: Connection) -> list[KnownKey]:
        """The keys that have signed, as far as they make sense."""
        found: list[KnownKey] = []
        rows = sorted(fetch(connection, _rows), key=lambda row: str(row[0]).zfill(20))
        for place, (number, text, first_size, handover) in enumerate(rows):
            self.tally.count += 1
            try:
                key = KnownKey(number, VerifierKey.parse(text), first_size, handover)
            except (Malformed, AttributeError, TypeError) as error:
                self.tally.fail(f"key {place} cannot be read: {error}")
                continue
            if type(number) is not int or number != place:
                self.tally.fail(f"key {place} is missing; the next is {number!r:.20}")
            if not self._follows(key, found):
                self.tally.fail(f"key {place} did not begin to sign after the one before it")
            else:
                found.append(key)
        return found

    def _follows(self, key: KnownKey, before: Sequence[KnownKey]) -> bool:
        last = before[-1].first_size if before else 0
        return type(key.first_size) is int and key.first_size > (last or 0)

    def _handed_over(self, trust: Trust) -> set[int]:
        """Check the hand-overs; the places of keys that follow a lost one, if both are trusted."""
        lost = set()
        for place, key in enumerate(self.known):
            label = f"{key.verifier.name}+{key.verifier.key_id.hex()}"
            if not place:
                if key.handover is not None:
                    self.tally.fail(f"the first key, {label}, has a hand-over")
                continue
            old = self.known[place - 1].verifier
            if key.handover is None:
                if {old, key.verifier} <= set(trust.keys):
                    lost.add(place)
                else:
                    self.tally.fail(
                        f"the key before did not hand over to {label}; if it was lost, and both are "
                        f"known to be right, verify with --key '{old}' --key '{key.verifier}'"
                    )
                continue
            try:
                Handover(self.known[0].verifier.name, old, key.verifier, key.first_size or 0).check(
                    key.handover
                )
            except (Malformed, Unproven, ValueError) as error:
                self.tally.fail(f"the key {label}: {error}")
        return lost

    def _check_first(self, connection: Connection, key: KnownKey) -> None:
        """The first checkpoint of a key is there, with all the signatures that it must have."""
        rows: list[tuple[Any, ...]] = fetch(connection, _note, wanted=key.first_size)
        label = f"{key.verifier.name}+{key.verifier.key_id.hex()}"
        if not rows:
            self.tally.fail(f"the first checkpoint of the key {label} is gone")
            return
        try:
            note = read_note(rows[0][0])
            for verifier in self.in_force(key.first_size or 0):
                verify_checkpoint(note, [verifier])
            Checkpoint.parse(note.text)
        except (Malformed, Unproven) as error:
            self.tally.fail(f"the first checkpoint of the key {label}: {error}")

    def _check_trust(self, trust: Trust) -> None:
        """A trusted key has signed; those before and after it hang together with it."""
        verifiers = {key.verifier for key in self.known}
        if trust.keys and verifiers and not verifiers.intersection(trust.keys):
            self.tally.fail(f"the ledger was never signed with {trust.source}")

"""The ledger: entries, leaves, tiles, the head row's edge, keys, checkpoints here and elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from heapq import merge
from typing import Any, Final

from sqlalchemy import Connection, select

from strongroom.audit.events import Stream
from strongroom.audit.journal.tables import journal_head
from strongroom.audit.ledger.tiles import stored_leaves
from strongroom.audit.ledger.verify.against import Against, Outside
from strongroom.audit.ledger.verify.checkpoints import Newest, StoredCheckpoints
from strongroom.audit.ledger.verify.keychain import Keychain
from strongroom.audit.ledger.verify.pruned import pruned_of
from strongroom.audit.ledger.verify.report import Tally, Verdict
from strongroom.audit.ledger.verify.rows import Block, fetch
from strongroom.audit.ledger.verify.tiles import StoredTiles
from strongroom.audit.ledger.verify.tree import Tree
from strongroom.audit.ledger.verify.trust import Trust
from strongroom.audit.merkle import VerifierKey, leaf_hashes
from strongroom.errors import Corrupt

LATE_SECONDS: Final = 300
"""A record should be signed within a second; after this time somebody should know that it is not."""

_NEVER: Final = "nothing has been signed yet"


_stored_edge: Final = select(journal_head.c.edge).where(journal_head.c.stream == Stream.AUDIT.value)


def is_late(timestamp: Any) -> bool:
    """Whether a record of this time, in microseconds since 1970, should have been signed by now."""
    return type(timestamp) is int and timestamp < (time.time() - LATE_SECONDS) * 1e6


class LedgerCheck:
    """Recomputes the tree in one pass, and compares all that was ever said of it.

    :param outside: checkpoints held elsewhere
    """

    names = ("tiles", "head", "keys", "signatures", "checkpoints", "against")

    def __init__(self, trust: Trust, outside: Sequence[Outside] = ()) -> None:
        self.trust = trust
        self.signed = Newest(0, 0)
        self.size = 0
        self.keys: Sequence[VerifierKey] = trust.keys
        self._outside = outside
        self._late: bool | None = None
        self._edge: Any = None
        self._whole = True
        self.head = Tally("head", "the head row holds the edge of the tree over all entries")

    def begin(self, connection: Connection) -> None:
        """Read keys, and how far tiles and checkpoints go."""
        self.keychain = Keychain(connection, self.trust)
        self.checkpoints = StoredCheckpoints(connection, self.keychain)
        self.tiles = StoredTiles(connection)
        self.signed = self.checkpoints.newest
        own = [key.verifier for key in self.keychain.known if key.verifier not in self.trust.keys]
        self.keys = [*self.trust.keys, *own]
        self.against = Against(self._outside, self.keys)
        claims = merge(
            self.checkpoints.claims(), self.against.claims(), key=lambda claim: claim.size
        )
        self._tree = Tree(claims, self.tiles.compare)
        self._tree.begin()
        self._take_pruned(connection)
        rows = fetch(connection, _stored_edge)
        self._edge = rows[0][0] if rows else None

    def _take_pruned(self, connection: Connection) -> None:
        """Of what was pruned, take the hashes that stay: only they give the roots that were signed."""
        end = pruned_of(connection, Stream.AUDIT.value)
        with self.tiles.tally as tally:
            try:
                for leaves in stored_leaves(connection, 0, end):
                    self._tree.extend(leaves)
                    self.size += len(leaves)
            except Corrupt as error:
                tally.fail(f"the hashes of pruned records cannot be read: {error}", self.size)
        if self.size != end:
            self._whole = False
        self.keychain.pruned = end

    def see(self, block: Block) -> None:
        """Hash these, as long as none is missing."""
        if not self._whole:
            return
        if self._late is None:
            self._late = is_late(block.timestamps[0])
        entries, size = block.entries, self.size
        if not (
            set(map(type, entries)) == {bytes}
            and list(block.seqs) == list(range(size, size + len(entries)))
        ):
            entries = self._intact(block)
            self._whole = False
        with self.tiles.tally:
            self.size += len(entries)
            self._tree.extend(leaf_hashes(entries))
        self.keychain.see(block)

    def _intact(self, block: Block) -> Sequence[bytes]:
        """The entries before the first that is missing or no bytes."""
        intact = []
        for expected, seq, entry in zip(
            range(self.size, self.size + len(block)), block.seqs, block.entries, strict=True
        ):
            if type(seq) is not int or seq != expected or type(entry) is not bytes:
                break
            intact.append(entry)
        return intact

    def verdicts(self) -> Sequence[Verdict]:
        """What it came to."""
        with self.tiles.tally:
            edge = self._tree.finish()
            self.tiles.end(self.size, self.signed.size)
        self.head.count = 1
        if not self._whole:
            self.head.fail("the tree cannot be computed beyond this record", self.size)
        elif self._edge != edge.to_bytes() or type(self._edge) is not bytes:
            self.head.fail("the head row has another edge than the entries give")
        self.keychain.end()
        if self.checkpoints.stored and not self.keychain.known:
            self.keychain.tally.fail("there are checkpoints, but no key that signed them")
        if self._late and self.trust.keys and not self.keychain.known:
            self.keychain.tally.fail(f"nothing was signed with {self.trust.source}", 0)
        unsigned = _NEVER if not self.checkpoints.stored else None
        return [
            self.tiles.tally.verdict(nothing=None if self.tiles.size else "there are none yet"),
            self.head.verdict(),
            self.keychain.tally.verdict(nothing=None if self.keychain.known else unsigned),
            self.checkpoints.signatures.verdict(nothing=unsigned),
            self.checkpoints.roots.verdict(nothing=unsigned),
            self.against.tally.verdict(
                nothing=None if self._outside else "no checkpoint held elsewhere was given"
            ),
        ]

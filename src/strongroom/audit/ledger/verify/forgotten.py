"""Parts that were forgotten: exactly those of the lists whose digests are in the ledger.

The lists are believed while records are looked at, and compared with the ledger afterwards. A list
is recorded before anything of it is dropped, so its record comes after every record that it lists:
it is pruned only after all of these were.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import Connection, select

from strongroom.audit.archive.forgotten import BLOCK, listed, statement, unpacked
from strongroom.audit.archive.tables import forgotten
from strongroom.audit.events import Stream
from strongroom.audit.events.fields import Part
from strongroom.audit.events.system import ForgettingStarted, PersonForgotten
from strongroom.audit.ledger.verify.each import first_seq
from strongroom.audit.ledger.verify.parts import IsForgotten
from strongroom.audit.ledger.verify.pruned import pruned_of
from strongroom.audit.ledger.verify.report import Tally, Verdict
from strongroom.audit.ledger.verify.rows import Block, fetch

_COVERS: Final = "parts are gone only where a record in the ledger says that they were forgotten"
_PARTS: Final = (Part.CONTENT.value, Part.NETWORK.value)
_EVENTS: Final = (ForgettingStarted.event_name, PersonForgotten.event_name)
_c: Final = forgotten.c
_lists: Final = (
    select(_c.forgetting_id, _c.part, _c.block, _c.seqs)
    .where(_c.stream == Stream.AUDIT.value)
    .order_by(_c.forgetting_id, _c.part, _c.block)
)

Place = tuple[str, str]
"""A forgetting, and a part."""


class ForgottenParts:
    """Keeps the packed lists in memory: a few kB for 65,536 records.

    :param otherwise: asked about what no list has
    """

    def __init__(self, otherwise: IsForgotten) -> None:
        self.tally = Tally("forgotten", _COVERS)
        self.names = [self.tally.name]
        self._otherwise = otherwise
        self._packed: dict[tuple[str, int], list[bytes]] = {}
        self._opened: dict[str, tuple[int, int]] = {}
        self._held: dict[Place, Mapping[str, Any]] = {}
        self._said: dict[Place, tuple[int, Any]] = {}
        self._pruned = 0

    def begin(self, connection: Connection) -> None:
        """Read the lists, and compute their digests."""
        with self.tally as tally:
            self._pruned = pruned_of(connection, Stream.AUDIT.value)
            found: dict[Place, list[tuple[int, bytes]]] = {}
            for forgetting_id, part, block, seqs in fetch(connection, _lists):
                if part not in _PARTS or type(block) is not int or block < 0:
                    tally.fail("there is a list of forgotten parts that is none")
                    continue
                found.setdefault((forgetting_id, part), []).append((block, seqs))
            for place, blocks in found.items():
                try:
                    self._held[place] = statement(_seqs(blocks))
                except ValueError:
                    tally.fail("a list of forgotten parts cannot be read")
                    continue
                for block, seqs in blocks:
                    self._packed.setdefault((place[1], block), []).append(seqs)

    def is_forgotten(self, seq: int, part: str) -> bool:
        """Whether this part of this record may be missing."""
        if type(seq) is int and seq >= 0:
            block, place = divmod(seq, BLOCK)
            if self._bits(part, block) >> place & 1:
                self.tally.count += 1
                return True
        return self._otherwise(seq, part)

    def _bits(self, part: str, block: int) -> int:
        """What all lists have of a block; records come in their order, so one is remembered."""
        known = self._opened.get(part)
        if known is None or known[0] != block:
            bits = 0
            for packed in self._packed.get((part, block), ()):
                bits |= int.from_bytes(unpacked(packed), "little")
            known = self._opened[part] = block, bits
        return known[1]

    def see(self, block: Block) -> None:
        """Note what was recorded."""
        if not any(name in block.events for name in _EVENTS):
            return
        for seq, record, content in zip(block.seqs, block.records, block.contents, strict=True):
            if record is not None and record.get("event") in _EVENTS:
                self._note(seq, content, first=record["event"] == _EVENTS[0])

    def _note(self, seq: Any, content: Any, *, first: bool) -> None:
        found = _said(content)
        if found is None or any(one["last_seq"] >= first_seq(seq, 0) for one in found[1].values()):
            self.tally.fail("a record of a forgetting does not say of what", seq)
            return
        for part, one in found[1].items():
            known = self._said.setdefault((found[0], part), (seq, one))
            # The record of the end says the same again, or stands alone when the other was pruned.
            if known[1] != one or (first and known[0] != seq):
                self.tally.fail("two records say different things of one forgetting", seq)

    def verdicts(self) -> Sequence[Verdict]:
        """What it came to."""
        with self.tally as tally:
            for place, held in self._held.items():
                if held["last_seq"] < self._pruned:
                    continue  # all of them are gone, and perhaps the record too
                said = self._said.get(place)
                if said is None:
                    tally.fail("there is a list of forgotten parts that no record tells of")
                elif said[1] != held:
                    tally.fail("a list of forgotten parts is not the one that was recorded")
            for place, (seq, _) in self._said.items():
                if place not in self._held:
                    tally.fail("the list of what was forgotten is gone", seq)
        nothing = None if self._held or self._said else "nothing was forgotten"
        return [tally.verdict(nothing=nothing)]


def _seqs(blocks: Sequence[tuple[int, bytes]]) -> Iterator[int]:
    for block, packed in blocks:
        yield from listed(block, unpacked(packed))


def _said(content: Any) -> tuple[str, dict[str, Any]] | None:
    """Of which forgetting a record tells, and what it says of its lists; None when it does not."""
    try:
        said = orjson.loads(content)["extra"]
        name, lists = said["forgetting"], dict(said["lists"])
        fits = type(name) is str and all(
            part in _PARTS and type(one["last_seq"]) is int for part, one in lists.items()
        )
    except (ValueError, TypeError, KeyError):
        return None
    return (name, lists) if fits else None

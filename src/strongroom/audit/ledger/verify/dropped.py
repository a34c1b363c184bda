"""Network parts that were dropped since they were old: exactly those that the ledger says."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Final

import orjson
from sqlalchemy import Connection, select

from strongroom.audit.archive.tables import network_drop
from strongroom.audit.events import Stream
from strongroom.audit.events.fields import Part
from strongroom.audit.events.system import NetworkDropped
from strongroom.audit.ledger.verify.each import first_seq
from strongroom.audit.ledger.verify.parts import IsForgotten
from strongroom.audit.ledger.verify.pruned import pruned_of
from strongroom.audit.ledger.verify.report import Tally, Verdict
from strongroom.audit.ledger.verify.rows import Block, fetch

_COVERS: Final = "addresses are gone only where a record in the ledger says that they were dropped"
_rows: Final = select(network_drop.c.first_seq, network_drop.c.last_seq).order_by(
    network_drop.c.first_seq
)


class DroppedNetworks:
    """Believes the rows while records are looked at, and compares them with the ledger afterwards.

    :param otherwise: asked about what no row says
    """

    def __init__(self, otherwise: IsForgotten) -> None:
        self.tally = Tally("dropped", _COVERS)
        self.names = [self.tally.name]
        self._otherwise = otherwise
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._said: set[tuple[int, int]] = set()
        self._pruned = 0

    def begin(self, connection: Connection) -> None:
        """Read the rows."""
        with self.tally as tally:
            self._pruned = pruned_of(connection, Stream.AUDIT.value)
            for first, last in fetch(connection, _rows):
                tally.count += 1
                end = self._ends[-1] if self._ends else -1
                if not (type(first) is type(last) is int and end < first <= last):
                    tally.fail("the spans of dropped network parts are not in order")
                    return
                self._starts.append(first)
                self._ends.append(last)

    def is_forgotten(self, seq: int, part: str) -> bool:
        """Whether this part of this record may be missing."""
        if part == Part.NETWORK.value and type(seq) is int:
            place = bisect_right(self._starts, seq) - 1
            if place >= 0 and seq <= self._ends[place]:
                return True
        return self._otherwise(seq, part)

    def see(self, block: Block) -> None:
        """Note what was recorded."""
        if NetworkDropped.event_name not in block.events:
            return
        for seq, record, content in zip(block.seqs, block.records, block.contents, strict=True):
            if record is not None and record.get("event") == NetworkDropped.event_name:
                span = _span_of(content)
                if span is None or not 0 <= span[0] <= span[1] < first_seq(seq, 0):
                    self.tally.fail("a record of dropped network parts does not say of which", seq)
                elif span[0] >= self._pruned:
                    self._said.add(span)

    def verdicts(self) -> Sequence[Verdict]:
        """What it came to."""
        with self.tally as tally:
            held = set(zip(self._starts, self._ends, strict=True))
            for first, _ in sorted(held ^ self._said)[:1]:
                tally.fail("no record says that these network parts were dropped", first)
        nothing = None if held or self._said else "nothing was dropped"
        return [tally.verdict(nothing=nothing)]


def _span_of(content: Any) -> tuple[int, int] | None:
    try:
        said = orjson.loads(content)["extra"]
        first, last = said["first_seq"], said["last_seq"]
    except (ValueError, TypeError, KeyError):
        return None
    return (first, last) if type(first) is type(last) is int else None

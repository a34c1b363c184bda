"""Pruned ranges: nothing is gone from the beginning of a stream but what the ledger says was pruned.

Each record of a pruning says how far every stream was pruned before, so it continues the one before
it. A second record of the same range, or one of another range, therefore licenses nothing; and once
the records of old prunings were pruned themselves, the next one vouches for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import Connection, select

from strongroom.audit.archive.tables import archive_head, pruning
from strongroom.audit.events import Stream
from strongroom.audit.events.system import RecordsPruned
from strongroom.audit.ledger.tiles import subtree_root
from strongroom.audit.ledger.verify.each import first_seq
from strongroom.audit.ledger.verify.report import Tally, Verdict
from strongroom.audit.ledger.verify.rows import Block, Unreadable, fetch
from strongroom.audit.merkle import TILE_WIDTH
from strongroom.errors import Corrupt

_COVERS: Final = "records are gone only where a record in the ledger says that they were pruned"
_heads: Final = select(archive_head.c.stream, archive_head.c.pruned_through)
_rows: Final = select(pruning.c.stream, pruning.c.first_seq, pruning.c.last_seq, pruning.c.rule)

Row = tuple[str, int, int, str]


class PrunedRanges:
    """Compares the boundaries with the records of prunings, and their roots with the hash tiles."""

    def __init__(self) -> None:
        self.tally = Tally("pruned", _COVERS)
        self.names = [self.tally.name]
        self._through: dict[str, int] = {}
        self._rows: list[Row] = []
        self._said: list[tuple[int, Mapping[str, Any] | None]] = []

    def begin(self, connection: Connection) -> None:
        """Read how far streams are pruned, and the rows of prunings."""
        self._connection = connection
        self._through = dict(fetch(connection, _heads))
        self._rows = [tuple(row) for row in fetch(connection, _rows)]

    def see(self, block: Block) -> None:
        """Note what was recorded of prunings."""
        if RecordsPruned.event_name not in block.events:
            return
        for seq, record, content in zip(block.seqs, block.records, block.contents, strict=True):
            if record is not None and record.get("event") == RecordsPruned.event_name:
                self._said.append((first_seq(seq, 0), _extra_of(content)))

    def verdicts(self) -> Sequence[Verdict]:
        """What it came to."""
        with self.tally as tally:
            if not self._said and not self._rows and not any(self._through.values()):
                return [tally.verdict(nothing="nothing was pruned")]
            try:
                self._follow()
            except Corrupt as error:
                tally.fail(f"the hashes of pruned records cannot be read: {error}")
            except (TypeError, KeyError, AttributeError, ValueError):
                tally.fail("a record of a pruning, or its row, does not say of what")
        return [tally.verdict()]

    def _follow(self) -> None:
        state = self._at_first()
        licensed: set[Row] = set()
        for seq, said in self._said:
            self.tally.count += 1
            if said is None:
                self.tally.fail("this record of a pruning does not say of what", seq)
                return
            stream, first, last = said["stream"], said["first_seq"], said["last_seq"]
            if said["before"] != state or first != state[stream] or last < first:
                self.tally.fail("this record of a pruning does not continue the one before", seq)
                return
            self._check_root(seq, said)
            licensed.add((stream, first, last, said["rule"]))
            state = state | {stream: last + 1}
        for stream, through in self._through.items():
            if state.get(stream) != through:
                first = min(state.get(stream, 0), through)
                self.tally.fail(
                    f"the records of {stream} are gone up to {through:,}, but the ledger says that "
                    f"they were pruned up to {state.get(stream, 0):,}",
                    first if stream == Stream.AUDIT.value else None,
                )
        self._check_rows(licensed)

    def _at_first(self) -> dict[str, int]:
        """How far the streams were pruned before the first pruning that we have the record of."""
        nothing = dict.fromkeys(map(str, Stream), 0)
        if not self._said or not self._through.get(Stream.AUDIT.value):
            return nothing
        said = self._said[0][1]
        return nothing if said is None else dict(said["before"])

    def _check_root(self, seq: int, said: Mapping[str, Any]) -> None:
        if said["stream"] != Stream.AUDIT.value:
            return
        first, end = said["first_seq"], said["last_seq"] + 1
        if end > seq or first % TILE_WIDTH or end % TILE_WIDTH:
            self.tally.fail("this record of a pruning is of records that did not exist yet", seq)
        elif subtree_root(self._connection, first, end).hex() != said["root"]:
            self.tally.fail("the hashes of pruned records are not those that were pruned", first)

    def _check_rows(self, licensed: set[Row]) -> None:
        """The rows follow one another, and are those of the records, as far as we have these."""
        known = set(self._rows)
        if not licensed <= known:
            self.tally.fail("a pruning is recorded of which the row is gone or altered")
        if not {row[0] for row in known} <= set(map(str, Stream)):
            self.tally.fail("there is a row of a pruning of a stream that there is not")
        start = self._at_first()
        for stream in Stream:
            end = 0
            for row in sorted(row for row in known if row[0] == stream.value):
                if row[1] != end or (row not in licensed and row[2] >= start[stream.value]):
                    self.tally.fail(f"no record says that {stream} was pruned from {row[1]:,} on")
                    return
                end = row[2] + 1
            if end != self._through.get(stream.value):
                self.tally.fail(f"the rows of prunings of {stream} end at {end:,}")


def _extra_of(content: Any) -> Mapping[str, Any] | None:
    try:
        said = orjson.loads(content)["extra"]
    except (ValueError, TypeError, KeyError):
        return None
    return said if isinstance(said, dict) else None


def pruned_of(connection: Connection, stream: str) -> int:
    """The first record of a stream that was not pruned, as the database says.

    :raises Unreadable: when it does not say it
    """
    found = dict(fetch(connection, _heads)).get(stream)
    if type(found) is not int or found < 0:
        raise Unreadable(f"archive_head does not say how far {stream} was pruned")
    return found

"""Each record by itself: its place, its entry's form, its columns, its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import Connection, bindparam, func, select

from strongroom.audit.events import Stream
from strongroom.audit.journal.stored import MAX_ENTRY
from strongroom.audit.journal.tables import journal, journal_head
from strongroom.audit.ledger.verify.each import EachRecord, Reason, first_seq
from strongroom.audit.ledger.verify.pruned import pruned_of
from strongroom.audit.ledger.verify.report import Tally, Verdict
from strongroom.audit.ledger.verify.rows import Block, Record, fetch

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_UUIDV7: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"  # RFC 9562, section 5.7
)
_SORTED: Final = orjson.OPT_SORT_KEYS
_head: Final = select(journal_head.c.next_seq, journal_head.c.edge).where(
    journal_head.c.stream == bindparam("wanted")
)
_twice: Final = (
    select(journal.c.id, func.min(journal.c.seq))
    .group_by(journal.c.id)
    .having(func.count() > 1)
    .limit(1)
)


class Density:
    """The sequence numbers of a stream: dense from 0 up to where its head says.

    :param edge: what the head row's edge must be; None where another check looks at it
    :param start: records before this one are sealed, and looked at elsewhere
    """

    def __init__(
        self, stream: Stream, tally: Tally, edge: bytes | None = None, start: int = 0
    ) -> None:
        self._stream = stream
        self._edge = edge
        self._next = start
        self._head: Any = None
        self.tally = tally

    def begin(self, connection: Connection) -> None:
        """Read the head row."""
        rows = fetch(connection, _head, wanted=self._stream.value)
        if len(rows) != 1:
            self.tally.fail(f"the stream {self._stream} has no head row")
            return
        self._head, edge = rows[0]
        if self._edge is not None and edge != self._edge:
            self.tally.fail(f"the head row of the stream {self._stream} is not as it is written")

    def skip_to(self, start: int) -> None:
        """The records before this one are looked at elsewhere."""
        self._next = start

    def see(self, block: Block) -> None:
        """Compare with the numbers that come next."""
        self.tally.count += len(block)
        expected = self._next
        self._next += len(block)
        if list(block.seqs) == list(range(expected, self._next)):
            return
        for place, seq in enumerate(block.seqs, expected):
            if type(seq) is not int or seq != place:
                self.tally.fail(f"record {place:,} is missing; the next is {seq!r:.40}", place)
                return

    def end(self) -> None:
        """Compare with the head row."""
        if self._head is not None and (type(self._head) is not int or self._head != self._next):
            self.tally.fail(
                f"there are {self._next:,} records, but the head row says {self._head!r:.40}",
                self._next,
            )


def entries(tally: Tally) -> EachRecord:
    """Each entry is canonical JSON: what an encoder writes, in that one spelling only."""
    return EachRecord(tally, _are_canonical, _why_not_canonical)


def columns(tally: Tally) -> EachRecord:
    """The columns that are searched by say the same as the entry, which is what was hashed."""
    return EachRecord(tally, _columns_fit, _why_columns_differ)


def _are_canonical(block: Block) -> bool:
    dumps = orjson.dumps
    return (
        set(map(type, block.entries)) == {bytes}
        and None not in block.records
        and max(map(len, block.entries)) <= MAX_ENTRY
        and [dumps(record, option=_SORTED) for record in block.records] == list(block.entries)
    )


def _why_not_canonical(block: Block, place: int) -> Reason:
    entry, record = block.entries[place], block.records[place]
    if type(entry) is not bytes:
        return "the entry is not stored as bytes"
    if record is None:
        return "the entry is not a JSON object"
    if len(entry) > MAX_ENTRY:
        return f"the entry has {len(entry):,} bytes, at most {MAX_ENTRY:,} can be hashed"
    try:
        canonical = orjson.dumps(record, option=_SORTED)
    except TypeError:  # nested deeper than any encoder would have gone
        canonical = b""
    return None if canonical == entry else "the entry is not canonical JSON"


def _columns_fit(block: Block) -> bool:
    records: list[Any] = block.records
    parse = datetime.fromisoformat
    return (
        [record["id"] for record in records] == list(block.ids)
        and [record["level"] for record in records] == list(block.levels)
        and [record["event"] for record in records] == list(block.events)
        and [record.get("request_id") for record in records] == list(block.request_ids)
        and [(parse(record["timestamp"]) - _EPOCH) // _MICROSECOND for record in records]
        == list(block.timestamps)
    )


def _why_columns_differ(block: Block, place: int) -> Reason:
    record = block.records[place]
    if record is None:
        return "the columns cannot be compared with an entry that is no JSON object"
    stored = {
        "id": block.ids[place],
        "level": block.levels[place],
        "event": block.events[place],
        "request_id": block.request_ids[place],
    }
    for name, value in stored.items():
        if record.get(name) != value:
            return f"the column {name} differs from the entry"
    if _microseconds(record) != block.timestamps[place]:
        return "the column timestamp differs from the entry"
    return None


def _microseconds(record: Record) -> int | None:
    try:
        return (datetime.fromisoformat(record["timestamp"]) - _EPOCH) // _MICROSECOND
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


class Ids:
    """Each record has a UUIDv7 of its own, in whichever stream it is."""

    def __init__(self) -> None:
        self.tally = Tally("ids", "every record of the audit stream has a UUIDv7, used only once")
        self.names = [self.tally.name]
        self._form = EachRecord(self.tally, _are_uuids, _why_no_uuid)

    def begin(self, connection: Connection) -> None:
        """Look for an id that two records have, of any streams."""
        with self.tally as tally:
            for name, seq in fetch(connection, _twice):
                tally.fail(f"two records have the id {name!r:.60}", first_seq(seq, 0))

    def see(self, block: Block) -> None:
        """Look at their form."""
        self._form.see(block)

    def see_again(self, block: Block) -> None:
        """Look at the form of these."""
        self._form.see_again(block)

    def verdicts(self) -> Sequence[Verdict]:
        """What it came to."""
        return [self.tally.verdict()]


def _are_uuids(block: Block) -> bool:
    return None not in map(_UUIDV7.fullmatch, block.ids)


def _why_no_uuid(block: Block, place: int) -> Reason:
    name = block.ids[place]
    if type(name) is not str or not _UUIDV7.fullmatch(name):
        return "the id is no UUIDv7"
    return None


class Order:
    """The audit stream is dense and as long as its head says."""

    def __init__(self) -> None:
        covers = "no audit record is missing, added or out of place, up to the head row's number"
        self._density = Density(Stream.AUDIT, Tally("sequence", covers))
        self.names = [self._density.tally.name]

    def begin(self, connection: Connection) -> None:
        """Read the head row, and where the stream was pruned."""
        self._density.begin(connection)
        self._density.skip_to(pruned_of(connection, Stream.AUDIT.value))

    def see(self, block: Block) -> None:
        """Look at the numbers of these."""
        with self._density.tally:
            self._density.see(block)

    def verdicts(self) -> Sequence[Verdict]:
        """What it came to."""
        self._density.end()
        return [self._density.tally.verdict()]

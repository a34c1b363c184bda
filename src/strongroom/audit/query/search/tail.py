"""What is new: by sequence numbers, which no late commit and no clock that jumps slips past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from strongroom.audit.journal.tables import journal_head
from strongroom.audit.query.cursor import Cursor
from strongroom.audit.query.search.engine import TimeUp
from strongroom.audit.query.search.plan import Plan
from strongroom.audit.query.search.reader import Reader, Select
from strongroom.audit.query.search.snapshot import Snapshot
from strongroom.audit.query.search.sources import Source
from strongroom.store import Store


def positions(store: Store) -> dict[str, int]:
    """The next sequence number of each stream."""
    with store.read() as connection:
        rows = connection.execute(select(journal_head.c.stream, journal_head.c.next_seq)).all()
    return {row.stream: row.next_seq for row in rows}


def newer(
    reader: Reader,
    plan: Plan,
    seen: Snapshot,
    sources: Sequence[Source],
    given: Mapping[str, int],
    *,
    limit: int,
) -> tuple[list[Cursor], dict[str, int]]:
    """The places of matches from these sequence numbers on, at most ``limit`` of each stream, and
    the numbers to go on from."""
    found: list[Cursor] = []
    reached = dict(given)
    for stream, position in given.items():
        mine = sorted(
            (s for s in sources if s.stream == stream and s.last_seq >= position),
            key=lambda source: source.first_seq,
        )
        keys, place = _newer(reader, plan, mine, position, limit)
        found += keys
        end = max(position, seen.next_seqs.get(stream, position))
        reached[stream] = end if place is None else place
    return found, reached


def _newer(
    reader: Reader, plan: Plan, sources: Sequence[Source], position: int, limit: int
) -> tuple[list[Cursor], int | None]:
    """The first matches of a stream, and where to go on, which is its end where that is None."""
    around = (
        "SELECT epoch_us(timestamp), stream, seq FROM (SELECT * FROM ({}) "  # noqa: S608  # a number
        f"ORDER BY seq LIMIT {int(limit)})"
    )
    wanted = Select(plan, "timestamp, stream, seq", "seq >= ?", [position], around=around)
    found: list[Cursor] = []
    for batch in reader.batches(sources):
        if found and reader.deadline.passed:
            return found, batch[0].first_seq
        try:
            more = sorted((Cursor(*key) for key in reader.scan(batch, wanted)), key=_seq)
        except TimeUp:
            return found, max(position, batch[0].first_seq)
        found += more[: limit - len(found)]
        if len(found) >= limit:
            return found, found[-1].seq + 1
    return found, None


def _seq(key: Cursor) -> int:
    return key.seq

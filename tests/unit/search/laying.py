"""Records laid out in journal and archive in every way, for tests of the search."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, Final

from strongroom.audit.events import Stream
from strongroom.audit.journal import Journal, StoredRecord, encode
from strongroom.audit.journal.stored import timestamp_text
from strongroom.audit.sealing.sealer import Sealer
from strongroom.store import Store
from tests.unit.making import finished

Record = dict[str, Any]

START: Final = 1_767_225_600_000_000
"""2026-01-01, in microseconds since 1970."""

SECOND: Final = 1_000_000

BUNDLE: Final = 256
"""The audit stream is sealed in multiples of this."""


class Layout(StrEnum):
    """Where the records are."""

    JOURNAL = "journal"
    SEGMENTS = "segments"
    SPLIT = "split"


def seal(store: Store, *streams: Stream) -> int:
    """Seal all that can be sealed; how many records that were."""
    sealer = Sealer(store, lambda _event: None, signed=False)
    return sealer.seal_due(streams or tuple(Stream), everything=True)


def lay(store: Store, records: Iterable[tuple[Stream, Record]], layout: Layout) -> None:
    """Store the records, in their order, and seal as the layout says."""
    journal, gathered = Journal(store), list(records)
    steps = 3 if layout is not Layout.JOURNAL else 1
    size = -(-len(gathered) // steps)
    for step in range(steps):
        for stream in Stream:
            some = [
                encode(record, stream)
                for named, record in gathered[step * size : (step + 1) * size]
                if named is stream
            ]
            append(store, journal, stream, some)
        if layout is Layout.SEGMENTS or (layout is Layout.SPLIT and step < steps - 1):
            seal(store)


def append(store: Store, journal: Journal, stream: Stream, records: Sequence[StoredRecord]) -> None:
    """Append to a stream, whichever it is."""
    if records:
        store.write(lambda connection: journal.append_within(connection, stream, records))


def made_up(count: int, seed: int = 7) -> list[tuple[Stream, Record]]:
    """Records of all streams with values of all kinds, some at the same moment, some out of order."""
    dice = random.Random(seed)
    return [_made_up(number, dice) for number in range(count)]


def _made_up(number: int, dice: random.Random) -> tuple[Stream, Record]:
    stream = dice.choices(tuple(Stream), (6, 5, 1))[0]
    moment = START + (number // 3) * SECOND + dice.choice((0, 0, 250_000, -7 * SECOND))
    record = finished(
        timestamp=timestamp_text(moment),
        level=dice.choices(("info", "warning", "error"), (20, 3, 1))[0],
        event=dice.choice(("request", "response", "file_uploaded", "file_deleted")),
        count=number,
        request_id=f"019b7746-6000-739b-aea5-{number // 4:012x}",
    )
    for chance, name, make in _FIELDS:
        if dice.random() < chance:
            record[name] = make(dice)
    return stream, record


_FIELDS: Final[Sequence[tuple[float, str, Callable[[random.Random], Any]]]] = (
    (0.8, "status", lambda d: d.choice((200, 201, 404, 503, "odd"))),
    (0.8, "duration_ms", lambda d: round(d.lognormvariate(2, 2), 3)),
    (0.7, "user_id", lambda d: d.choice(("u-ada", "u-bob", "u-eve"))),
    (0.7, "ip_address", lambda d: d.choice(("192.0.2.7", "10.1.2.3", "2001:db8::1", "unix:"))),
    (0.6, "filename", lambda d: d.choice(("Report.pdf", "ÄRGER.txt", "a*b.txt", "scan 7.pdf"))),
    (0.1, "aborted", lambda d: d.choice((True, False))),
    (0.2, "extra", lambda d: {"invoice": d.randrange(5), "to": [d.choice(("Ms Example", "İ"))]}),
    (0.1, "file_size_bytes", lambda d: d.choice((0, 10_000_000, 2**63))),
)

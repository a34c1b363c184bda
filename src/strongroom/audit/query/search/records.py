"""Whole records by their places: only those of a page are read in full."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from strongroom.audit.archive.columns import COLUMNS, MORE_TEXT, Record, gather
from strongroom.audit.archive.relation import read_as
from strongroom.audit.query.compile.facts import ANYTHING
from strongroom.audit.query.cursor import Cursor
from strongroom.audit.query.search.plan import Plan
from strongroom.audit.query.search.protocol import Window
from strongroom.audit.query.search.reader import Reader, Select
from strongroom.audit.query.search.sources import Source

WIDE_NAMES: Final = tuple(name for name in COLUMNS if name != MORE_TEXT)
"""The columns that make a whole record."""

WIDE: Final = ", ".join(f'{read_as(name)} AS "{name}"' for name in WIDE_NAMES)
"""The same, as they stand behind SELECT."""

WIDE_SECONDS: Final = 2.0
"""Reading what was found may take that long even when the deadline is past."""

EVERYTHING: Final = Plan(Window(), ANYTHING, {True: ("true", ()), False: ("true", ())}, {})
"""The plan that leaves out nothing."""


def read_records(reader: Reader, keys: Sequence[Cursor], sources: Sequence[Source]) -> list[Record]:
    """The records at these places, in the order of the places. Those that cannot be read are left
    out, and the reader says so."""
    wanted: dict[str, list[int]] = defaultdict(list)
    for key in keys:
        wanted[key.stream].append(key.seq)
    found: dict[tuple[str, int], Record] = {}
    for stream, seqs in wanted.items():
        for row in _rows(reader, stream, sorted(seqs), sources):
            record = gather(row)
            found[stream, row["seq"]] = record
    return [found[place] for key in keys if (place := (key.stream, key.seq)) in found]


def _rows(
    reader: Reader, stream: str, seqs: Sequence[int], sources: Sequence[Source]
) -> Iterable[Record]:
    holding = [s for s in sources if s.stream == stream and _holds(s, seqs)]
    numbers = ", ".join(map(str, seqs))
    select = Select(EVERYTHING, WIDE, f"seq IN ({numbers})")
    for values in reader.scan(holding, select, least=WIDE_SECONDS):
        yield dict(zip(WIDE_NAMES, values, strict=True))


def _holds(source: Source, seqs: Sequence[int]) -> bool:
    return any(source.first_seq <= seq <= source.last_seq for seq in seqs)

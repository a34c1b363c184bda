"""Whole records by their places: only those of a page are read in full."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from strongroom.audit.archive.columns import COLUMNS, MORE_TEXT, Record, gather
from strongroom.audit.archive.relation import read_as
from strongroom.audit.query.compile.facts import ANYTHING, STREAMS
from strongroom.audit.query.cursor import Cursor
from strongroom.audit.query.search.live import Piece
from strongroom.audit.query.search.plan import Plan
from strongroom.audit.query.search.protocol import Window
from strongroom.audit.query.search.reader import Reader, Select
from strongroom.audit.query.search.shares import NONE, Share
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
    holding = [part for s in sources if (part := _part(s, sorted(wanted[s.stream]))) is not None]
    clauses = [
        f"(stream = '{stream}' AND seq IN ({', '.join(map(str, seqs))}))"
        for stream, seqs in sorted(wanted.items())
        if stream in STREAMS and seqs
    ]
    if not holding or not clauses:
        return []
    select = Select(EVERYTHING, WIDE, " OR ".join(clauses))
    found: dict[tuple[str, int], Record] = {}
    for values in reader.scan(holding, select, least=WIDE_SECONDS):
        row = dict(zip(WIDE_NAMES, values, strict=True))
        found[row["stream"], row["seq"]] = gather(row)
    return [found[place] for key in keys if (place := (key.stream, key.seq)) in found]


def _part(source: Source, seqs: Sequence[int]) -> Source | None:
    """What is to be read of a source for these records of its stream; None for nothing."""
    here = [seq for seq in seqs if source.first_seq <= seq <= source.last_seq]
    if not here:
        return None
    if isinstance(source, Piece):
        return replace(source, first_seq=here[0], end_seq=here[-1] + 1)
    if isinstance(source, Share):
        source = source.segment
    return Share(source, {NONE: tuple((seq, seq + 1) for seq in here)})

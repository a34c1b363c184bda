"""The live tail: what is new since a place in each stream, in batches that a browser can show.

Places are sequence numbers, so that no late commit and no clock slips past, and a server that was
restarted meanwhile goes on where it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from strongroom.audit.events import Stream
from strongroom.audit.query import Query, RecordSearch
from strongroom.audit.query.language import Is, Not
from strongroom.audit.query.search import Record
from strongroom.errors import Refused

SHOWN: Final = 200
"""Records in one batch; more are skipped, and said to be."""

READ: Final = 1_000
"""Matches that are read of each stream for one batch."""

FURTHEST: Final = 20_000
"""Records that the tail looks back, of each stream: a laptop that slept must not wait for a night's."""

_PLACES: Final = re.compile(r"[a-z]{1,8}-[0-9]{1,18}(?:_[a-z]{1,8}-[0-9]{1,18}){0,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Batch:
    """What came since the last one.

    :param records: newest first
    :param places: next sequence number by stream, to go on from
    :param skipped: how many records are left out, matches or not
    """

    records: Sequence[Record]
    places: Mapping[str, int]
    skipped: int


def newer(search: RecordSearch, query: Query, given: Mapping[str, int], own_path: str) -> Batch:
    """The newest of what matches since these places.

    :param own_path: of the requests by which the tail asks; they are not shown, or each would
        make the next one new
    :raises ServerFault: when the search cannot be carried out now
    """
    heads = search.positions()
    # A place from the future is of another installation, or of a backup that was put back.
    places = {name: min(given.get(name, head), head) for name, head in heads.items()}
    starts = {name: max(place, heads[name] - FURTHEST) for name, place in places.items()}
    skipped = sum(starts[name] - places[name] for name in places)
    wanted = Query((*query.terms, Not(Is("path", own_path))))
    found, reached = search.after(starts, wanted, limit=READ)
    skipped += sum(max(heads[name] - reached.get(name, 0), 0) for name in heads)
    records = sorted(found, key=_place, reverse=True)
    skipped += max(len(records) - SHOWN, 0)
    ends = {name: max(reached.get(name, 0), head) for name, head in heads.items()}
    return Batch(records[:SHOWN], ends, skipped)


def _place(record: Record) -> tuple[str, str, int]:
    return record["timestamp"], record["stream"], record["seq"]


def places_text(places: Mapping[str, int]) -> str:
    """Places as an address has them: ``audit-12_ops-345``."""
    return "_".join(f"{name}-{seq}" for name, seq in sorted(places.items()))


def read_places(text: str) -> dict[str, int]:
    """The places in an address.

    :raises Refused: ``cursor_not_valid``
    """
    if not _PLACES.fullmatch(text):
        raise Refused(
            "cursor_not_valid", "That place in the log is damaged; reload the page to go on."
        )
    pairs = [one.partition("-") for one in text.split("_")]
    return {name: int(seq) for name, _, seq in pairs if name in tuple(Stream)}

"""Sealed segments: their files, columns and index are what was recorded when they were sealed.

The record of a sealing is in the ledger, and has the SHA-256 of every file and of the index. So a
segment of a stream that is no evidence cannot be altered unseen either, from the moment it was sealed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import Connection, bindparam, select
from sqlalchemy.exc import DBAPIError

from strongroom.audit.archive.compare import first_difference
from strongroom.audit.archive.index import Segment, index_digest
from strongroom.audit.archive.left import rows_left
from strongroom.audit.archive.places import folder_of
from strongroom.audit.archive.tables import segment_filter, segment_rollup
from strongroom.audit.archive.writing import file_digest
from strongroom.audit.events import Stream
from strongroom.audit.events.ledger import SegmentSealed
from strongroom.audit.ledger.verify.archived import segments_of
from strongroom.audit.ledger.verify.pruned import pruned_of
from strongroom.audit.ledger.verify.report import Tally, Verdict
from strongroom.audit.ledger.verify.rows import Block, Unreadable, fetch
from strongroom.errors import Corrupt

Place = tuple[str, int]
_COVERS: Final = "files, columns, filters and roll-ups are what the ledger's records of sealing say"

_filters: Final = select(segment_filter.c.field, segment_filter.c.bits).where(
    segment_filter.c.stream == bindparam("wanted"), segment_filter.c.first_seq == bindparam("first")
)
_rollups: Final = select(segment_rollup.c.kind, segment_rollup.c.counts).where(
    segment_rollup.c.stream == bindparam("wanted"), segment_rollup.c.first_seq == bindparam("first")
)
_places: Final = tuple(
    select(table.c.stream, table.c.first_seq).distinct()
    for table in (segment_filter, segment_rollup)
)


class SealedSegments:
    """Compares segments with their records, and with what the ledger has of their sealing."""

    def __init__(self) -> None:
        self.tally = Tally("segments", _COVERS)
        self.names = [self.tally.name]
        self._segments: dict[Place, Segment] = {}
        self._indexes: dict[Place, str | None] = {}
        self._stated: dict[Place, list[dict[str, Any]]] = {}
        self._folder = Path()
        self._pruned: dict[str, int] = {}

    def begin(self, connection: Connection) -> None:
        """Read the index, and compare what is in journal and archive both."""
        self._folder = folder_of(connection)
        with self.tally as tally:
            for stream in Stream:
                found = segments_of(connection, stream.value)
                self._pruned[stream.value] = pruned_of(connection, stream.value)
                for about in found:
                    place = (about.stream, about.first_seq)
                    self._segments[place] = about
                    self._indexes[place] = _index_of(connection, about)
                if found:
                    self._compare_left(connection, stream)
            for wanted in _places:
                for row in fetch(connection, wanted):
                    if tuple(row) not in self._segments:
                        tally.fail(
                            f"there is an index of a segment {row!r:.60}, which is not there"
                        )

    def _compare_left(self, connection: Connection, stream: Stream) -> None:
        try:
            for _ in rows_left(connection, self._folder, stream.value):
                pass
        except (Corrupt, TypeError) as error:
            self.tally.fail(f"the journal and its segments differ: {error}")
        except DBAPIError as error:
            raise Unreadable(str(error.orig)) from error

    def see(self, block: Block) -> None:
        """Note what was recorded of sealings."""
        with self.tally:
            self._note(block)

    def see_again(self, block: Block) -> None:
        """Compare the columns of sealed records whose bytes did not prove them."""
        if block.sealed is None:
            return
        with self.tally as tally:
            names, rows = block.sealed
            place = _first_other(block, names, rows)
            if place is not None:
                tally.fail("the columns of its segment are not what it says", block.seqs[place])

    def _note(self, block: Block) -> None:
        if SegmentSealed.event_name not in block.events:
            return
        for event, content in zip(block.events, block.contents, strict=True):
            if event == SegmentSealed.event_name:
                try:
                    said = orjson.loads(content)["extra"]
                    self._stated.setdefault((said["stream"], said["first_seq"]), []).append(said)
                except (ValueError, TypeError, KeyError):
                    self.tally.fail("a record of a sealing does not say of what")

    def verdicts(self) -> Sequence[Verdict]:
        """What it came to."""
        with self.tally as tally:
            for place, said in self._stated.items():
                if place[1] < self._pruned.get(place[0], 0):
                    continue  # whether that is right, another check says
                if place not in self._segments:
                    tally.fail(f"the segment of {place[0]} from record {place[1]:,} on is gone")
                elif not self._in_turn(said, self._segments[place].generation):
                    tally.fail(
                        f"the segment of {place[0]} from record {place[1]:,} on was replaced"
                    )
            for place, about in self._segments.items():
                tally.count += 1
                for reason in self._differences(place, about):
                    tally.fail(f"the segment of {place[0]} from record {place[1]:,} on: {reason}")
        return [tally.verdict(nothing=None if self._segments else "nothing is sealed yet")]

    def _in_turn(self, said: Sequence[dict[str, Any]], generation: int) -> bool:
        """Whether each generation up to this one was recorded; the first may be pruned by now."""
        found = [one.get("generation") for one in said]
        first = found[0] if self._pruned[Stream.AUDIT.value] and type(found[0]) is int else 1
        return found == list(range(first, generation + 1))

    def _differences(self, place: Place, about: Segment) -> Iterator[str]:
        if place not in self._stated:
            yield "no record says that it was sealed"
            return
        said = self._stated[place][-1]
        if said.get("last_seq") != about.last_seq:
            yield "it ends elsewhere than when it was sealed"
        if said.get("index") != self._indexes[place]:
            yield "its index is not the one that was made of it"
        files = said.get("files")
        paths = about.files(self._folder)
        names = {str(path.relative_to(self._folder)) for path in paths}
        if not isinstance(files, dict) or files.keys() != names:
            yield "its files are others than were recorded"
            return
        for path in paths:
            try:
                found = file_digest(path)
            except OSError as error:
                yield f"{path.name} cannot be read: {error.strerror}"
            else:
                if found != files[str(path.relative_to(self._folder))]:
                    yield f"{path.name} is not the file that was written"


def _index_of(connection: Connection, about: Segment) -> str | None:
    """The digest of the segment's index; None when it holds what is no bytes."""
    place: dict[str, object] = {"wanted": about.stream, "first": about.first_seq}
    filters = dict(fetch(connection, _filters, **place))
    rollups = dict(fetch(connection, _rollups, **place))
    try:
        return index_digest(about, filters, rollups)
    except TypeError:
        return None


def _first_other(block: Block, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> int | None:
    loads, stream = orjson.loads, Stream.AUDIT.value
    try:
        records = [
            {
                **(record or {}),
                **(loads(content) if content is not None else {}),
                **(loads(network) if network is not None else {}),
                "stream": stream,
                "seq": seq,
            }
            for record, content, network, seq in zip(
                block.records, block.contents, block.networks, block.seqs, strict=True
            )
        ]
    except (ValueError, TypeError):
        return 0
    for record in records:
        record.pop("parts", None)
    return first_difference(names, rows, records)

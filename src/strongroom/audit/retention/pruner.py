"""Deleting what a plan says, so that no crash leaves anything that nobody knows of.

First the record, the boundary and the index change in one transaction, then the files go. A crash in
between leaves files below the boundary; the next run removes them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from strongroom.audit.archive.bundles import BundleReader
from strongroom.audit.archive.holds import read_holds
from strongroom.audit.archive.index import Segment, read_heads, segment_of
from strongroom.audit.archive.places import archive_folder, entries_path
from strongroom.audit.archive.pruned import (
    Pruning,
    enter_network_drop,
    enter_pruning,
    pruned_through,
)
from strongroom.audit.archive.readers import remove_unread
from strongroom.audit.archive.rewriting import NETWORK, replace, rewrite
from strongroom.audit.archive.writing import sync_folder
from strongroom.audit.events import Event, Stream
from strongroom.audit.events.ledger import SegmentSealed
from strongroom.audit.events.system import NetworkDropped, RecordsPruned
from strongroom.audit.ledger.tiles import fetch_tile, subtree_root
from strongroom.audit.merkle import TILE_WIDTH, Tile, leaf_hashes
from strongroom.audit.retention.plan import Going, KeepsFrom, Plan, nobody_needs, plan
from strongroom.audit.retention.rules import Rule, Rules
from strongroom.audit.retention.statements import statements_in
from strongroom.errors import Corrupt
from strongroom.store import Store

_FILE: Final = re.compile(r"(\d{12,})\.(?:g\d+\.parquet|zip)")

Progress = Callable[[Going, int, int], None]
"""Told what is done next, the how manieth it is, and of how many."""


def _silent(_going: Going, _number: int, _of: int) -> None:
    pass


def _now() -> int:
    return time.time_ns() // 1000


class PlanChanged(Exception):
    """A hold was placed or released meanwhile: plan anew."""


class Pruner:
    """Deletes from one archive. For one thread, and only by whoever has the archive's lease.

    :param record: logs an event; called inside a unit of work, in its context
    :param keeps_from: what somebody else still needs
    :param stopping: asked between two segments; True ends the run
    :param now: microseconds since 1970-01-01 UTC
    """

    def __init__(
        self,
        store: Store,
        record: Callable[[Event], None],
        rules: Rules,
        *,
        keeps_from: KeepsFrom = nobody_needs,
        progress: Progress = _silent,
        stopping: Callable[[], bool] = lambda: False,
        now: Callable[[], int] = _now,
    ) -> None:
        self._store = store
        self._record = record
        self._rules = rules
        self._keeps_from = keeps_from
        self.progress = progress
        self._stopping = stopping
        self._now = now
        self._folder = archive_folder(store)

    def plan(self) -> Plan:
        """What would be deleted now."""
        with self._store.read() as connection:
            return plan(connection, self._rules, self._now(), self._keeps_from)

    def run(self) -> list[Going]:
        """Delete whatever is due; what was deleted.

        :raises Corrupt: when a segment is not what the ledger says: it is evidence of that, and stays
        :raises Unavailable: when there is no room, or the database cannot be written
        :raises OSError: when a file cannot be removed
        """
        self.tidy()
        done = list[Going]()
        while True:
            wanted = self.plan()
            try:
                for number, going in enumerate(wanted.going, 1):
                    if self._stopping():
                        return done
                    self.progress(going, number, len(wanted.going))
                    self.carry_out(going, wanted.holds)
                    done.append(going)
            except PlanChanged:
                continue
            return done

    def carry_out(self, going: Going, holds: frozenset[str]) -> None:
        """Delete one segment, or its network part.

        :param holds: that the plan knew of
        """
        if going.rule is Rule.NETWORK_AGE:
            self._drop_network(going.segment, holds)
        else:
            self._prune(going, holds)

    def _prune(self, going: Going, holds: frozenset[str]) -> None:
        about = going.segment
        with self._store.read() as connection:
            facts = self._checked(connection, about)
            stated = list(statements_in(connection, about))
        self.commit(going, holds, facts, stated)
        self.remove_files(about)

    def _checked(self, connection: Connection, about: Segment) -> dict[str, Any]:
        """What the record is to say of the records besides their numbers.

        :raises Corrupt: when they are not those of the ledger: nobody could tell any more
        """
        if about.stream != Stream.AUDIT.value:
            return {}
        with BundleReader(entries_path(self._folder, about.first_seq)) as bundles:
            for index in range(about.first_seq // TILE_WIDTH, (about.last_seq + 1) // TILE_WIDTH):
                hashes = fetch_tile(connection, Tile(0, index, TILE_WIDTH))
                if b"".join(leaf_hashes(bundles.entries(index))) != hashes:
                    first = index * TILE_WIDTH
                    raise Corrupt(
                        f"the entries from record {first:,} on are not those of the ledger; "
                        "they are not pruned"
                    )
        return {"root": subtree_root(connection, about.first_seq, about.last_seq + 1).hex()}

    def commit(
        self,
        going: Going,
        holds: frozenset[str],
        facts: dict[str, Any],
        stated: list[dict[str, Any]],
    ) -> None:
        """From here on the records are gone.

        :param stated: records of sealings in the segment, of segments that stay: said once more
        """
        about = going.segment

        def unit(connection: Connection) -> None:
            _check_holds(connection, holds)
            if segment_of(connection, about.stream, about.first_seq) != about:
                raise Corrupt(f"the segment {about.path(self._folder).name} was changed meanwhile")
            before = {
                stream: head.pruned_through for stream, head in read_heads(connection).items()
            }
            span = (about.stream, about.first_seq, about.last_seq)
            done = Pruning(*span, going.rule.value, self._now())
            enter_pruning(connection, done)
            for statement in stated:
                count = statement["last_seq"] - statement["first_seq"] + 1
                self._record(SegmentSealed(count=count, extra=statement))
            extra = {
                "stream": about.stream,
                "first_seq": about.first_seq,
                "last_seq": about.last_seq,
                "rule": going.rule.value,
                "bytes": about.bytes,
                "before": before,
                **facts,
            }
            self._record(RecordsPruned(count=about.rows, extra=extra))

        self._store.write(unit)

    def remove_files(self, about: Segment) -> None:
        """Remove the files of a segment that is not in the index any more; if a verification reads
        them, the next run does."""
        paths = about.files(self._folder)
        if remove_unread(self._store, paths):
            for folder in {path.parent for path in paths if path.parent.is_dir()}:
                sync_folder(folder)

    def _drop_network(self, about: Segment, holds: frozenset[str]) -> None:
        draft = rewrite(self._folder, about, lambda _seq: NETWORK)

        def also(connection: Connection) -> None:
            _check_holds(connection, holds)
            enter_network_drop(connection, about, self._now())
            extra = {
                "first_seq": about.first_seq,
                "last_seq": about.last_seq,
                "rule": Rule.NETWORK_AGE.value,
            }
            self._record(NetworkDropped(count=about.rows, extra=extra))

        replace(self._store, about, draft, self._record, also)

    def tidy(self) -> None:
        """Remove the files below the boundaries, which a crash or a reader has left.

        :raises OSError: when one cannot be removed
        """
        with self._store.read() as connection:
            left = [path for stream in Stream for path in _below(connection, self._folder, stream)]
        if left:
            remove_unread(self._store, left)


def _check_holds(connection: Connection, known: frozenset[str]) -> None:
    if {hold.id for hold in read_holds(connection)} != known:
        raise PlanChanged


def _below(connection: Connection, folder: Path, stream: Stream) -> Iterator[Path]:
    """The files of records of a stream that were pruned."""
    boundary = pruned_through(connection, stream.value)
    places = [folder / "segments" / stream.value]
    if stream is Stream.AUDIT:
        places.append(entries_path(folder, 0).parent)
    for path in (path for place in places if place.is_dir() for path in place.iterdir()):
        name = _FILE.fullmatch(path.name)
        if name is not None and int(name[1]) < boundary:
            yield path

"""What is beside the audit stream: the database, and the streams without a ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, text

from strongroom.audit.archive.tables import archive_head, segment, segment_filter, segment_rollup
from strongroom.audit.archive.tables import metadata as archive_metadata
from strongroom.audit.events import Stream
from strongroom.audit.journal.tables import journal, journal_head
from strongroom.audit.ledger.tables import ledger_checkpoint, ledger_key, ledger_tile
from strongroom.audit.ledger.verify.archived import boundary_of
from strongroom.audit.ledger.verify.pruned import pruned_of
from strongroom.audit.ledger.verify.records import Density, columns
from strongroom.audit.ledger.verify.report import Tally, Verdict
from strongroom.audit.ledger.verify.rows import Block, fetch, journal_blocks, position

_TABLES: Final = (
    journal,
    journal_head,
    ledger_tile,
    ledger_checkpoint,
    ledger_key,
    *archive_metadata.sorted_tables,
)
_INDEX: Final = (segment, segment_filter, segment_rollup)
_next: Final = (
    select(journal.c.stream)
    .where(journal.c.stream > bindparam("last"))
    .order_by(journal.c.stream)
    .limit(1)
)


class Database:
    """SQLite's own check of our tables, and that no rows hide under an unknown name."""

    def __init__(self) -> None:
        self.tally = Tally(
            "database", "tables and indexes are sound, and there are no unknown streams"
        )
        self.names = [self.tally.name]

    def begin(self, connection: Connection) -> None:
        """Look at tables, heads and names."""
        with self.tally as tally:
            if connection.dialect.name == "sqlite":
                for table in _TABLES:
                    # https://sqlite.org/pragma.html#pragma_integrity_check; not of the whole file,
                    # since an application's own tables may be in it too
                    found = fetch(connection, text(f"PRAGMA integrity_check({table.name})"))[0][0]
                    tally.count += 1
                    if found != "ok":
                        tally.fail(f"{found!s:.200}")
            known = sorted(Stream)
            ends = [row[0] for row in fetch(connection, select(archive_head.c.stream))]
            if sorted(map(str, ends)) != known:
                tally.fail(f"the streams' archives have the head rows {sorted(map(str, ends))}")
            for name in _others(connection, known):
                tally.fail(f"there is a segment of a stream {name!r:.40}")
            heads = [row[0] for row in fetch(connection, select(journal_head.c.stream))]
            if sorted(map(str, heads)) != known:
                tally.fail(f"the streams have the head rows {sorted(map(str, heads))}")
            for name in _streams(connection):
                if name not in known:
                    tally.fail(f"there are records of a stream {name!r:.40}")

    def see(self, block: Block) -> None:
        """Nothing to look at in the audit stream."""

    def verdicts(self) -> Sequence[Verdict]:
        """What it came to."""
        return [self.tally.verdict()]


def _streams(connection: Connection) -> Iterator[Any]:
    last: Any = float("-inf")
    while rows := fetch(connection, _next, last=last):
        yield rows[0][0]
        last = position(rows[0][0])


def _others(connection: Connection, known: Sequence[str]) -> list[Any]:
    """The streams of index rows that are none of these."""
    found = {
        row[0] for table in _INDEX for row in fetch(connection, select(table.c.stream).distinct())
    }
    return [name for name in found if name not in known]


class Unledgered:
    """A stream that is no evidence: its numbers and columns. Its entries could be altered unseen
    until they are sealed; from then on their segments are looked at with all others."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        covers = (
            f"no {stream} record is missing, and columns fit; no evidence, so not that none was "
            "altered"
        )
        self.tally = Tally(str(stream), covers)
        self.names = [self.tally.name]

    def begin(self, connection: Connection) -> None:
        """Look at the whole stream."""
        with self.tally as tally:
            start = boundary_of(connection, self._stream.value)
            density = Density(self._stream, tally, edge=b"", start=start)
            density.begin(connection)
            aside = Tally("", "")
            fits = columns(aside)
            for block in journal_blocks(connection, self._stream.value, start):
                density.see(block)
                fits.see(block)
            tally.count += start - pruned_of(connection, self._stream.value)
            density.end()
            found = aside.verdict()
            if aside.failed:
                tally.fail(found.reason or "", found.seq)

    def see(self, block: Block) -> None:
        """Nothing to look at in the audit stream."""

    def verdicts(self) -> Sequence[Verdict]:
        """What it came to."""
        return [self.tally.verdict(nothing=None if self.tally.count else "there are no records")]

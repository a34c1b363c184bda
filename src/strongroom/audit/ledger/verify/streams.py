"""What is beside the audit stream: the database, and the streams without a ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, text

from strongroom.audit.events import Stream
from strongroom.audit.journal.tables import journal, journal_head
from strongroom.audit.ledger.tables import ledger_checkpoint, ledger_key, ledger_tile
from strongroom.audit.ledger.verify.records import Density, columns
from strongroom.audit.ledger.verify.report import Tally, Verdict
from strongroom.audit.ledger.verify.rows import Block, blocks, fetch, position

_TABLES: Final = (journal, journal_head, ledger_tile, ledger_checkpoint, ledger_key)
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


class Unledgered:
    """A stream that is no evidence: its numbers and columns. Its entries could be altered unseen."""

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
            density = Density(self._stream, tally, edge=b"")
            density.begin(connection)
            aside = Tally("", "")
            fits = columns(aside)
            for block in blocks(connection, self._stream.value):
                density.see(block)
                fits.see(block)
            density.end()
            found = aside.verdict()
            if aside.failed:
                tally.fail(found.reason or "", found.seq)

    def see(self, block: Block) -> None:
        """Nothing to look at in the audit stream."""

    def verdicts(self) -> Sequence[Verdict]:
        """What it came to."""
        return [self.tally.verdict(nothing=None if self.tally.count else "there are no records")]

"""A ledgered database whose records are sealed, and an administrator who alters files as well."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select

from strongroom.audit.archive.index import enter, segments
from strongroom.audit.archive.places import archive_folder
from strongroom.audit.archive.reading import ArchivedRow, ArchiveReader
from strongroom.audit.archive.writing import SegmentWriter
from strongroom.audit.events import Event, Stream
from strongroom.audit.journal import Journal, encode
from strongroom.audit.journal.tables import journal
from strongroom.audit.pipeline import Pipeline
from strongroom.audit.sealing import Sealer
from strongroom.audit.sealing.due import Span
from tests.fault.matrix import LARGE_SIZE
from tests.fault.tampering import Ledgered

SPANS = (
    Span(Stream.AUDIT, 0, 1_024),
    Span(Stream.AUDIT, 1_024, 2_048),
    Span(Stream.AUDIT, 2_048, 2_816),
    Span(Stream.OPS, 0, 4),
)
"""What is sealed; 184 audit records and one of ops stay in the journal."""


class SealedLedgered(Ledgered):
    """The database and its files."""

    def __init__(self, path: Path) -> None:
        sizes = (1, 255, 256, 700, 1_024, 1_500, 2_304, 2_900)
        super().__init__(path, sizes, size=LARGE_SIZE, second_key_at=1_500)
        sealer = Sealer(self.store, recorder(self.journal), signed=True)
        for span in SPANS:
            sealer.seal(span)
        self.keep()

    def keep(self) -> None:
        """Take this for what it is put back to."""
        self.pristine.close()
        self.pristine = self.copy()
        self.folder = archive_folder(self.store)
        self.files = {
            file: file.read_bytes() for file in sorted(self.folder.rglob("*")) if file.is_file()
        }

    def put_back(self, kept: sqlite3.Connection | None = None) -> None:
        """Make database and files what they were."""
        super().put_back(kept)
        for file in self.folder.rglob("*"):
            if file.is_file() and file not in self.files:
                file.unlink()
        for file, content in self.files.items():
            if not file.exists() or file.read_bytes() != content:
                file.write_bytes(content)

    def parquet(self, span: Span = SPANS[0]) -> Path:
        """The Parquet file of what was sealed."""
        return self.folder / "segments" / span.stream / f"{span.start:012}.g1.parquet"

    def entries_of(self, span: Span = SPANS[0]) -> Path:
        """The zip of its entries."""
        return self.folder / "entries" / f"{span.start:012}.zip"


def recorder(written: Journal) -> Callable[[Event], None]:
    """Logs events as ``AuditLog.log`` does."""

    def take(record: dict[str, Any], stream: Stream) -> None:
        written.append([encode(record, stream)])

    return Pipeline(take).log


Harm = Callable[[SealedLedgered], None]


def single_bytes(database: SealedLedgered, cases: int, ends: int) -> Iterator[tuple[str, Harm]]:
    """One bit of a byte of a file is another: bytes all over each file."""

    def harm(db: SealedLedgered, file: Path, at: int) -> None:
        content = bytearray(db.files[file])
        content[at] ^= 1 << at % 8
        file.write_bytes(content)

    for file, content in database.files.items():
        step = max(1, len(content) // cases)
        # The beginning and the end, where what the rest means is said, closer by.
        size = len(content)
        places = {*range(0, size, step), *range(ends), *range(size - ends, size)}
        for at in sorted(places):
            yield f"byte {at} of {file.name}", partial(harm, file=file, at=at)


def files(database: SealedLedgered) -> Iterator[tuple[str, Harm]]:
    """A file removed, emptied, cut, lengthened, or in another's place."""

    def remove(_: SealedLedgered, file: Path) -> None:
        file.unlink()

    def write(_: SealedLedgered, file: Path, content: bytes) -> None:
        file.write_bytes(content)

    def swap(db: SealedLedgered, one: Path, other: Path) -> None:
        one.write_bytes(db.files[other])
        other.write_bytes(db.files[one])

    for file, content in database.files.items():
        yield f"{file.name} removed", partial(remove, file=file)
        for cut in (b"", content[: len(content) // 2], content[:-1], content + b"\0"):
            yield f"{file.name} of {len(cut)} bytes", partial(write, file=file, content=cut)
        if file != database.parquet():
            other = database.parquet()
            yield f"{file.name} swapped", partial(swap, one=file, other=other)
    yield (
        "entries swapped",
        partial(swap, one=database.entries_of(SPANS[0]), other=database.entries_of(SPANS[1])),
    )


def index(database: SealedLedgered) -> Iterator[tuple[str, Harm]]:
    """The index: each value altered, each row removed."""
    statements = [
        f"UPDATE segment SET {column} = {change}"
        for column, change in (
            ("last_seq", "last_seq - 1"),
            ("last_seq", "last_seq + 1"),
            ("first_seq", "first_seq + 1"),
            ("first_seq", "first_seq + 256"),
            ("generation", "generation + 1"),
            ("min_timestamp", "min_timestamp + 1"),
            ("max_timestamp", "max_timestamp - 1"),
            ("bytes", "bytes + 1"),
            ("has_rest", "1 - has_rest"),
            ("sealed_at", "sealed_at + 1"),
            ("stream", "'imported'"),
            ("stream", "'other'"),
            ("bytes", "'many'"),
        )
    ]
    statements.append("DELETE FROM segment")
    for stream, first_seq in (("audit", 1_024), ("ops", 0)):
        where = f"WHERE stream = '{stream}' AND first_seq = {first_seq}"
        for statement in statements:
            yield f"{statement} {where}", sql(f"{statement} {where}")
    for table, value in (("segment_filter", "bits"), ("segment_rollup", "counts")):
        for statement in (
            f"DELETE FROM {table}",
            f"UPDATE {table} SET {value} = x'00'",
            f"UPDATE {table} SET {value} = 'text'",
            f"UPDATE {table} SET {value} = {value} || x'00'",
            f"UPDATE {table} SET first_seq = 7",
        ):
            where = "WHERE stream = 'ops'"
            yield f"{statement} {where}", sql(f"{statement} {where}")
    yield "a filter made", sql("INSERT INTO segment_filter VALUES ('ops', 0, 'count', x'')")
    yield "a filter of none", sql("INSERT INTO segment_filter VALUES ('ops', 9, 'count', x'')")


def boundary(database: SealedLedgered) -> Iterator[tuple[str, Harm]]:
    """Where the archive ends: elsewhere, for nobody, or with rows on both sides of it."""
    for stream in ("audit", "ops"):
        for change in ("+ 1", "- 1", "+ 256", "- 256"):
            statement = f"UPDATE archive_head SET sealed_through = sealed_through {change}"
            yield f"{stream} {change}", sql(f"{statement} WHERE stream = '{stream}'")
        yield f"no {stream}", sql(f"DELETE FROM archive_head WHERE stream = '{stream}'")
        yield (
            f"odd {stream}",
            sql(f"UPDATE archive_head SET sealed_through = 'x' WHERE stream = '{stream}'"),
        )
    yield "a head of none", sql("INSERT INTO archive_head VALUES ('other', 0, 0)")

    def left(db: SealedLedgered, seq: int) -> None:
        row = db.admin.execute(
            "SELECT * FROM journal WHERE stream = 'audit' AND seq = 2900"
        ).fetchone()
        db.run("DELETE FROM journal WHERE stream = 'audit' AND seq = 2900")
        marks = ", ".join("?" * len(row))
        db.run(f"INSERT INTO journal VALUES ({marks})", row[0], seq, *row[2:])

    for seq in (-1, 0, 5, 2_815):
        yield f"a row below the boundary, {seq}", partial(left, seq=seq)


def rewritten(database: SealedLedgered) -> Iterator[tuple[str, Harm]]:
    """A segment written anew by our own code with one record altered, its index made to fit."""

    def harm(db: SealedLedgered, span: Span, change: Callable[[list[ArchivedRow]], None]) -> None:
        with db.store.read() as connection, ArchiveReader(db.folder) as reader:
            about = next(
                found
                for found in segments(connection, span.stream.value)
                if found.first_seq == span.start
            )
            rows = list(reader.rows(about, span.start, span.end))
        change(rows)
        draft = SegmentWriter(db.folder).write(span.stream.value, span.start, rows)
        draft.publish()
        db.store.write(lambda connection: enter(connection, draft.sealed))

    def other_address(rows: list[ArchivedRow]) -> None:
        assert rows[3].network is not None
        rows[3].network = rows[3].network.replace(b"10.0.0.7", b"10.0.0.8")

    def other_entry(rows: list[ArchivedRow]) -> None:
        rows[3].entry = rows[3].entry.replace(b'"count":10003', b'"count":10004')

    def swapped(rows: list[ArchivedRow]) -> None:
        rows[1].seq, rows[2].seq = rows[2].seq, rows[1].seq
        rows[1], rows[2] = rows[2], rows[1]

    def forgotten(rows: list[ArchivedRow]) -> None:
        rows[3].network = rows[3].network_salt = None

    for change in (other_address, other_entry, swapped, forgotten):
        yield change.__name__, partial(harm, span=SPANS[0], change=change)
    for change in (other_entry, swapped):
        yield f"ops {change.__name__}", partial(harm, span=SPANS[3], change=change)


def sql(statement: str) -> Harm:
    """A statement of an administrator's."""
    return lambda database: database.run(statement)


def sealed_rows(database: SealedLedgered) -> int:
    """Rows of the journal below the boundary: none, once a sealing has ended."""
    with database.store.read() as connection:
        wanted = select(journal.c.seq).where(journal.c.stream == "audit", journal.c.seq < 2_816)
        return len(connection.execute(wanted).all())

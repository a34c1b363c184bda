"""Writing a segment: from rows of the journal to files that are on the disk, verified, not yet named.

A segment is read back from its files before anybody believes it; filters and roll-ups are made from
what was read back. Nothing of it counts until its row stands in the index.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import duckdb
import orjson

from strongroom.audit.archive.bundles import BundleWriter
from strongroom.audit.archive.columns import REST
from strongroom.audit.archive.duck import connect
from strongroom.audit.archive.filters import build_filters
from strongroom.audit.archive.grams import GRAMS, append_grams
from strongroom.audit.archive.index import Sealed, Segment
from strongroom.audit.archive.parquet import scan, write_parquet
from strongroom.audit.archive.places import FIRST_GENERATION, entries_path, segment_path
from strongroom.audit.archive.relation import as_columns, batches
from strongroom.audit.archive.rollups import build_rollups
from strongroom.audit.events.event import Stream
from strongroom.audit.journal.stored import JournalRow
from strongroom.errors import Corrupt, Unavailable

DRAFT: Final = ".draft"
"""Ends the names of files that nobody has published; whoever finds one may remove it."""

SEGMENT_ROWS: Final = 65_536
"""Records of a full segment."""

SEGMENT_BYTES: Final = 96 * 2**20
"""Stored bytes after which a segment is full as well: its records must fit into memory."""

LONG: Final = 4_096
LONG_BYTES: Final = 24 * 2**20
"""The same for records longer than this, which stand in several columns: tracebacks, mostly."""

MEMORY_BYTES: Final = 384 * 2**20
"""At most; ordinary records need a third of it."""

AT_A_TIME: Final = 512
"""Records that are in memory at a time."""

TURN: Final = 16
"""Records between two moments at which another thread may run: a quarter of a millisecond."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Draft:
    """A segment's files under temporary names, on the disk.

    :param drafts: by the name that each is to have
    """

    sealed: Sealed
    drafts: dict[Path, Path]

    def publish(self) -> None:
        """Give the files their names, durably. In a place where a file is already, the same
        segment was published before a crash, and this takes its place.

        :raises OSError: when a file cannot be renamed
        """
        for path, draft in self.drafts.items():
            draft.replace(path)
        for folder in {path.parent for path in self.drafts}:
            sync_folder(folder)

    def discard(self) -> None:
        """Remove the files, unless they were published."""
        for draft in self.drafts.values():
            draft.unlink(missing_ok=True)


class SegmentWriter:
    """Writes segments, one after the other. For one thread.

    :param folder: of the archive; made where it is missing
    """

    def __init__(self, folder: Path, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self._folder = folder
        self._memory = memory_bytes

    def write(
        self,
        stream: str,
        first_seq: int,
        rows: Iterable[JournalRow],
        *,
        generation: int = FIRST_GENERATION,
    ) -> Draft:
        """Write these records; on the disk under temporary names when it returns.

        :param rows: dense from ``first_seq``; in the audit stream to a multiple of 256
        :param generation: of the file; a later one leaves the entries as they are
        :raises Corrupt: when a record is missing, or cannot be read
        :raises Unavailable: when there is no room for it, in memory or on the disk
        """
        path = segment_path(self._folder, stream, first_seq, generation)
        entries = entries_path(self._folder, first_seq) if stream == Stream.AUDIT.value else None
        drafts = {path: _draft_of(path)}
        if entries is not None and generation == FIRST_GENERATION:
            drafts[entries] = _draft_of(entries)
        lines, parts = _draft_of(path.with_suffix(".ndjson")), entries is not None
        files = {place: drafts.get(place, place) for place in (path, entries) if place is not None}
        try:
            connection = connect(self._folder, threads=1, memory_bytes=self._memory, streaming=True)
            try:
                with _bundles(drafts.get(entries) if entries else None, first_seq) as bundles:
                    count = _write_lines(lines, _in_order(rows, first_seq), bundles, parts=parts)
                write_parquet(connection, lines, drafts[path], count=count, parts=parts)
                grams = append_grams(connection, drafts[path], first_seq, count).packed()
                for draft in drafts.values():
                    _sync(draft)
                place = (stream, first_seq, count, generation)
                sealed = _described(connection, self._folder, files, place, grams)
            finally:
                connection.close()
        except BaseException as error:
            for draft in drafts.values():
                draft.unlink(missing_ok=True)
            if isinstance(error, (duckdb.Error, OSError)):
                raise Unavailable(f"a segment cannot be written: {error}") from error
            raise
        finally:
            lines.unlink(missing_ok=True)
        return Draft(sealed, drafts)


def _draft_of(path: Path) -> Path:
    make_folder(path.parent)
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}{DRAFT}")


def _in_order(rows: Iterable[JournalRow], first_seq: int) -> Iterator[JournalRow]:
    for expected, row in enumerate(rows, first_seq):
        if row.seq != expected:
            raise Corrupt(f"record {expected:,} is missing; the next is {row.seq:,}")
        if not isinstance(row.entry, bytes):
            raise Corrupt(f"the entry of record {expected:,} is not what was stored")
        yield row


def yielding(rows: Iterable[T]) -> Iterator[T]:
    """The same, letting other threads of Python run in between: each of them is a request."""
    for place, row in enumerate(rows):
        if not place % TURN:
            time.sleep(0)
        yield row


@contextmanager
def _bundles(draft: Path | None, first_seq: int) -> Iterator[BundleWriter | None]:
    if draft is None:
        yield None
        return
    with draft.open("xb") as out:
        bundles = BundleWriter(out, first_seq)
        try:
            yield bundles
            bundles.close()
        finally:
            bundles.let_go()


def _write_lines(
    path: Path, rows: Iterator[JournalRow], bundles: BundleWriter | None, *, parts: bool
) -> int:
    """Write what the columns of the records are to hold, a line each; how many there were."""
    dumps, count = orjson.dumps, 0
    with path.open("xb") as out:
        for batch in batches(rows, AT_A_TIME):
            out.writelines(
                dumps(as_columns(row, parts=parts), option=orjson.OPT_APPEND_NEWLINE)
                for row in yielding(batch)
            )
            if bundles is not None:
                bundles.extend([row.entry for row in batch])
            count += len(batch)
    return count


def _described(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    files: Mapping[Path, Path],
    place: tuple[str, int, int, int],
    grams: bytes,
) -> Sealed:
    """What the index is to say of the segment, from its files.

    :param files: where each is now, by the name that it is to have; the Parquet file first
    :param grams: where in it the filters of parts of texts are
    """
    stream, first_seq, count, generation = place
    relation = scan(next(iter(files.values())))
    found = connection.execute(
        "SELECT count(*), min(seq), max(seq), epoch_us(min(timestamp)), epoch_us(max(timestamp)), "  # noqa: S608  # our own names
        f"count({REST}) > 0 FROM {relation}"
    ).fetchone()
    assert found is not None
    rows, first, last, earliest, latest, has_rest = found
    if (rows, first, last) != (count, first_seq, first_seq + count - 1):
        raise Corrupt(f"the segment of {count:,} records from {first_seq:,} was not written whole")
    about = Segment(
        stream=stream,
        first_seq=first_seq,
        last_seq=last,
        generation=generation,
        min_timestamp=earliest,
        max_timestamp=latest,
        bytes=sum(draft.stat().st_size for draft in files.values()),
        has_rest=has_rest,
        sealed_at=time.time_ns() // 1000,
    )
    return Sealed(
        about,
        build_filters(connection, relation, has_rest=has_rest) | {GRAMS: grams},
        build_rollups(connection, relation, has_rest=has_rest),
        {str(path.relative_to(folder)): file_digest(draft) for path, draft in files.items()},
    )


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal.

    :raises OSError: when it cannot be read
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, durably. Only the user who runs this may look into them."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir(0o700)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Let the names in a folder reach the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Some shares refuse it. The names then reach the disk a little later.
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

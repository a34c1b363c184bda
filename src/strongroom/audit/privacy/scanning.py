"""The raw scan: every byte of every file, and what is inside of those that are compressed."""

from __future__ import annotations

import gzip
import os
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import duckdb
from sqlalchemy import Connection, select

from strongroom.audit.archive.duck import connect
from strongroom.audit.archive.reading import MEMORY_BYTES
from strongroom.audit.archive.tables import segment_rollup
from strongroom.audit.privacy.kept import joined
from strongroom.audit.privacy.traces import Matcher

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
_PARQUET: Final = b"PAR1"
_FETCHED: Final = 2_048


def files_with(
    folders: Collection[Path],
    matcher: Matcher,
    outside: Collection[Path],
    also: Collection[Path] = (),
) -> list[Path]:
    """The files in which a trace is found: in their bytes, or in what they hold compressed.

    :param folders: with all folders in them, but those in ``outside``
    :param also: files elsewhere
    :raises OSError: when a file cannot be read: nobody knows what is in it
    """
    left_out = {path.absolute() for path in outside}
    places = [path for folder in folders for path in _files(folder, left_out)] + list(also)
    return [path for path in dict.fromkeys(places) if _has_any(path, matcher)]


def _files(folder: Path, outside: Collection[Path]) -> Iterator[Path]:
    for entry in sorted(os.scandir(folder), key=lambda one: one.name):
        path = Path(entry.path).absolute()
        if path in outside or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from _files(path, outside)
        elif entry.is_file():
            yield path


def _has_any(path: Path, matcher: Matcher) -> bool:
    try:
        with path.open("rb") as file:
            if matcher.found(os.fsencode(path.name)) or matcher.found_in(file):
                return True
            file.seek(0)
            head = file.read(4)
    except FileNotFoundError:
        return False  # gone meanwhile
    if head.startswith(_GZIP):
        return _in_gzip(path, matcher)
    if head == _ZIP:
        return _in_zip(path, matcher)
    return head == _PARQUET and _in_parquet(path, matcher)


def _in_gzip(path: Path, matcher: Matcher) -> bool:
    try:
        with gzip.open(path) as file:
            return bool(matcher.found_in(file))
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return False  # torn; what there is of it was read


def _in_zip(path: Path, matcher: Matcher) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    if matcher.found_in(member):
                        return True
    except (zipfile.BadZipFile, zlib.error, EOFError):
        pass  # torn, by a crash; tidying removes it
    return False


def _in_parquet(path: Path, matcher: Matcher) -> bool:
    connection = connect(path.parent, threads=1, memory_bytes=MEMORY_BYTES)
    place = str(path).replace("'", "''")
    try:
        found = connection.execute(f"SELECT * FROM read_parquet('{place}')")  # noqa: S608  # a file of ours
        while rows := found.fetchmany(_FETCHED):
            if matcher.found(joined(rows)):
                return True
    except duckdb.Error:
        pass  # torn, by a crash; tidying removes it
    finally:
        connection.close()
    return False


def in_rollups(connection: Connection, matcher: Matcher) -> bool:
    """Whether a roll-up of a segment, which is compressed, has a trace."""
    for (packed,) in connection.execute(select(segment_rollup.c.counts)):
        if matcher.found(zlib.decompress(packed)):
            return True
    return False

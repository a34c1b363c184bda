"""The raw scan: every byte of every file, and what is inside of those that are compressed.

It runs in a process of its own. A process that closes any file descriptor of a database loses the
locks that its connections to that database have, and the database may be damaged:
https://sqlite.org/howtocorrupt.html, section 2.2.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import duckdb
import orjson

from strongroom.audit.archive.duck import connect
from strongroom.audit.privacy.traces import Matcher, joined
from strongroom.errors import Unavailable

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
_PARQUET: Final = b"PAR1"
_FETCHED: Final = 2_048
_MEMORY_BYTES: Final = 256 * 2**20
_PROGRAM: Final = f"from {__name__} import main; main()"


def files_with(
    folders: Collection[Path],
    traces: Collection[str],
    outside: Collection[Path],
    also: Collection[Path] = (),
) -> list[Path]:
    """The files in which a trace is found: in their bytes, or in what they hold compressed.

    :param folders: with all folders in them, but those in ``outside``
    :param also: files elsewhere
    :raises Unavailable: when a file cannot be read: nobody knows what is in it
    """
    asked = {
        "folders": [str(path.absolute()) for path in folders],
        "outside": [str(path.absolute()) for path in outside],
        "also": [str(path.absolute()) for path in also],
        "traces": sorted(traces),
    }
    done = subprocess.run(  # noqa: S603  # ourselves; nothing of the traces is an argument
        [sys.executable, "-c", _PROGRAM],
        input=orjson.dumps(asked),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise Unavailable(f"the files could not be read: {said[-1] if said else 'killed'}")
    return [Path(os.fsdecode(name)) for name in done.stdout.split(b"\0") if name]


def main() -> None:
    """Read what is asked from the standard input, and print the files, each followed by a NUL."""
    asked = orjson.loads(sys.stdin.buffer.read())
    outside = {Path(name) for name in asked["outside"]}
    found = [path for name in asked["folders"] for path in _files(Path(name), outside)]
    matcher = Matcher(asked["traces"])
    for path in dict.fromkeys([*found, *map(Path, asked["also"])]):
        if _has_any(path, matcher):
            sys.stdout.buffer.write(os.fsencode(path) + b"\0")


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
    connection = connect(path.parent, threads=1, memory_bytes=_MEMORY_BYTES)
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

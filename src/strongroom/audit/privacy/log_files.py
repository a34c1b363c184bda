"""Our own log file: the lines that have a trace go, the others stay as they are."""

from __future__ import annotations

import fcntl
import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from strongroom.audit.pipeline.rotated import rotate
from strongroom.audit.privacy.traces import Matcher
from strongroom.objects.local import sync_folder

_PART: Final = ".forgetting"


def files_of(log_file: Path | None) -> list[Path]:
    """The log file and all rotated ones, as far as they are there."""
    if log_file is None or not log_file.parent.is_dir():
        return []
    return sorted(path for path in log_file.parent.glob(f"{log_file.name}*") if path.is_file())


def remove_lines(log_file: Path | None, matcher: Matcher) -> int:
    """Remove every line with a trace; how many. Whoever writes to the file goes on in a new one.

    :raises OSError: when a file cannot be written
    """
    if log_file is None:
        return 0
    if log_file.is_file() and _has_any(log_file, matcher):
        _rotate(log_file)
    return sum(
        _without_lines(path, matcher)
        for path in files_of(log_file)
        if path != log_file and not path.name.endswith(".part") and _has_any(path, matcher)
    )


def _rotate(path: Path) -> None:
    """Give the file its rotated name, under the lock that all who write to it take."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            rotate(path)
    except FileNotFoundError:
        pass  # another has just done it
    finally:
        os.close(descriptor)


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb")  # type: ignore[return-value]  # of the same use


def _has_any(path: Path, matcher: Matcher) -> bool:
    with _open(path) as file:
        return bool(matcher.found_in(file))


def _without_lines(path: Path, matcher: Matcher) -> int:
    part, gone = path.with_name(path.name + _PART), 0

    def left() -> Iterator[bytes]:
        nonlocal gone
        with _open(path) as source:
            for line in source:
                if matcher.found(line):
                    gone += 1
                else:
                    yield line

    try:
        with open(part, "wb", opener=_private) as file:  # Path.open has no opener
            if path.name.endswith(".gz"):
                with gzip.GzipFile("", "wb", 6, file) as packed:
                    packed.writelines(left())
            else:
                file.writelines(left())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)
    return gone


def _private(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_CLOEXEC, 0o600)

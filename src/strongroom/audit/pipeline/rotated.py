"""Rotated log files: their names, their compression, and how many are kept.

``records.jsonl`` becomes ``records.jsonl.20261124T062519.123456Z``, and that becomes
``records.jsonl.20261124T062519.123456Z.gz`` (gzip, RFC 1952): the moment of rotation, in UTC.
Sorted by name they are sorted by age. Nothing that is named otherwise is ever touched.
"""

from __future__ import annotations

import fcntl
import gzip
import os
import re
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from strongroom.objects.local import sync_folder

_STAMP: Final = "%Y%m%dT%H%M%S.%fZ"
_SUFFIX: Final = re.compile(
    r"\.(?P<stamp>[12][0-9]{7}T[0-9]{6}\.[0-9]{6}Z)(?P<kind>|\.gz|\.gz\.part)"
)
_WHOLE: Final = {"", ".gz"}
_CHUNK: Final = 1024 * 1024


def rotate(path: Path) -> Path:
    """Give the file its rotated name, which is later than every other one.

    The caller holds the lock that keeps others from writing and from rotating.

    :raises OSError: when the file cannot be renamed; it is where it was
    """
    stamp = datetime.now(UTC).strftime(_STAMP)
    if (stamps := _rotated(path)) and stamp <= (newest := max(stamps)):
        # Twice in a microsecond, or the clock was set back.
        moment = _moment(newest)
        assert moment is not None
        stamp = (moment + timedelta(microseconds=1)).strftime(_STAMP)
    target = path.with_name(f"{path.name}.{stamp}")
    path.rename(target)
    return target


def sweep(path: Path, *, keep: int, compress: bool) -> None:
    """Compress what is rotated, finish what a killed process left, remove what is too much.

    Several processes may do this at once: each file is compressed by one of them.

    :raises OSError: when something cannot be done; the next sweep tries again
    """
    rotated = _rotated(path)
    kept = sorted(stamp for stamp, kinds in rotated.items() if kinds & _WHOLE)[-keep:]
    # Removed first: compression needs the room.
    for stamp, kinds in rotated.items():
        for kind in _superfluous(kinds, kept=stamp in kept):
            path.with_name(f"{path.name}.{stamp}{kind}").unlink(missing_ok=True)
    if compress:
        for stamp in kept:
            if "" in rotated[stamp]:
                _compress(path.with_name(f"{path.name}.{stamp}"))


def _rotated(path: Path) -> dict[str, set[str]]:
    """What there is of each moment of rotation: ``""``, ``.gz``, ``.gz.part``."""
    found: dict[str, set[str]] = {}
    with os.scandir(path.parent) as entries:
        for entry in entries:
            if not entry.name.startswith(path.name):
                continue
            match = _SUFFIX.fullmatch(entry.name, len(path.name))
            if match is not None and _moment(match["stamp"]) is not None:
                found.setdefault(match["stamp"], set()).add(match["kind"])
    return found


def _moment(stamp: str) -> datetime | None:
    try:
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None  # looks like ours, but there is no such day


def _superfluous(kinds: set[str], *, kept: bool) -> set[str]:
    if not kept:
        return kinds
    # A part whose source is gone belongs to nothing, whoever began it.
    return set() if "" in kinds else kinds - _WHOLE


def _compress(source: Path) -> None:
    """Replace the file by its compressed copy, unless another process is at it.

    The copy is on disk under its name before the source goes, so a crash loses nothing. It may
    leave both; the copy is complete then, and the next sweep removes the source.
    """
    target = source.with_name(source.name + ".gz")
    part = target.with_name(target.name + ".part")
    with open(part, "ab", opener=_private) as file:  # Path.open has no opener
        try:
            # Released by the kernel when the process dies, so no left-over part blocks its source.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        with suppress(FileNotFoundError):
            # Otherwise another process finished while we opened: ours is its copy, under its name.
            if os.path.samestat(part.stat(), os.fstat(file.fileno())):
                _replace(source, part, target, file.fileno())


def _replace(source: Path, part: Path, target: Path, descriptor: int) -> None:
    if target.exists() or not source.exists():
        part.unlink()
    else:
        os.ftruncate(descriptor, 0)
        try:
            with (
                source.open("rb") as plain,
                os.fdopen(os.dup(descriptor), "wb") as file,
                gzip.GzipFile("", "wb", 6, file) as packed,
            ):
                shutil.copyfileobj(plain, packed, _CHUNK)
            os.fsync(descriptor)
        except OSError:
            part.unlink(missing_ok=True)  # a full disk needs the room
            raise
        part.rename(target)
        sync_folder(target.parent)
    source.unlink(missing_ok=True)


def _private(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_CLOEXEC, 0o600)


class Sweeper:
    """Sweeps in a thread of its own, which lives as long as there is something to do.

    :param on_failed: called on that thread with what went wrong
    """

    def __init__(
        self, sweep_once: Callable[[], None], on_failed: Callable[[OSError], None]
    ) -> None:
        self._sweep_once = sweep_once
        self._on_failed = on_failed
        self._lock = threading.RLock()  # a finaliser that logs may come back here
        self._thread: threading.Thread | None = None
        self._again = False

    def nudge(self) -> None:
        """Sweep soon. Never blocks, never raises."""
        with self._lock:
            if self._thread is not None:
                self._again = True
                return
            # A daemon: a sweep that is cut off by the end of the process harms nothing.
            self._thread = threading.Thread(target=self._run, name="log-file-sweeper", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:
                self._thread = None  # no more threads to be had, or the interpreter is ending

    def wait(self) -> None:
        """Wait until nothing is left to do."""
        while (thread := self._thread) is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            try:
                self._sweep_once()
            except OSError as error:
                self._on_failed(error)
            with self._lock:
                if not self._again:
                    self._thread = None
                    return
                self._again = False

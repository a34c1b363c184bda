"""JSON lines, into a file that is rotated by size, or onto standard output."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from strongroom.audit.pipeline.log_file import LogFile, Rotation
from strongroom.audit.pipeline.render import json_line
from strongroom.audit.shipping.destination import Destination
from strongroom.audit.shipping.exporter import Record, Refusal, Undelivered

_NO_AGE: Final = 100 * 365 * 86_400.0
"""By size alone: what is shipped after a long pause is old, and each line would begin a file."""


class FileExporter:
    """Appends lines to a file, and has them on the disk before they count. For one thread."""

    settles_after: Final = 0.0

    def __init__(self, destination: Destination) -> None:
        self._path = destination.path
        self._rotation = Rotation(
            destination.max_bytes, _NO_AGE, destination.keep, destination.compress
        )
        self._file = self._opened()

    def send(self, records: Sequence[Record]) -> Sequence[Refusal]:
        """Append them and wait for the disk.

        :raises Undelivered: when the file cannot be written, or not be kept
        """
        began = time.time()
        for record in records:
            self._file.write(json_line(record).encode("utf-8") + b"\n")
        failed = None
        while (trouble := self._file.next_trouble()) is not None:
            if trouble.event == "log_file_failed":
                failed = trouble.error
        try:
            if failed is not None:
                raise failed
            _sync(self._path, began)
        except OSError as error:
            self._file.close()
            self._file = self._opened()  # one that has told of its trouble does not tell again
            raise Undelivered(f"{type(error).__name__}: {error.strerror or error}") from error
        return ()

    def stands(self) -> bool:
        """No question here."""
        return True

    def finish(self) -> bool:
        """Close the file."""
        self._file.close()
        return True

    def _opened(self) -> LogFile:
        return LogFile(self._path, self._rotation, sweeps=True)

    def interrupt(self) -> None:
        """Nothing waits, but for the disk."""


class StdoutExporter:
    """Writes lines to standard output, which says nothing of who reads them. For one thread."""

    settles_after: Final = 0.0

    def send(self, records: Sequence[Record]) -> Sequence[Refusal]:
        """Write them.

        :raises Undelivered: when nobody reads any more, or the disk behind it is full
        """
        lines = "".join(f"{json_line(record)}\n" for record in records).encode("utf-8")
        try:
            sys.stdout.flush()
            while lines:
                lines = lines[os.write(sys.stdout.fileno(), lines) :]
        except (OSError, ValueError) as error:
            raise Undelivered(f"{type(error).__name__}: {error}") from error
        return ()

    def stands(self) -> bool:
        """No question here."""
        return True

    def finish(self) -> bool:
        """Leave it open: it is not ours alone."""
        return True

    def interrupt(self) -> None:
        """A reader that does not read holds us up, and whoever ends it."""


def _sync(path: Path, since: float) -> None:
    """Bring the file to the disk, with those that were rotated away since then."""
    for each in (path, *path.parent.glob(f"{path.name}.*Z")):
        try:
            if each.stat().st_mtime < since - 1.0:
                continue
            descriptor = os.open(each, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # compressed meanwhile, which has synced it
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

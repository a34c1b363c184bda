"""One export: its bytes from the first to the last, and what they came to."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Final

from strongroom.audit.export.formats import Format
from strongroom.audit.export.order import newest_first
from strongroom.audit.export.parquet import write_parquet
from strongroom.audit.export.room import working_folder
from strongroom.audit.query.search import Matches
from strongroom.errors import ServerFault, Unavailable
from strongroom.store import Store

BLOCK: Final = 64 * 1024
"""Bytes handed over at a time, about; a record is in one piece."""


class Export:
    """All matches in one format, newest first, in memory that does not grow with them. For one thread.

    :param seconds: after which it is cut off; None for as long as it takes
    :param progress: told how many records were rendered so far
    """

    def __init__(
        self,
        store: Store,
        matches: Matches,
        kind: Format,
        *,
        seconds: float | None = None,
        progress: Callable[[int], None] = lambda _count: None,
    ) -> None:
        self._store = store
        self._matches = matches
        self._kind = kind
        self._until = None if seconds is None else time.monotonic() + seconds
        self._progress = progress
        self._digest = hashlib.sha256()
        self._rendered = 0
        self.count = 0
        """Records handed over so far."""
        self.bytes = 0
        """Bytes handed over so far."""

    @property
    def sha256(self) -> str:
        """Of what was handed over so far, in hexadecimal."""
        return self._digest.hexdigest()

    @property
    def missing(self) -> list[str]:
        """Records that match, or may do so, and could not be read; in words."""
        return list(self._matches.missing)

    def blocks(self) -> Generator[bytes, None, None]:
        """Everything, once. Whoever closes it before its end leaves nothing behind.

        :raises ServerFault: ``export_too_slow`` at the deadline; ``search_busy``,
            ``search_disturbed`` or ``search_too_large`` when records cannot be read
        :raises Unavailable: when there is no room for what waits to be put in order
        """
        try:
            with self._matches, working_folder(self._store) as folder:
                lines = newest_first(self._matches, self._rendering, folder)
                found = self._of_file(lines, folder) if self._kind.whole else self._of_lines(lines)
                for block in found:
                    self._digest.update(block)
                    self.bytes += len(block)
                    yield block
        except OSError as error:
            raise Unavailable(f"the export cannot be prepared: {error}") from error

    def _rendering(self, record: dict[str, Any], timestamp: int) -> bytes:
        self._rendered += 1
        if self._rendered % 512 == 0:
            self._progress(self._rendered)
            self._check_time()
        return self._kind.line(record, timestamp)

    def _of_lines(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        block, count = bytearray(self._kind.head), 0
        for line in lines:
            block += line
            count += 1
            if len(block) >= BLOCK:
                self.count += count
                yield bytes(block)
                self._check_time()
                block, count = bytearray(), 0
        self.count += count
        if block:
            yield bytes(block)

    def _of_file(self, lines: Iterator[bytes], folder: Path) -> Iterator[bytes]:
        path = write_parquet(lines, folder)
        self.count = self._rendered
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block
                self._check_time()

    def _check_time(self) -> None:
        if self._until is not None and time.monotonic() > self._until:
            raise ServerFault(
                "export_too_slow",
                "The export took too long and was cut off. On the server's machine there is no such "
                "limit: strongroom log export",
                status=503,
            )

"""Puts the matches of many sources into the order of time.

A source is in the order of its numbers, which is nearly that of time, from the oldest on. Its matches
are rendered into a file without a name, and their places sorted; then the sources are merged. Only
sources whose times overlap are there at once: two or three, as a rule. What waits needs no memory
beyond its places (32 bytes a record) and the first megabyte of the file.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, Final

from strongroom.audit.query.search import Matches
from strongroom.audit.query.search.protocol import Found
from strongroom.audit.query.search.sources import Source

IN_MEMORY: Final = 2**20
"""Bytes of a source's lines that are kept in memory; more of them go into a file."""

Render = Callable[[dict[str, Any], int], bytes]
Place = tuple[int, str, int]
"""Time, stream and number: what a cursor of the search has, in the order in which it has it."""

_LAST_STREAM: Final = "\U0010ffff"


def newest_first(matches: Matches, render: Render, folder: Path) -> Iterator[bytes]:
    """All matches as lines, in the order in which pages of the search have them.

    :param folder: for files without a name; they are gone when this ends, also by a crash
    :raises ServerFault: as :meth:`Matches.of` does
    :raises OSError: when there is no room in the folder
    """
    waiting, runs = list(matches.sources)[::-1], list[_Run]()
    try:
        while waiting or runs:
            newest = max(runs, key=lambda run: run.head, default=None)
            if waiting and (newest is None or _may_come_first(waiting[-1], newest.head)):
                source = waiting.pop()
                run = _Run(source.stream, matches.of(source), render, folder)
                runs.append(run)
                if not run.left:
                    runs.remove(run)
                    run.close()
                continue
            if newest is None:
                return
            yield from newest.above(_bar(newest, runs, waiting))
            if not newest.left:
                runs.remove(newest)
                newest.close()
    finally:
        for run in runs:
            run.close()


def _may_come_first(source: Source, head: Place) -> bool:
    return source.max_timestamp >= head[0]


def _bar(newest: _Run, runs: Iterable[_Run], waiting: list[Source]) -> Place | None:
    """Up to where nothing else comes in between."""
    heads = [run.head for run in runs if run is not newest]
    if waiting:
        heads.append((waiting[-1].max_timestamp, _LAST_STREAM, 0))
    return max(heads, default=None)


class _Run:
    """The matches of one source, rendered; taken from the newest on."""

    def __init__(
        self, stream: str, batches: Iterable[list[Found]], render: Render, folder: Path
    ) -> None:
        self._stream = stream
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY, dir=str(folder))  # noqa: SIM115  # closed by close()
        try:
            places = sorted(self._written(batches, render))
        except BaseException:
            self._file.close()
            raise
        self._times, self._seqs, self._offsets, self._sizes = (
            array("q", (place[column] for place in places)) for column in range(4)
        )

    def _written(
        self, batches: Iterable[list[Found]], render: Render
    ) -> Iterator[tuple[int, int, int, int]]:
        offset = 0
        for batch in batches:
            for timestamp, record in batch:
                line = render(record, timestamp)
                self._file.write(line)
                yield timestamp, record["seq"], offset, len(line)
                offset += len(line)

    @property
    def left(self) -> int:
        """How many matches were not taken yet."""
        return len(self._times)

    @property
    def head(self) -> Place:
        """Where the next one stands."""
        return self._times[-1], self._stream, self._seqs[-1]

    def above(self, bar: Place | None) -> Iterator[bytes]:
        """Take those that come before the bar; all of them without one."""
        while self._times and (bar is None or self.head > bar):
            self._times.pop()
            self._seqs.pop()
            self._file.seek(self._offsets.pop())
            yield self._file.read(self._sizes.pop())

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

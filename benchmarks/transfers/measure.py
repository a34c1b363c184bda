"""Puts the servers up, lets them take turns, and gathers the rows."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.table import Row
from benchmarks.transfers import clients, large, servers
from benchmarks.transfers.content import GIB, MIB, Source, check_room
from benchmarks.transfers.memory import memory
from benchmarks.transfers.small import small_files


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    :param size: of a large body, in bytes
    :param turns: of each contender
    :param files: small ones
    :param times: the body whose memory is watched is so many times the large one
    """

    size: int
    turns: int
    files: int
    times: int = 5

    @property
    def disk(self) -> int:
        """Bytes on disk at the worst moment: nothing that Strongroom stored is taken away."""
        speed = self.size * 2 * (self.turns + 1)  # PUT and tus, and a round that does not count
        return self.size * 3 + max(speed, self.size * self.times)


WHOLE: Final = Extent(GIB, turns=5, files=10_000)
QUICK: Final = Extent(256 * MIB, turns=2, files=1_000)


def measure(*, quick: bool = False) -> list[Row]:
    """Uploads, downloads, small files, memory.

    Everything is in one temporary folder below ``build/``, on the file system of the sources (a
    folder for temporary files may be in memory, where an fsync costs nothing), and removed again.

    :raises SystemExit: when nginx, copyparty or room on the disk is missing
    """
    extent = QUICK if quick else WHOLE
    servers.BUILD.mkdir(exist_ok=True)
    check_room(servers.BUILD, extent.disk)
    with (
        _ended_in_good_order(),
        tempfile.TemporaryDirectory(dir=servers.BUILD, prefix="transfers-") as name,
    ):
        folder = Path(name)
        (folder / "source").mkdir()
        source = Source(folder / "source" / "source.bin", extent.size)
        return [
            *_speed(folder, source, extent),
            *_small(folder, extent),
            *_memory(folder, source, extent),
        ]


@contextmanager
def _ended_in_good_order() -> Iterator[None]:
    """SIGTERM is like Ctrl-C: no server is left running, and no gigabytes lie about."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _speed(folder: Path, source: Source, extent: Extent) -> list[Row]:
    with _below(folder, "speed") as (below, stack):
        own = stack.enter_context(servers.strongroom(below))
        other = stack.enter_context(servers.copyparty(below))
        nginx = stack.enter_context(servers.nginx(below, source.path.parent))
        sink = stack.enter_context(servers.sink(below))
        tus = clients.speaks_tus(own.port)
        if not tus:
            print("tus is left out: this Strongroom does not offer it", file=sys.stderr)
        return [
            *large.uploads(source, own, other, sink, turns=extent.turns, tus=tus),
            *large.downloads(source, own, nginx, turns=extent.turns * 2),
        ]


def _small(folder: Path, extent: Extent) -> list[Row]:
    with _below(folder, "small") as (below, stack):
        own = stack.enter_context(servers.strongroom(below))
        other = stack.enter_context(servers.copyparty(below))
        return small_files(own, other, extent.files)


def _memory(folder: Path, source: Source, extent: Extent) -> Iterator[Row]:
    """On new servers: what others have left in memory would hide what it takes."""
    warm = Source(folder / "source" / "warm.bin", 16 * MIB)
    for by_tus in (False, True):
        with _below(folder, "memory") as (below, stack):
            own = stack.enter_context(servers.strongroom(below))
            if not by_tus or clients.speaks_tus(own.port):
                yield memory(source, warm, own, extent.times, by_tus=by_tus)


@contextmanager
def _below(folder: Path, name: str) -> Iterator[tuple[Path, ExitStack]]:
    """A folder for one set of servers; they are stopped, and it is removed, at the end."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=f"{name}-") as below, ExitStack() as stack:
        yield Path(below), stack

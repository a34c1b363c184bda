"""What an upload takes of the server's memory, sampled from /proc while it arrives."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from benchmarks.table import Row
from benchmarks.transfers import clients
from benchmarks.transfers.content import MIB, Source, size_text
from benchmarks.transfers.servers import Server

INTERVAL: Final = 0.05
WARM: Final = 6
"""Uploads beforehand, so that each worker process has very likely done all of it once."""

GOAL_MIB: Final = 250
"""Of one process, see the targets."""


def memory(source: Source, warm: Source, server: Server, times: int, *, by_tus: bool) -> Row:
    """One upload of that many times the source, to a server that has stored others before.

    The figure is the peak of all its processes together above what they had before.

    :param warm: small; what is stored before
    """
    name = "tus" if by_tus else "PUT"
    upload = _by_tus if by_tus else _by_put
    for _ in range(WARM):
        warm.renew()
        upload(server, warm, 1)
    source.renew()
    samples = _while(server, lambda: upload(server, source, times))
    early = max(samples.totals[: max(1, len(samples.totals) // 5)])
    return Row(
        f"memory during a {name} of {size_text(source.size * times)}",
        (max(samples.totals) - samples.before) / MIB,
        "MiB",
        f"above before, {(early - samples.before) / MIB:.1f} in its first fifth; goal flat; largest "
        f"process {samples.largest / MIB:.0f} MiB, goal {GOAL_MIB}",
    )


@dataclass
class _Samples:
    before: int
    totals: list[int] = field(default_factory=list)
    largest: int = 0

    def take(self, server: Server) -> None:
        resident = server.resident()
        self.totals.append(sum(resident.values()))
        self.largest = max(self.largest, *resident.values())


def _while(server: Server, act: Callable[[], None]) -> _Samples:
    """Sample until it is done; if it fails, so does this."""
    time.sleep(1)
    samples = _Samples(sum(server.resident().values()))
    failure: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001  # raised again below
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    while thread.is_alive():
        samples.take(server)
        thread.join(INTERVAL)
    samples.take(server)
    if failure:
        raise failure[0]
    return samples


def _by_put(server: Server, source: Source, times: int) -> None:
    path = f"/api/v1/files/{uuid4().hex}.bin"
    clients.send(server.port, "PUT", path, source.path, times=times).expect(201)


def _by_tus(server: Server, source: Source, times: int) -> None:
    clients.send_by_tus(server.port, f"{uuid4().hex}.bin", source.path, times)

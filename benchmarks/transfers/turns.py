"""Contenders take turns, so that whatever else the machine does hits all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.transfers.servers import Server


@dataclass
class Readings:
    """What one contender took, turn by turn."""

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    afterwards: list[float] = field(default_factory=list)
    """Seconds with what was still to be done for the same promise, where that is measured."""

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.seconds)

    @property
    def median_afterwards(self) -> float:
        """Seconds."""
        return statistics.median(self.afterwards)

    @property
    def busy(self) -> str:
        """Processor time of the server, in words; next to no noise of others is in it."""
        return f"{statistics.median(self.processor):.2f} s of processor" if self.processor else ""


def take_turns(
    count: int, contenders: Mapping[str, Callable[[Readings], None]], *, warm: bool = False
) -> dict[str, Readings]:
    """Let each have so many turns; every other round in the opposite order.

    :param warm: begin with a round that does not count: whoever is first after the start, be it of
        a server or of the disk, is slow
    """
    found = {name: Readings() for name in contenders}
    if warm:
        for act in contenders.values():
            act(Readings())
    for number in range(count):
        names = list(contenders)
        for name in names if number % 2 == 0 else reversed(names):
            contenders[name](found[name])
    return found


def timed(readings: Readings, server: Server | None, act: Callable[[], object]) -> None:
    """Note how long it takes, and how much of the processor the server uses for it."""
    before = server.processor_seconds() if server else 0.0
    begun = time.perf_counter()
    act()
    readings.seconds.append(time.perf_counter() - begun)
    if server:
        readings.processor.append(server.processor_seconds() - before)

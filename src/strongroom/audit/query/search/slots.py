"""How many searches run at once, in all processes together.

Each holds one byte of a lock file beside the database; the kernel gives the byte back when its
process ends. Memory and processors are thus bounded for the installation, however many worker
processes there are.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from strongroom.errors import ServerFault, Unavailable

SLOTS: Final = 2
"""Searches at once. Each uses all processors that it may, so more would only need more memory."""

_POLL_SECONDS: Final = 0.004


@dataclass(slots=True)
class _Opened:
    """A lock file as this process has it. Closing it gives all its bytes back, so the last one does."""

    descriptor: int
    pid: int
    taken: set[int]


_opened: Final[dict[Path, _Opened]] = {}
_guard: Final = threading.Lock()
"""A lock on bytes belongs to the process, so what its threads hold is told apart in there."""

os.register_at_fork(
    before=_guard.acquire, after_in_parent=_guard.release, after_in_child=_guard.release
)


class Slots:
    """The places to search in, of one installation. Thread-safe; survives ``fork``.

    :param path: of the lock file, which is created
    """

    def __init__(self, path: Path, count: int = SLOTS) -> None:
        self._path = path.absolute()
        self._count = count

    @contextmanager
    def held(self, seconds: float) -> Iterator[None]:
        """Hold a place for the length of the block.

        :param seconds: to wait for one, at most
        :raises ServerFault: ``search_busy``
        :raises Unavailable: when the lock file cannot be opened
        """
        slot = self._wait(time.monotonic() + seconds)
        try:
            yield
        finally:
            self._give_back(slot)

    def _wait(self, until: float) -> int:
        """First pass the turnstile: whoever has just given a place back queues behind those who wait."""
        self._poll([self._count], until)
        try:
            return self._poll(range(self._count), until)
        finally:
            self._give_back(self._count)

    def _poll(self, wanted: Sequence[int], until: float) -> int:
        while (slot := self._take(wanted)) is None:
            if time.monotonic() >= until:
                raise ServerFault(
                    "search_busy",
                    "Too many searches run at this moment. Try again in a few seconds.",
                    status=503,
                )
            time.sleep(_POLL_SECONDS)
        return slot

    def _take(self, wanted: Sequence[int]) -> int | None:
        with _guard:
            here = self._here()
            for slot in wanted:
                if slot not in here.taken and _locked(here.descriptor, slot):
                    here.taken.add(slot)
                    return slot
            self._let_go(here)
        return None

    def _give_back(self, slot: int) -> None:
        with _guard:
            here = self._here()
            if slot in here.taken:
                fcntl.lockf(here.descriptor, fcntl.LOCK_UN, 1, slot)
                here.taken.discard(slot)
            self._let_go(here)

    def _let_go(self, here: _Opened) -> None:
        """Close the file while nobody here holds anything of it."""
        if not here.taken:
            os.close(here.descriptor)
            del _opened[self._path]

    def _here(self) -> _Opened:
        known = _opened.get(self._path)
        if known is None or known.pid != os.getpid():
            if known is not None:
                os.close(known.descriptor)  # the parent's, which keeps its bytes
            try:
                descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise Unavailable(f"no place to search in: {error}") from error
            known = _opened[self._path] = _Opened(descriptor, os.getpid(), set())
        return known


def _locked(descriptor: int, slot: int) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, slot)
    except OSError:
        return False
    return True

"""SHA-256 of what arrives, computed beside its writing once there is much of it.

``hashlib`` lets other threads run while it hashes more than 2,047 bytes, and so does the kernel while
it receives and writes: one processor hashes what the other has already taken on to the disk.
"""

from __future__ import annotations

import os
from queue import Queue
from threading import BoundedSemaphore, Thread
from typing import Final, Protocol

BESIDE_BYTES: Final = 4 * 1024 * 1024
"""What is smaller is hashed before a thread would have begun."""

BATCH_BYTES: Final = 512 * 1024
"""What is handed over at once: each time both threads stop for one another."""

QUEUED_BATCHES: Final = 4
"""How many of them may wait to be hashed; whoever is faster than the hash waits."""


class Digest(Protocol):
    """A hash object, or something around one."""

    def update(self, data: bytes, /) -> object:
        """Add bytes."""


class HashThreads:
    """How many threads of a process may hash beside others. Thread-safe.

    More than there are processors would only take turns: whoever gets none hashes by itself.

    :param most: of them; as many as there are processors unless it is given
    """

    def __init__(self, most: int | None = None) -> None:
        self._free = BoundedSemaphore(most or os.cpu_count() or 1)

    def take(self) -> bool:
        """Whether one more may begin; whoever is told so gives it back."""
        return self._free.acquire(blocking=False)

    def give_back(self) -> None:
        """It has ended."""
        self._free.release()


class Hashing:
    """Keeps hash objects up to date with what is written. Used by one thread.

    Until :meth:`wait` has returned, the hash objects belong to it. Whoever begins one has to call
    :meth:`wait` or :meth:`abandon` in the end, or a thread would wait for more for ever.

    :param digests: each is given every byte
    """

    def __init__(self, threads: HashThreads, *digests: Digest) -> None:
        self._threads = threads
        self._digests = digests
        self._until_beside = BESIDE_BYTES
        self._beside: _Beside | None = None

    def update(self, data: bytes) -> None:
        """Add bytes; they may be hashed after it has returned, and must not change."""
        if self._beside is not None:
            self._beside.add(data)
            return
        for digest in self._digests:
            digest.update(data)
        self._until_beside -= len(data)
        if self._until_beside <= 0 and self._digests:
            self._until_beside = BESIDE_BYTES  # where none is free now, ask later
            self._beside = _Beside.begin(self._digests, self._threads)

    def end(self) -> None:
        """Nothing will be added any more; does not wait. May be repeated."""
        if self._beside is not None:
            self._beside.end()

    def wait(self) -> None:
        """Nothing will be added any more: return once everything is hashed. May be repeated.

        :raises RuntimeError: the hash could not be computed
        """
        if self._beside is not None:
            self._beside.end()
            self._beside.wait()

    def abandon(self) -> None:
        """The hash is not wanted any more; no thread is left behind. May be repeated."""
        if self._beside is not None:
            self._beside.abandon()


class _Beside:
    """A thread that hashes."""

    def __init__(self, digests: tuple[Digest, ...], threads: HashThreads) -> None:
        self._digests = digests
        self._threads = threads
        self._queue: Queue[list[bytes] | None] = Queue(QUEUED_BATCHES)
        self._batch: list[bytes] = []
        self._batch_bytes = 0
        self._ended = False
        self._abandoned = False
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, name="hashing", daemon=True)

    @classmethod
    def begin(cls, digests: tuple[Digest, ...], threads: HashThreads) -> _Beside | None:
        """Begin one; None where there is none to be had."""
        if not threads.take():
            return None
        beside = cls(digests, threads)
        try:
            beside._thread.start()
        except RuntimeError:  # the system has no more threads to give
            threads.give_back()
            return None
        return beside

    def add(self, data: bytes) -> None:
        if self._ended:
            raise AssertionError("something was added after the end")
        self._batch.append(data)
        self._batch_bytes += len(data)
        if self._batch_bytes >= BATCH_BYTES:
            self._hand_over()

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            self._hand_over()
            self._queue.put(None)

    def wait(self) -> None:
        self._thread.join()
        if self._error is not None:
            raise RuntimeError("what arrived could not be hashed") from self._error

    def abandon(self) -> None:
        self._abandoned = True
        self.end()
        self._thread.join()  # at once: what is queued is thrown away

    def _hand_over(self) -> None:
        self._queue.put(self._batch)
        self._batch, self._batch_bytes = [], 0

    def _run(self) -> None:
        try:
            while (batch := self._queue.get()) is not None:
                if self._error is None and not self._abandoned:
                    self._hash(batch)
        finally:
            self._threads.give_back()

    def _hash(self, batch: list[bytes]) -> None:
        try:
            for piece in batch:
                for digest in self._digests:
                    digest.update(piece)
        except BaseException as error:  # noqa: BLE001  # told to whoever waits; the queue goes on
            self._error = error

"""The protocol of an object store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Protocol

from strongroom.errors import StrongroomError


class Incoming(Protocol):
    """An object that is still arriving; invisible until it is published.

    A context manager: leaving it without :meth:`publish` discards what was written.
    """

    def write(self, data: bytes) -> int:
        """Append bytes.

        :raises OSError: when they cannot be stored, such as on a full disk
        """

    def finish(self) -> None:
        """Nothing more will be written: put it on disk and hold no descriptor any longer.

        :raises OSError: when it cannot be stored
        """

    def publish(self, key: str) -> None:
        """Make the object readable under this key, replacing one of the same key.

        When it returns, the object survives ``kill -9`` and power loss.

        :raises OSError: when it cannot be stored, or not durably; it may be visible then
        """

    def discard(self) -> None:
        """Remove what was written. Does nothing once published."""

    def __enter__(self) -> Incoming: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Overtaken(StrongroomError):
    """Another writer has gone on with a resumable object, or it is whole: write no more of it.

    :param size: bytes there are of it
    """

    def __init__(self, size: int) -> None:
        super().__init__(f"another writer goes on with the object, which has {size} bytes")
        self.size = size


@dataclass(frozen=True, slots=True)
class Arrived:
    """What there is of a resumable object.

    :param size: bytes that a writer may go on after. Left out are those that a power cut may have
        turned into zeros, and those that somebody would yet have to verify
    :param token: of the last writer; as long as it is the same, nobody else has written
    :param orderly: whether that writer has finished; else it writes still, or was cut off
    :param whole: whether nothing will be added any more
    :param published: the key under which it was to be published; None before
    """

    size: int
    token: str
    orderly: bool
    whole: bool
    published: str | None


class ResumableWriter(Protocol):
    """Goes on with a resumable object. Used by one thread; many may try, one of them writes.

    :ivar before: what there was when it took over
    """

    before: Arrived

    @property
    def token(self) -> str:
        """Names this writer; see :class:`Arrived`."""

    def write(self, data: bytes) -> int:
        """Append bytes: all of them, or none.

        :raises Overtaken: another writer has begun
        :raises FileNotFoundError: when it was discarded
        :raises OSError: when they cannot be stored, such as on a full disk
        """

    def finish(self, *, orderly: bool = True, keep: bool = True, whole: bool = False) -> int:
        """Put on disk what this writer has written, and write no more; returns the object's size.

        When it returns, the bytes survive ``kill -9`` and power loss; with ``whole`` only those of
        the object do, and not yet that there is one: it is to be published next.

        :param orderly: False when the sender was cut off
        :param keep: False to take back everything that this writer has written
        :param whole: nothing is to be added any more
        :raises Overtaken: another writer has begun, and has what was written so far
        :raises FileNotFoundError: when it was discarded
        :raises OSError: when it cannot be stored
        """

    def close(self) -> None:
        """Hold no descriptor any longer. Does nothing the second time."""


class Resumable(Protocol):
    """An object that arrives in pieces, over several requests, processes and restarts.

    Thread-safe, also between processes. There is no lock that a stalled writer could hold: whoever
    takes over keeps the one before from writing anything more.
    """

    def arrived(self) -> Arrived:
        """What there is of it.

        :raises FileNotFoundError: when it was discarded
        """

    def written_at(self) -> float | None:
        """When it was written last, in seconds since 1970; None when it was discarded."""

    def take_over(self, offset: int, *, unverified: bool = False) -> ResumableWriter:
        """Become its one writer. The one before gets :class:`Overtaken` from then on.

        :param offset: the size that the caller believes it to have
        :param unverified: none of what is written counts before the writer finishes
        :raises Overtaken: it has another size, or is whole; nobody was overtaken then
        :raises FileNotFoundError: when it was discarded
        """

    def seal(self, size: int) -> None:
        """Put it on disk as a whole: nothing will be added any more. May be repeated.

        :raises Overtaken: it has another size
        :raises FileNotFoundError: when it was discarded
        :raises OSError: when it cannot be stored
        """

    def open(self) -> BinaryIO:
        """Its bytes as an unbuffered, seekable stream; the caller closes it.

        :raises FileNotFoundError: when there are none: discarded, or published and nowhere else
        """

    def publish(self, key: str) -> None:
        """Make the whole object readable under this key, replacing one of the same key.

        When it returns, that survives ``kill -9`` and power loss. The resumable stays, so that this
        may be repeated; it must be whole, and must be discarded in the end.

        :raises FileNotFoundError: when it was discarded
        :raises OSError: when it cannot be stored, or not durably; it may be visible then
        """

    def discard(self) -> None:
        """Remove it; whoever writes it is stopped. Objects that it was published as stay."""


class ObjectStore(Protocol):
    """Immutable objects by key. Keys are ``/``-separated names that we choose. Thread-safe."""

    def receive(self) -> Incoming:
        """Begin a new object.

        :raises OSError: when there is no place for it
        """

    def open(self, key: str) -> BinaryIO:
        """The object as an unbuffered, seekable stream; the caller closes it.

        :raises FileNotFoundError: when there is no such object
        """

    def size(self, key: str) -> int | None:
        """The object's size in bytes; None when there is no such object."""

    def stamp(self, key: str) -> str | None:
        """What changes whenever the object is published, and by nothing else that we do.

        None when there is no such object. A copy of the store that keeps its times has it too.
        """

    def remove(self, key: str, published_before: float) -> bool:
        """Remove the object, unless it was published again since; whether it was removed.

        Whoever publishes at the same time is not disturbed: their object is there afterwards.
        Those who read it may go on. Not durable: power loss may bring the object back.

        :param published_before: seconds since 1970-01-01 UTC; what is younger stays
        :raises OSError: when it cannot be removed
        """

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys below a prefix that ends in ``/``, in no particular order."""

    def leftovers(self) -> int:
        """How many objects began to arrive and neither were published nor discarded."""

    def clear_leftovers(self) -> int:
        """Remove those; only while nobody is writing. Returns how many."""

    def resumable(self, upload_id: str) -> Resumable:
        """A resumable object; there need not be one.

        :param upload_id: a UUID in lower case that we chose
        """

    def begin(self, upload_id: str) -> Resumable:
        """A resumable object of which nothing has arrived.

        That there is one survives ``kill -9``; power loss only once a writer has finished.

        :raises FileExistsError: when there is one already
        :raises OSError: when there is no place for it
        """

    def resumables(self) -> Iterator[tuple[str, float]]:
        """All resumable objects: id, and when it was written last, in seconds since 1970."""

    def free(self) -> int | None:
        """Bytes for which there is room; None where nobody can tell."""

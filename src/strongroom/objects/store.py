"""The protocol of an object store."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO, Protocol


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

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys below a prefix that ends in ``/``, in no particular order."""

    def leftovers(self) -> int:
        """How many objects began to arrive and neither were published nor discarded."""

    def clear_leftovers(self) -> int:
        """Remove those; only while nobody is writing. Returns how many."""

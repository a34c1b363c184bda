"""What a place holds before it gets a new copy, and whether the ledger goes on from it."""

from __future__ import annotations

import threading
from typing import Final

from strongroom.audit.ledger.keys import known_keys
from strongroom.audit.ledger.tiles import tile_reader, tiled_size
from strongroom.audit.merkle import (
    Checkpoint,
    CompactRange,
    Malformed,
    SignedNote,
    Unproven,
    verify_checkpoint,
)
from strongroom.store import Store

CONTRADICTED: Final = "that this ledger does not continue"
"""In every error that says so, and in no other."""


class Taken(Exception):  # may be no error
    """What the place holds must not be replaced.

    :param size: records that it covers, as far as this ledger continues it
    :param error: why that is wrong; None when it is right, and newer than what was to be copied
    """

    def __init__(self, size: int | None, error: str | None) -> None:
        super().__init__(error)
        self.size = size
        self.error = error


class Prior:
    """Compares what one place holds with the ledger, as it is at that moment. Thread-safe.

    With the moment's tree, and not with the checkpoint that is to be copied: a slow attempt may find
    a newer one there that another has brought meanwhile.

    :param size: of the checkpoint that is to be copied
    """

    def __init__(self, store: Store, size: int) -> None:
        self._store = store
        self._size = size
        self._given_up = threading.Event()

    @property
    def is_given_up(self) -> bool:
        """Whether nobody waits for the attempt any more."""
        return self._given_up.is_set()

    def give_up(self) -> None:
        """Let the attempt change nothing any more, once its answer comes."""
        self._given_up.set()

    def allow(self, content: bytes | None) -> None:
        """Whether the place may get a new checkpoint instead of this.

        :param content: what it holds; None for nothing. What is no signed checkpoint may go
        :raises Taken: when it may not
        :raises Corrupt: when the ledger's tiles or keys are damaged
        :raises TimeoutError: when the attempt was given up
        """
        if self._given_up.is_set():
            raise TimeoutError("the answer came too late")
        if content is None:
            return
        try:
            note = SignedNote.parse(content)
            Checkpoint.parse(note.text)
        except Malformed:
            return
        with self._store.read() as connection:
            keys = [known.verifier for known in known_keys(connection)]
            size = tiled_size(connection)
            try:
                head = verify_checkpoint(note, keys)
            except (Unproven, ValueError) as error:  # the latter of two keys with one id
                raise Taken(
                    None,
                    f"holds a checkpoint that no key of this ledger has signed: {error}. "
                    "Take it away if it is of another ledger",
                ) from None
            read = tile_reader(connection, size)
            if head.size > size or CompactRange.read(head.size, read).root() != head.root:
                raise Taken(None, f"holds a checkpoint of {head.size:,} records {CONTRADICTED}")
        if head.size > self._size:
            raise Taken(head.size, None)

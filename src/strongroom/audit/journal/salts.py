"""Random salts, drawn from the kernel many at a time: asking it costs more than hashing."""

from __future__ import annotations

import os
import threading
from typing import Final

SALT_SIZE: Final = 16
_DRAWN: Final = 256
"""Salts drawn at once, by each thread."""


class _Drawn(threading.local):
    """What a thread has drawn and not used yet."""

    left: list[bytes]
    generation: object

    def __init__(self) -> None:
        self.left = []
        self.generation = None


_drawn = _Drawn()
_generation: object = object()


def _forked() -> None:
    """The parent uses what was drawn; the child must draw its own."""
    global _generation  # noqa: PLW0603  # one for the process, whoever forks
    _generation = object()


os.register_at_fork(after_in_child=_forked)


def new_salt() -> bytes:
    """16 bytes that nobody can guess, never given out before. Thread-safe; fork-safe."""
    mine = _drawn
    if mine.generation is not _generation:
        mine.generation, mine.left = _generation, []
    if not mine.left:
        pool = os.urandom(_DRAWN * SALT_SIZE)
        mine.left = [pool[at : at + SALT_SIZE] for at in range(0, len(pool), SALT_SIZE)]
    return mine.left.pop()

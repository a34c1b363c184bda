"""``fork`` and SQLite: a connection must not live in two processes.

SQLite keeps the locks that it holds in the memory of its process. A child that inherits an open
connection believes that it holds the parent's locks, and the two lose each other's commits
(https://sqlite.org/howtocorrupt.html, section 2.6). So every store is closed before a fork and
opens again, in parent and child, on first use.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Final, Protocol


class Forkable(Protocol):
    """Something that must be closed before its process forks."""

    def close_for_fork(self) -> None:
        """Close all connections; commit what is queued."""

    def forked(self) -> None:
        """This is the child: forget what the parent has still to do."""


class ForkGate:
    """Lets users of a store in, and keeps them out while the process forks. Thread-safe."""

    def __init__(self, owner: Forkable) -> None:
        self._owner = weakref.ref(owner)
        self._changed = threading.Condition(threading.RLock())
        self._inside: dict[int, int] = {}
        """How deep each thread is inside."""
        self._shutting = False
        _gates.add(self)

    def __enter__(self) -> None:
        """For the length of the block no fork happens, except by this very thread."""
        me = threading.get_ident()
        with self._changed:
            while self._shutting and me not in self._inside:
                self._changed.wait()
            self._inside[me] = self._inside.get(me, 0) + 1

    def __exit__(self, *_: object) -> None:
        """Let a fork happen once nobody is inside any more."""
        me = threading.get_ident()
        with self._changed:
            left = self._inside.pop(me) - 1
            if left:
                self._inside[me] = left
            else:
                self._changed.notify_all()

    def shut(self) -> None:
        """Wait until nobody else is inside, close the owner, let nobody in."""
        self._changed.acquire()
        self._shutting = True
        me = threading.get_ident()
        while self._inside.keys() - {me}:
            self._changed.wait()
        if (owner := self._owner()) is not None:
            owner.close_for_fork()

    def open(self) -> None:
        """Let users in again."""
        self._shutting = False
        self._changed.notify_all()
        self._changed.release()

    def open_in_child(self) -> None:
        """The same in the child, where no other thread exists."""
        self._inside = {
            me: depth for me in [threading.get_ident()] if (depth := self._inside.get(me))
        }
        if (owner := self._owner()) is not None:
            owner.forked()
        self._shutting = False
        self._changed.release()


_gates: Final[weakref.WeakSet[ForkGate]] = weakref.WeakSet()
_shut: list[ForkGate] = []


def _before() -> None:
    for gate in list(_gates):
        gate.shut()
        _shut.append(gate)


def _after_in_parent() -> None:
    while _shut:
        _shut.pop().open()


def _after_in_child() -> None:
    while _shut:
        _shut.pop().open_in_child()


os.register_at_fork(
    before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
)

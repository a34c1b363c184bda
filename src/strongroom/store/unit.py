"""A unit of work: one function whose changes and audit records commit together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection

UnitOfWork = Callable[[Connection], Any]
"""Runs on the writer's thread, inside a SAVEPOINT, with the caller's context variables.

It must be short and touch nothing but the database: while it runs, nobody else can write.
"""


SharedWork = Callable[[Connection, Sequence[Any]], None]
"""Runs on the writer's thread, once in a transaction, for everybody's items at a time.

It cannot fail without failing the whole transaction.
"""


class Participant(Protocol):
    """Takes part in every write transaction of a store; the journal is one.

    All methods run on the writer's thread, between BEGIN IMMEDIATE and COMMIT unless they say
    otherwise. An exception from any of them rolls the whole transaction back.
    """

    def begin(self, connection: Connection) -> None:
        """A transaction has begun; other processes may have committed since the last one."""

    def unit_begins(self, connection: Connection) -> None:
        """A SAVEPOINT is about to be set. In the unit's context."""

    def unit_ends(self, connection: Connection) -> None:
        """The unit returned, its SAVEPOINT is not yet released. In the unit's context."""

    def unit_failed(self) -> None:
        """The unit raised and its SAVEPOINT was rolled back."""

    def before_commit(self, connection: Connection) -> None:
        """The last chance to write."""

    def committed(self) -> None:
        """The transaction is on disk. Outside the transaction."""

    def acknowledged(self, context: Context) -> None:
        """A unit that ran in this context is on disk. On its caller's thread."""

    def forked(self) -> None:
        """The process is a child now: what was queued is the parent's to write."""

    def rolled_back(self, error: BaseException) -> None:
        """Nothing of the transaction exists. Outside the transaction."""


class Promise:
    """What became of a unit, for the one thread that waits for it.

    A :class:`concurrent.futures.Future` does more, and costs a tenth of an append.
    """

    __slots__ = ("_error", "_resolved", "_value")

    def __init__(self) -> None:
        self._resolved = threading.Lock()
        self._resolved.acquire()
        self._value: Any = None
        self._error: BaseException | None = None

    def resolve(self, value: Any, error: BaseException | None = None) -> None:
        """Say how it ended; once."""
        self._value, self._error = value, error
        self._resolved.release()

    def result(self) -> Any:
        """Wait for the end; the value, or the exception raised. Once."""
        self._resolved.acquire()
        if self._error is not None:
            raise self._error
        return self._value


@dataclass(slots=True)
class Pending:
    """A unit that waits for its turn, and the promise that its caller waits on."""

    work: UnitOfWork
    context: Context = field(default_factory=copy_context)
    done: Promise = field(default_factory=Promise)


@dataclass(slots=True)
class Share:
    """One caller's item of a work that is done for all of them together."""

    work: SharedWork
    item: Any
    done: Promise = field(default_factory=Promise)

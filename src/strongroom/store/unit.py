"""A unit of work: one function whose changes and audit records commit together."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection

UnitOfWork = Callable[[Connection], Any]
"""Runs on the writer's thread, inside a SAVEPOINT, with the caller's context variables.

It must be short and touch nothing but the database: while it runs, nobody else can write.
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


@dataclass(slots=True)
class Pending:
    """A unit that waits for its turn, and the promise that its caller waits on."""

    work: UnitOfWork
    context: Context = field(default_factory=copy_context)
    done: Future[Any] = field(default_factory=Future)
    savepoint: bool = True
    """Off for work that cannot fail without failing the transaction (a bare append)."""

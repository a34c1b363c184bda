"""What a check is: it sees every record of the audit stream once, and then gives its verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from sqlalchemy import Connection

from strongroom.audit.ledger.verify.report import Verdict
from strongroom.audit.ledger.verify.rows import Block


class Check(Protocol):
    """One kind of check, or several that share their work. For one verification, in one thread.

    A failure never ends it: it is noted, and the check goes on as far as it can. An
    :class:`~strongroom.audit.ledger.verify.rows.Unreadable` that it lets through counts as its
    failure.
    """

    @property
    def names(self) -> Sequence[str]:
        """Of its verdicts."""

    def begin(self, connection: Connection) -> None:
        """Look at what is no record.

        :param connection: in the one state of the database that all checks see; to read from
        """

    def see(self, block: Block) -> None:
        """Look at the next records of the audit stream."""

    def verdicts(self) -> Sequence[Verdict]:
        """What it came to, after the last record."""


@runtime_checkable
class LooksAgain(Protocol):
    """A check of what columns and parts say: most sealed records are proven by comparing bytes, the
    others it sees once more, all columns of them."""

    def see_again(self, block: Block) -> None:
        """Look at these; they were counted when they came first."""

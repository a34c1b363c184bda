"""A check of every record by itself, as quick as whole columns can be compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection

from strongroom.audit.ledger.verify.report import Tally, Verdict
from strongroom.audit.ledger.verify.rows import Block, Proven

Reason = str | None
"""Why a record fails; None when it does not."""


class EachRecord:
    """A check of every record by itself: whole columns first, then one by one where they differ.

    :param holds: whether all records of a block hold; quick, and may raise what a damaged value
        makes it raise
    :param why: why the record at this place of the block fails; it has the last word
    """

    def __init__(
        self,
        tally: Tally,
        holds: Callable[[Block], bool],
        why: Callable[[Block, int], Reason],
    ) -> None:
        self.names = [tally.name]
        self.tally = tally
        self._holds = holds
        self._why = why

    def begin(self, connection: Connection) -> None:
        """Nothing to look at before the records."""

    def see(self, block: Block) -> None:
        """Look at these."""
        with self.tally as tally:
            seen = tally.count
            tally.count += len(block)
            if block.proven is Proven.NOTHING:
                self._look(block, seen)

    def see_again(self, block: Block) -> None:
        """Look at these, which were counted before."""
        with self.tally:
            self._look(block, 0)

    def _look(self, block: Block, seen: int) -> None:
        try:
            if self._holds(block):
                return
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
            pass  # some value is not what it should be; found below
        for place in range(len(block)):
            reason = self._why(block, place)
            if reason is not None:
                self.tally.fail(reason, first_seq(block.seqs[place], seen + place))
                return

    def verdicts(self) -> Sequence[Verdict]:
        """What it came to."""
        return [self.tally.verdict()]


def first_seq(value: Any, otherwise: int) -> int:
    """The sequence number of a row, or where it stands when that is no number."""
    return value if type(value) is int else otherwise

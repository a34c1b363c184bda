"""Values and how often they were seen: which are the most frequent, and whether that is certain."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from strongroom.audit.archive.columns import address_text
from strongroom.audit.query.search.engine import Row
from strongroom.audit.query.search.totals import Cells

TOLD: Final = 20_000
"""Values that a batch tells; what is rarer in it is left out."""


@dataclass(slots=True)
class Tally:
    """Values and how often they were seen, where the rarest may have been left out.

    :param cut: for each batch that left some out: how often these were in it at most, and those that
        it told
    """

    total: Cells = field(default_factory=Counter)
    cut: list[tuple[int, frozenset[str]]] = field(default_factory=list)
    whole: bool = True

    def add(self, rows: Sequence[Row]) -> None:
        """Add what one batch tells, the most frequent first."""
        told = [(as_told(value), int(number)) for value, number in rows]
        for value, number in told:
            self.total[value] += number
        if len(told) >= TOLD:
            self.cut.append((told[-1][1], frozenset(value for value, _ in told)))

    def joined(self, other: Tally) -> Tally:
        """With what another one has; both stay as they are."""
        total = Counter(self.total)
        total.update(other.total)
        return Tally(total, [*self.cut, *other.cut], self.whole and other.whole)

    def first(self, limit: int, prefix: str) -> tuple[list[tuple[str, int]], bool]:
        """The most frequent values that begin so, and whether these are they for certain, with all
        of their records counted."""
        beginning = prefix.lower()
        found = [one for one in self.total.items() if one[0].lower().startswith(beginning)]
        shown = heapq.nsmallest(limit, found, key=lambda one: (-one[1], one[0]))
        return shown, self.whole and (not self.cut or self._are_first(shown, limit, found))

    def _are_first(
        self, shown: list[tuple[str, int]], limit: int, found: list[tuple[str, int]]
    ) -> bool:
        """Whether nothing that was left out could change what is shown."""
        unseen = sum(most for most, _ in self.cut)
        exact = frozenset.intersection(*(told for _, told in self.cut))
        if len(shown) < limit or not all(value in exact for value, _ in shown):
            return False
        least = shown[-1][1]
        return unseen < least and all(
            number + unseen < least for value, number in found if value not in exact
        )


def shortened(tally: Tally) -> Tally:
    """The most frequent values only."""
    best = tally.total.most_common(TOLD)
    most = best[-1][1] + sum(number for number, _ in tally.cut)
    shown = frozenset(value for value, _ in best)
    certain = shown.intersection(*(told for _, told in tally.cut))
    return Tally(Counter(dict(best)), [(most, certain)])


def as_told(value: Any) -> str:
    """A value as a query has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return address_text(value) if len(value) == 16 else value.decode("utf-8", "replace")
    return str(value)

"""What vouches for the ledger now: the newest checkpoint, and who else holds a copy of one.

A signature alone shows nothing against whoever holds the key. So every place that shows evidence
says this too: where a copy of a checkpoint is held, and how old it is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from strongroom.audit.ledger.copies import Copies, Copy
from strongroom.audit.ledger.ledger import Ledger, Signed
from strongroom.audit.ledger.places import shown
from strongroom.audit.ledger.verdict import read_verdict
from strongroom.errors import Corrupt
from strongroom.store import Store

ALONE: Final = "signed by this machine only"
"""Said wherever no copy of a checkpoint is held elsewhere."""

SEAL_PLACE: Final = 40
"""Characters of a place's name that a page's heading has room for."""

_UNITS: Final = ((86_400, "day"), (3_600, "h"), (60, "min"), (1, "s"))
_SECOND: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Assurance:
    """The ledger's standing at one moment. Immutable.

    :param newest: the newest checkpoint; None while nothing is signed
    :param copies: what the places that are set hold, or why they hold nothing
    :param now: the moment, in microseconds since 1970-01-01 UTC
    :param failure: why the evidence is in danger; None when nothing is known against it
    :param here: the places among them that are on this machine, and so show nothing against it
    """

    newest: Signed | None
    copies: Sequence[Copy]
    now: int
    failure: str | None = None
    here: frozenset[str] = frozenset()

    @classmethod
    def load(cls, store: Store, places: Sequence[str] = ()) -> Assurance:
        """Read it from the database. Never raises for a damaged ledger: that is its finding.

        :param places: that are set to get copies; what the database says of others does not count
        :raises SettingsError: when one of them is no place
        """
        copies = Copies(store, places).held()
        here = frozenset(shown(place) for place in places if on_this_machine(store, place))
        now = time.time_ns() // 1000
        try:
            newest = Ledger(store).newest()
        except Corrupt as error:
            return cls(None, copies, now, str(error), here)
        verdict = read_verdict(store)
        return cls(newest, copies, now, None if verdict is None else verdict.failure, here)

    @property
    def elsewhere(self) -> Sequence[Copy]:
        """What places off this machine hold."""
        return [
            copy for copy in self.copies if copy.size is not None and copy.place not in self.here
        ]

    @property
    def size(self) -> int:
        """Records that the newest checkpoint covers."""
        return 0 if self.newest is None else self.newest.size

    @property
    def signed(self) -> str:
        """Of what, and when: ``checkpoint of 12,400 records signed 3 s ago``."""
        if self.newest is None:
            return "nothing is signed yet"
        age = self.age(self.newest.signed_at)
        return f"checkpoint of {counted(self.newest.size, 'record')} signed {age} ago"

    def age(self, moment: int) -> str:
        """How long ago that was, in the largest unit: ``3 s``, ``2 min``, ``5 h``, ``1 day``."""
        seconds = max(self.now - moment, 0) // _SECOND
        for length, unit in _UNITS:
            if seconds >= length:
                count = seconds // length
                return f"{count:,} {unit}{'s' if unit == 'day' and count > 1 else ''}"
        return "0 s"

    def held(self, seq: int | None = None, *, longest: int | None = None) -> str:
        """Who else holds a checkpoint: ``copy held at backup.example, 2 min old``.

        :param seq: of a record that the copy must cover to count; without it any copy does
        :param longest: of the place's name so many characters, from its end
        """
        least = 1 if seq is None else seq + 1
        held = [copy for copy in self.elsewhere if (copy.size or 0) >= least]
        if not held and seq is not None and self.elsewhere:
            return f"{ALONE}; the copies held elsewhere are older than this record"
        if not held:
            return f"{ALONE}; its copies are on this machine too" if self.here else ALONE
        held.sort(key=lambda copy: copy.copied_at or 0, reverse=True)
        first = held[0]
        place = first.place
        if longest is not None and len(place) > longest:
            place = f"…{place[1 - longest :]}"
        told = f"copy held at {place}, {self.age(first.copied_at or 0)} old"
        return told if len(held) == 1 else f"{told}, and at {counted(len(held) - 1, 'more place')}"

    @property
    def standing(self) -> str:
        """``held`` by others too, signed ``alone``, ``none`` of it signed yet, or ``wrong``."""
        if self.failure is not None:
            return "wrong"
        if self.newest is None:
            return "none"
        return "held" if self.elsewhere else "alone"

    @property
    def trouble(self) -> Sequence[str]:
        """The places that did not take the latest copy, and why."""
        return [f"{copy.place}: {copy.error}" for copy in self.copies if copy.error is not None]

    @property
    def seal(self) -> str:
        """All of it in the few words of a page's heading."""
        if self.failure is not None:
            return "the evidence does not hold: verify it"
        if self.newest is None:
            return "nothing is sealed yet"
        return f"{counted(self.newest.size, 'record')} sealed · {self.held(longest=SEAL_PLACE)}"

    @property
    def sentence(self) -> str:
        """All of it in one line, for the command line."""
        told = [f"{self.signed} · {self.held()}" if self.newest else self.signed]
        told += [f"not copied to {trouble}" for trouble in self.trouble]
        if self.failure is not None:
            told.append(f"the evidence does not hold: {self.failure}")
        return "\n".join(told)


def on_this_machine(store: Store, place: str) -> bool:
    """Whether a place for copies is a folder inside the one of this database.

    Whoever can alter the database can alter that too.
    """
    if "://" in place:
        return False
    return Path(place).expanduser().resolve().is_relative_to(store.path.parent.resolve())


def counted(count: int, noun: str) -> str:
    """``1 record``, ``12,400 records``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def moment_text(moment: int) -> str:
    """Microseconds since 1970-01-01 UTC as a time of RFC 3339."""
    seconds, rest = divmod(moment, _SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06}Z"

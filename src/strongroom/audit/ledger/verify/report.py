"""What a verification came to: a verdict for each kind of check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from time import perf_counter
from types import TracebackType
from typing import Any, Final

from strongroom.audit.merkle import VerifierKey

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = 253_402_300_799 * 10**6
"""Microseconds until the end of the year 9999; what is stored may be anything."""


class State(StrEnum):
    """What a check came to."""

    HOLDS = "holds"
    FAILS = "fails"
    NOT_APPLICABLE = "not applicable"
    """There was nothing of the kind to look at; the reason says why."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one kind of check came to.

    :param covers: one line that claims no more than was looked at
    :param count: things examined
    :param seq: the first record that fails, where a record can be named
    :param reason: of the first failure, or why there was nothing to look at
    :param seconds: that the check took
    """

    name: str
    covers: str
    state: State
    count: int
    seq: int | None = None
    reason: str | None = None
    seconds: float = 0.0


class Tally:
    """Counts what a check looks at, and keeps the first failure. A context manager that takes time."""

    def __init__(self, name: str, covers: str) -> None:
        self.name = name
        self.covers = covers
        self.count = 0
        self.failed = False
        self._first: tuple[int | None, str] = None, ""
        self._seconds = 0.0
        self._begun = 0.0

    def fail(self, reason: str, seq: int | None = None) -> None:
        """Note a failure; of several the one of the first record counts, where one can be named."""
        mine = self._first[0]
        if not self.failed or (seq is not None and (mine is None or seq < mine)):
            self.failed = True
            self._first = seq, reason

    def verdict(self, *, nothing: str | None = None) -> Verdict:
        """The verdict.

        :param nothing: why there was nothing to look at, if so
        """
        if self.failed:
            state, (seq, reason) = State.FAILS, self._first
            return self._made(state, seq, reason)
        if nothing is not None:
            return self._made(State.NOT_APPLICABLE, None, nothing)
        return self._made(State.HOLDS, None, None)

    def _made(self, state: State, seq: int | None, reason: str | None) -> Verdict:
        return Verdict(self.name, self.covers, state, self.count, seq, reason, self._seconds)

    def __enter__(self) -> Tally:
        self._begun = perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._seconds += perf_counter() - self._begun


@dataclass(frozen=True, slots=True)
class HeldCopy:
    """A place that has taken a checkpoint, as this machine noted it.

    :param copied_at: microseconds since 1970-01-01 UTC
    :param on_this_machine: whether it is where the database is, and so shows nothing against it
    """

    place: str
    size: int
    copied_at: int
    on_this_machine: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A whole verification.

    :param size: records of the audit stream
    :param signed_size: of them, those that the newest checkpoint covers
    :param trust: where the keys came from, in words
    :param keys: those that signatures were checked against
    :param warnings: what does not fail, but should be known
    :param copies: in the places that are set, newest first
    :param began_at: microseconds since 1970-01-01 UTC
    :param seconds: that all of it took
    """

    verdicts: Sequence[Verdict]
    size: int
    signed_size: int
    trust: str
    began_at: int
    seconds: float
    keys: Sequence[VerifierKey] = ()
    warnings: Sequence[str] = ()
    copies: Sequence[HeldCopy] = field(default=())

    @property
    def holds(self) -> bool:
        """Whether nothing failed."""
        return not self.failed

    @property
    def failed(self) -> list[Verdict]:
        """The verdicts that something does not hold."""
        return [verdict for verdict in self.verdicts if verdict.state is State.FAILS]

    @property
    def failure(self) -> str | None:
        """In one line why it does not hold; None when it does."""
        if not self.failed:
            return None
        return "; ".join(f"{verdict.name}: {verdict.reason}" for verdict in self.failed)

    def assurance(self) -> str:
        """In one line who besides this machine can tell whether it was rewritten."""
        elsewhere = [copy for copy in self.copies if not copy.on_this_machine]
        if not elsewhere:
            here = f" ({self.copies[0].place} is on this machine too)" if self.copies else ""
            return (
                "signed by this machine only: whoever holds its key could have written all of it "
                f"anew; keep a copy of the checkpoint elsewhere{here}"
            )
        copy = elsewhere[0]
        moment = _EPOCH + timedelta(microseconds=min(max(copy.copied_at, 0), _LATEST))
        when = moment.strftime("%Y-%m-%d %H:%M UTC")
        return (
            f"a copy is held at {copy.place}: of {copy.size:,} records, taken {when}; "
            "compare it with --against"
        )

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "holds": self.holds,
            "records": self.size,
            "signed_records": self.signed_size,
            "trust": self.trust,
            "keys": [str(key) for key in self.keys],
            "checks": [asdict(verdict) for verdict in self.verdicts],
            "warnings": list(self.warnings),
            "copies": [asdict(copy) for copy in self.copies],
            "assurance": self.assurance(),
            "seconds": round(self.seconds, 3),
        }

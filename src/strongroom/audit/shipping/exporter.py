"""What every protocol can do: send records in order, and say what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from strongroom.errors import StrongroomError

Record = Mapping[str, Any]
"""Flat, with ``stream`` and ``seq``, as :func:`~strongroom.audit.journal.decode` gives it."""


CLOSED: Final = "the other end closed the connection"


class Undelivered(StrongroomError):
    """Nothing is known to have arrived: send the same again later.

    :param retry_after: seconds that the destination asks for
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Refusal:
    """Records that the destination will never take.

    :param first: place in what was sent
    :param last: is inside
    :param refused: how many of them; some destinations do not say which
    :param reason: in our words, since it is stored: an answer may repeat what it refuses
    :param answer: in theirs; for the person who asked, never stored
    """

    first: int
    last: int
    refused: int
    reason: str
    answer: str = ""


class Exporter(Protocol):
    """Sends records by one protocol. For one thread, except :meth:`interrupt`."""

    @property
    def settles_after(self) -> float:
        """Seconds after which what was sent counts as taken, if the connection still stands.

        0 where the destination confirms, or nothing can be known anyway.
        """

    def send(self, records: Sequence[Record]) -> Sequence[Refusal]:
        """Send them all, in their order; what was refused for good.

        :raises Undelivered: when it must be tried again, with all of them
        """

    def stands(self) -> bool:
        """Whether the connection over which it was sent still stands; True where that is no question.

        Once it is False, :meth:`send` opens another.
        """

    def finish(self) -> bool:
        """Close in good order; whether all that was sent is known to have been read."""

    def interrupt(self) -> None:
        """Make a call of :meth:`send` in another thread end soon."""

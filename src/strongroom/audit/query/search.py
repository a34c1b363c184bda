"""What any search over records answers. The viewer, the API and the command line ask here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from strongroom.audit.query.language import Query

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time, in microseconds since 1970-01-01 UTC; open where it is None.

    ``start`` is inside, ``end`` is not.
    """

    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Records, newest first.

    :param next: cursor of the page after this one; None on the last
    :param partial: the deadline came before everything was searched; what was found is shown
    """

    records: Sequence[Record]
    next: str | None = None
    partial: bool = False


class RecordSearch(Protocol):
    """Reads records; sees everything that was committed before the call. Thread-safe."""

    def page(
        self, query: Query, window: Window, *, cursor: str | None = None, limit: int = 50
    ) -> Page:
        """One page of the records that match, newest first.

        :raises Refused: when the cursor is not one of ours
        """

    def record(self, record_id: str) -> Record | None:
        """The record of that id."""

    def of_request(self, request_id: str, *, limit: int = 100) -> Sequence[Record]:
        """All records of one request, oldest first."""

    def after(
        self, positions: dict[str, int], query: Query, *, limit: int = 200
    ) -> tuple[Sequence[Record], dict[str, int]]:
        """What came after these sequence numbers, oldest first, and the positions to go on from.

        :param positions: next sequence number by stream; see :meth:`positions`
        """

    def positions(self) -> dict[str, int]:
        """The next sequence number of each stream."""

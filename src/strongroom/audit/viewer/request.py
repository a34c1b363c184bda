"""What a viewer's address asks for. Everything is in the URL."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from strongroom.audit.pipeline.render import escape
from strongroom.audit.query import Query, QueryError, Window, parse
from strongroom.audit.viewer import columns
from strongroom.errors import Refused

SPANS: Final[Mapping[str, tuple[str, timedelta | None]]] = {
    "": ("All time", None),
    "15m": ("Last 15 minutes", timedelta(minutes=15)),
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
    "custom": ("From … to …", None),
}
"""Spans of time to choose from: label and length, by the value of ``time``."""

ZONES: Final[Mapping[str, str]] = {"": "UTC", "local": "Local time"}
"""Zones that times are shown in, by the value of ``zone``; only the browser knows its own."""

PAGE_SIZE: Final = 50
MAX_PAGE_SIZE: Final = 1_000

MOST_CARRIED: Final = 300
"""Characters of a search that each link to a record carries."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = (datetime(1, 1, 2, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_LAST: Final = (datetime(9999, 12, 30, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
"""What can be written as a date, whatever the zone."""


@dataclass(frozen=True, slots=True)
class ViewerRequest:
    """The state of a search: what the address says, read and checked.

    :param text: the query as typed, also when it cannot be understood
    :param error: why it cannot be; ``query`` is then empty
    :param zone: which of :data:`ZONES` times are shown in
    :param columns: of the table, in order
    :param at: until when the parts of a page count, in microseconds since 1970-01-01 UTC: so they
        agree with its records, and are without the record that somebody looked at them
    :param live: whether new records are to be added as they come
    """

    text: str
    query: Query
    span: str
    start: str
    end: str
    window: Window
    cursor: str | None
    limit: int
    error: QueryError | None = None
    zone: str = ""
    columns: tuple[str, ...] = columns.DEFAULT
    live: bool = False
    at: int = 0

    @classmethod
    def read(cls, args: Mapping[str, str]) -> ViewerRequest:
        """Read the arguments of an address.

        ``event``, ``level`` and ``stream`` are shortcuts that add to the query.

        :raises Refused: when a time or number cannot be read
        """
        text = args.get("query", "").strip()
        error = None
        try:
            query = parse(text)
            if escape(text) != text:  # shown with everything visible, as the language writes it
                text = str(query)
            for field in ("event", "level", "stream"):
                if value := args.get(field):
                    query = query.with_field(field, value)
                    text = str(query)
        except QueryError as failure:
            query, error = Query(), failure
        span = args.get("time", "")
        if span not in SPANS:
            raise Refused("time_not_valid", f"There is no span of time called {span!r}.")
        start, end = args.get("from", ""), args.get("to", "")
        zone = args.get("zone", "")
        if zone not in ZONES:
            raise Refused(
                "zone_not_valid", f"There is no zone called {zone!a}: leave it, or local."
            )
        return cls(
            text=text,
            query=query,
            span=span,
            start=start,
            end=end,
            window=_window(span, start, end),
            cursor=args.get("cursor") or None,
            limit=_limit(args.get("limit")),
            error=error,
            zone=zone,
            columns=columns.read(args),
            live=args.get("live") == "1",
            at=_at(args.get("at", "")),
        )

    @property
    def asked(self) -> Query:
        """What to search for: a window that the address names wins over the query's own times."""
        return self.query.without_times() if self.start or self.end else self.query

    @property
    def mended(self) -> str:
        """The query that may have been meant, where what was typed cannot be understood."""
        return self.error.mended(self.text) if self.error is not None else ""

    @property
    def is_empty(self) -> bool:
        """Whether it asks for everything there is."""
        return not self.text and self.window == Window()

    @property
    def counted(self) -> Window:
        """The window as the parts of a page count it: where it is open, it ends at ``at``."""
        if self.window.end is not None:
            return self.window
        return replace(self.window, end=max(self.at, self.window.start or 0) + 1)

    def searched(self) -> dict[str, str]:
        """What was looked for, as the record of it says."""
        wanted = {"query": self.text, "time": self.span, "from": self.start, "to": self.end}
        return {name: value for name, value in wanted.items() if value}

    def address(
        self, query: Query | None = None, cursor: str | None = None, **other: str
    ) -> dict[str, str]:
        """The arguments of the address that shows this state, with another query or page.

        :param other: arguments to put in place of these; an empty one is left out
        """
        wanted = self.searched() | {
            "query": self.text if query is None else str(query),
            "zone": self.zone,
            "columns": "" if self.columns == columns.DEFAULT else ",".join(self.columns),
            "limit": "" if self.limit == PAGE_SIZE else str(self.limit),
            "live": "1" if self.live and not cursor else "",
            "cursor": cursor or "",
        }
        return {name: value for name, value in (wanted | other).items() if value}

    def part(self) -> dict[str, str]:
        """The arguments of the address of a part of this page."""
        return self.address(live="", limit="") | {"at": str(self.at)}

    def carried(self) -> dict[str, str]:
        """The arguments by which a record's page knows the search that it was found by.

        They stand in every row, so a long search is not carried.
        """
        carried = self.address(limit="", live="")
        return carried if sum(map(len, carried.values())) <= MOST_CARRIED else {}

    def between(self, start: int, end: int) -> dict[str, str]:
        """The arguments of the address that shows this span of time instead.

        :param start: microseconds since 1970-01-01 UTC, as ``end``
        """
        kept = self.address(time="", live="")
        return kept | {"from": moment_text(start), "to": moment_text(end)}


def moment_text(timestamp: int) -> str:
    """A moment as addresses have it, in UTC: 2026-11-24T14:30:00Z."""
    moment = _EPOCH + timedelta(microseconds=min(max(timestamp, _FIRST), _LAST))
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _window(span: str, start: str, end: str) -> Window:
    length = SPANS[span][1]
    first, last = _moment("from", start), _moment("to", end)
    if first is None and last is None and length is not None:
        return Window(_now() - length // timedelta(microseconds=1), None)
    return Window(first, last)


def _moment(name: str, text: str) -> int | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(
            "time_not_valid",
            f"{name}: {text!r} is not a time; write 2026-11-24 or 2026-11-24T14:30:00Z.",
        ) from None
    return _microseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _at(text: str) -> int:
    return int(text) if re.fullmatch("[0-9]{1,17}", text) else _now()


def _now() -> int:
    return time.time_ns() // 1_000


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _limit(text: str | None) -> int:
    if not text:
        return PAGE_SIZE
    if not re.fullmatch("[0-9]{1,6}", text) or not 1 <= int(text) <= MAX_PAGE_SIZE:
        raise Refused("limit_not_valid", f"limit is a number from 1 to {MAX_PAGE_SIZE:,}.")
    return int(text)

"""What a viewer's address asks for. Everything is in the URL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from strongroom.audit.query import Query, QueryError, Window, parse
from strongroom.errors import Refused

SPANS: Final[Mapping[str, tuple[str, timedelta | None]]] = {
    "": ("All time", None),
    "15m": ("Last 15 minutes", timedelta(minutes=15)),
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}
"""Spans of time to choose from: label and length, by the value of ``time``."""

PAGE_SIZE: Final = 50
MAX_PAGE_SIZE: Final = 1_000

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ViewerRequest:
    """The state of a search: what the address says, read and checked.

    :param text: the query as typed, also when it cannot be understood
    :param error: why it cannot be; ``query`` is then empty
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
        )

    @property
    def asked(self) -> Query:
        """What to search for: a window that the address names wins over the query's own times."""
        return self.query.without_times() if self.start or self.end else self.query

    def address(self, query: Query | None = None, cursor: str | None = None) -> dict[str, str]:
        """The arguments of the address that shows this state, with another query or page."""
        wanted = {
            "query": self.text if query is None else str(query),
            "time": self.span,
            "from": self.start,
            "to": self.end,
            "cursor": cursor or "",
        }
        return {name: value for name, value in wanted.items() if value}


def _window(span: str, start: str, end: str) -> Window:
    length = SPANS[span][1]
    first, last = _moment("from", start), _moment("to", end)
    if first is None and last is None and length is not None:
        return Window(_microseconds(datetime.now(UTC) - length), None)
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


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _limit(text: str | None) -> int:
    if not text:
        return PAGE_SIZE
    if not re.fullmatch("[0-9]{1,6}", text) or not 1 <= int(text) <= MAX_PAGE_SIZE:
        raise Refused("limit_not_valid", f"limit is a number from 1 to {MAX_PAGE_SIZE:,}.")
    return int(text)

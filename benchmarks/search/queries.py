"""The searches that are timed, each as a page, the API or a facet asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from strongroom.audit.query import RecordSearch, Window, parse

Record = dict[str, Any]

ALL: Final = Window()
FACETS: Final = (
    "event",
    "level",
    "outcome",
    "user_id",
    "ip_address",
    "filename",
    "content_type",
    "status",
    "reason",
)


@dataclass(frozen=True, slots=True)
class Timed:
    """One search.

    :param goal: milliseconds, of the median
    :param run: does it; the number of rows, bars or values that came of it
    """

    name: str
    goal: float
    run: Callable[[RecordSearch], int]


def timed(example: Record, rare_address: str, day: Window) -> Sequence[Timed]:
    """All of them.

    :param example: a record of a file, from somewhere in the middle
    :param rare_address: that few records have
    :param day: 24 hours in the middle
    """
    name = str(example["filename"])
    pages = [
        ("newest 50", 100, ""),
        ("by level, rare", 100, "level:error"),
        ("by level, common", 100, "level:info"),
        ("by event", 100, "event:file_deleted"),
        ("by status range", 100, "status:>=500"),
        ("rare address", 10, f"ip_address:{rare_address}"),
        ("request id", 10, f"request_id:{example['request_id']}"),
        ("exact file name", 10, f'filename:"{name}"'),
        ("sha256", 10, f"sha256:{example['sha256']}"),
        ("part of a file name, common", 100, "filename:*invoice*"),
        ("part of a file name, one file", 100, f"filename:*{name[-10:-4]}*"),
        ("part of a file name, none", 100, "filename:*zzqx*"),
        ("network", 100, "ip_address:10.20.0.0/16"),
        ("free text, common", 500, "Okafor"),
        ("free text, rare", 500, f'"{name[-10:-4]}"'),
        ("free text, none", 500, "zzqxv"),
        ("excluded and either", 100, "-level:info (event:access_denied OR event:login_failed)"),
    ]
    return [
        *(Timed(f"page: {what}", goal, _page(query)) for what, goal, query in pages),
        Timed("histogram of all time", 100, lambda search: _bars(search, "", ALL)),
        Timed("histogram of a day", 100, lambda search: _bars(search, "", day)),
        Timed("histogram, filtered", 500, lambda search: _bars(search, "user_agent:*iPhone*", ALL)),
        *(Timed(f"facet: {field}", 100, _facet("", field)) for field in FACETS),
        Timed("facet: filename of one event", 500, _facet("event:file_deleted", "filename")),
        Timed("percentiles by event", 100, lambda s: len(s.percentiles(parse(""), ALL).events)),
        Timed("count, filtered", 500, lambda s: s.count(parse("filename:*invoice*"), ALL)[0]),
    ]


def _page(query: str) -> Callable[[RecordSearch], int]:
    wanted = parse(query)
    return lambda search: len(search.page(wanted, ALL).records)


def _bars(search: RecordSearch, query: str, window: Window) -> int:
    return len(search.histogram(parse(query), window).bars)


def _facet(query: str, field: str) -> Callable[[RecordSearch], int]:
    wanted = parse(query)
    return lambda search: len(search.facet(wanted, ALL, field).values)

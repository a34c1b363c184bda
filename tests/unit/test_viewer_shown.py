"""What the viewer makes of a record and of counts: without a server."""

from __future__ import annotations

import re
from typing import Any

import pytest

from strongroom.audit.query.language import parse
from strongroom.audit.query.search import Bar, Histogram
from strongroom.audit.viewer.fields import exceptions, shown_fields
from strongroom.audit.viewer.histogram import HEIGHT, MOST_BARS, chart, moves
from strongroom.audit.viewer.request import ViewerRequest
from strongroom.audit.viewer.tail import places_text, read_places
from strongroom.errors import Refused

MINUTE = 60_000_000
NOON = 1_795_521_600_000_000
"""2026-11-24, 12:00 UTC."""

CHAIN = [
    {
        "exc_type": "PaymentError",
        "exc_value": "no\nmoney\u202e",
        "frames": [
            {"filename": "/srv/app/shop/pay.py", "lineno": 7, "name": "pay"},
            {"filename": "/srv/venv/lib/python3.12/site-packages/flask/app.py", "lineno": 9, "name": "run"},
        ],
    },
    {"exc_type": "KeyError", "exc_value": "'total'", "frames": []},
]  # fmt: skip


def test_an_exception_is_shown_as_its_chain_the_cause_first() -> None:
    cause, raised = exceptions({"exception": CHAIN})
    assert (cause.kind, cause.message, cause.frames) == ("KeyError", "'total'", [])
    assert (raised.kind, raised.message) == ("PaymentError", "no\nmoney\\u202e")
    assert [(f.function, f.place, f.own) for f in raised.frames] == [
        ("pay", "/srv/app/shop/pay.py:7", True),
        ("run", "flask/app.py:9", False),
    ]


@pytest.mark.parametrize(
    "given",
    [None, "Traceback …", {}, [1, None], [{"frames": "x"}], [{"frames": [3, {"lineno": []}]}]],
)
def test_an_exception_of_another_program_may_be_anything(given: Any) -> None:
    for shown in exceptions({"exception": given}):
        assert (shown.kind, shown.message) == ("", "")


@pytest.mark.parametrize(
    "extra",
    [
        {"invoice_id": 7, "paid": True, "share": 0.5},
        {"": "empty", "two words": 'a "quoted" value', "dots.in": "x:y", "\u202e": "\n"},
        {"nested": {"key": [1]}, "list": [], "none": None, "long": "x" * 600},
    ],
)
def test_what_is_in_extra_can_be_searched_for(extra: dict[str, Any]) -> None:
    shown = shown_fields({"extra": extra, "filename": "a*b"})
    for field in shown:
        assert "\u202e" not in field.name + field.text
        if field.asks is not None:
            assert parse(str(field.asks)).terms == (field.asks,)
    asked = [field for field in shown if field.asks is not None]
    plain = [value for value in extra.values() if isinstance(value, str | int | float)]
    assert len(asked) == 1 + len([value for value in plain if len(str(value)) < 500])


def histogram(*bars: tuple[int, dict[str, int]]) -> Histogram:
    """Bars of a minute, each by its number behind noon."""
    return Histogram(MINUTE, [Bar(NOON + number * MINUTE, levels) for number, levels in bars])


def asked(**args: str) -> ViewerRequest:
    """The state of a page."""
    return ViewerRequest.read({{"since": "from"}.get(name, name): v for name, v in args.items()})


def test_the_axis_is_the_window_where_there_is_one() -> None:
    found = histogram((2, {"info": 3}), (5, {"info": 1, "error": 1}))
    drawn = chart(asked(), found)
    assert drawn is not None
    assert (drawn.start, drawn.end, drawn.count) == (NOON + 2 * MINUTE, NOON + 6 * MINUTE, 5)
    drawn = chart(asked(since="2026-11-24T12:00:30", to="2026-11-24T12:09:00"), found)
    assert drawn is not None
    assert (drawn.start, drawn.end) == (NOON, NOON + 9 * MINUTE)
    assert (drawn.labels[0], drawn.labels[-1]) == (drawn.start, drawn.end)
    assert drawn.levels == {"info": 4, "error": 1}
    assert drawn.every == "minute"
    assert drawn.bars[0].address == {"from": "2026-11-24T12:02:00Z", "to": "2026-11-24T12:03:00Z"}


def test_a_window_far_longer_than_its_records_does_not_hide_them() -> None:
    drawn = chart(asked(since="0001-01-02", to="9999-12-30"), histogram((0, {"info": 1})))
    assert drawn is not None
    assert (drawn.end - drawn.start) // drawn.width < MOST_BARS
    assert moves(asked(since="0001-01-02", to="9999-12-30"))["Later"]["to"].startswith("9999-")


def test_a_single_error_is_seen_above_a_million() -> None:
    drawn = chart(asked(), histogram((0, {"info": 1_000_000, "error": 1}), (1, {"critical": 1})))
    assert drawn is not None
    assert list(drawn.paths) == ["info", "error", "critical"]
    for shape in drawn.paths.values():
        for _, top, _, height in re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-", shape):
            assert float(height) >= 1
            assert 0 <= float(top) <= float(top) + float(height) <= HEIGHT
    assert drawn.paths["info"].count("M") == drawn.paths["error"].count("M") == 1


def test_nothing_is_drawn_of_nothing() -> None:
    assert chart(asked(), histogram()) is None
    assert moves(asked(time="24h")) == {}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("report evnt:x", "report event:x"),
        ("-(a OR Levle:info) b", "-(a OR level:info) b"),
        ("timestamp:24h", "time:24h"),
        ("qqqqqq:1", ""),
        ("level:>1", ""),
        ('"open', ""),
    ],
)
def test_a_mistyped_field_is_mended(typed: str, meant: str) -> None:
    wanted = asked(query=typed)
    assert wanted.error is not None
    assert wanted.mended == meant


def test_places_are_read_as_they_were_written() -> None:
    places = {"audit": 0, "imported": 7, "ops": 123_456_789}
    assert read_places(places_text(places)) == places


@pytest.mark.parametrize(
    "text", ["", "audit", "audit-", "audit-1_", "audit--1", "audit-1 ", "a-1\n"]
)
def test_damaged_places_are_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        read_places(text)
    assert caught.value.reason == "cursor_not_valid"

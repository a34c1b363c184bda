"""Whether one record matches, in Python: for records that stand in no table yet.

It goes by the same columns as the SQL of :mod:`strongroom.audit.query.compile`, so both agree.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import orjson

from strongroom.audit.archive.columns import (
    BREAK,
    COLUMNS,
    MORE_TEXT,
    REST,
    TEXTS,
    Kind,
    address_text,
    packed_address,
)
from strongroom.audit.query.compile.known import UUID, time_of
from strongroom.audit.query.compile.writing import held
from strongroom.audit.query.language import (
    PEOPLE,
    Above,
    And,
    AtLeast,
    AtMost,
    Below,
    Between,
    Is,
    Like,
    Not,
    Or,
    Present,
    Query,
    Term,
    Text,
    Within,
)
from strongroom.audit.query.language.fields import Takes, keys_of, takes
from strongroom.audit.query.language.values import network, number, plain_number
from strongroom.audit.query.names import Ids, People, asked, has_pieces, lowered

Row = Mapping[str, Any]
"""Columns of a record, as :func:`strongroom.audit.archive.columns.spread` makes them."""

Matches = Callable[[Row], bool]

_UUIDS: Final = tuple(column.name for column in COLUMNS.values() if column.kind is Kind.UUID)
_SIGNS: Final = {
    Above: operator.gt,
    AtLeast: operator.ge,
    Below: operator.lt,
    AtMost: operator.le,
}


def evaluator(query: Query, now: int, people: People) -> Matches:
    """Whether the columns of a record match the query.

    :param now: microseconds since 1970-01-01 UTC, which ``time:24h`` counts back from
    :param people: the directory; asked once for each name and word, now
    """
    ids = Ids(people)
    parts = [_matcher(term, now, ids) for term in query.terms]
    return lambda row: all(part(row) for part in parts)


def _matcher(term: Term, now: int, ids: Ids) -> Matches:
    if isinstance(term, And | Or):
        parts = [_matcher(part, now, ids) for part in term.parts]
        joined = all if isinstance(term, And) else any
        return lambda row: joined(part(row) for part in parts)
    if isinstance(term, Not):
        part = _matcher(term.part, now, ids)
        return lambda row: not part(row)
    if isinstance(term, Text):
        return _text(term, ids(term))
    if (bounds := time_of(term, now)) is not None:
        start, end = bounds
        return lambda row: (
            (start is None or start <= row["timestamp"]) and (end is None or row["timestamp"] < end)
        )
    kind = takes(term.field)
    if kind is Takes.PERSON:
        return _person(PEOPLE[term.field], ids(term))
    return _nested(term) if kind is Takes.NESTED else _column(term)


def _text(term: Text, ids: frozenset[str]) -> Matches:
    word = asked(term.text)
    columns = [name for name in TEXTS if name != MORE_TEXT or BREAK not in word]
    named = [_person(field, ids) for field in PEOPLE.values()] if ids else []
    whole = _UUIDS if UUID.fullmatch(word) else ()
    return lambda row: (
        not word
        or any(name in row and word in lowered(row[name]) for name in columns)
        or any(row.get(name) == word for name in whole)
        or any(has_name(row) for has_name in named)
    )


def _person(field: str, ids: frozenset[str]) -> Matches:
    return lambda row: row.get(field) in ids and row["stream"] != "imported"


def _column(term: Term) -> Matches:
    match term:
        case Present(field):
            return lambda row: field in row or _rest(row, field) is not None
        case Is(field, value):
            return _equals(field, value)
        case Like(field, pieces):
            return _like(field, [asked(piece) for piece in pieces])
        case Within(field, text):
            wanted = network(text)
            assert wanted is not None
            return _from_to(field, str(wanted.network_address), str(wanted.broadcast_address))
        case Between(field, low, high) if takes(field) is Takes.ADDRESS:
            return _from_to(field, low, high)
        case Above(field) | AtLeast(field) | Below(field) | AtMost(field) | Between(field):
            exact = float if COLUMNS[field].kind is Kind.NUMBER else Fraction
            fits = _compared(term, exact)
            return lambda row: field in row and fits(row[field])
    raise AssertionError(term)


def _equals(field: str, value: str) -> Matches:
    kind = COLUMNS[field].kind
    if kind is Kind.ADDRESS and (packed := packed_address(value)) is not None:
        digits, canonical = packed.hex(), address_text(packed) == value
        return lambda row: (
            row.get(field) == digits or (not canonical and _as_text(_rest(row, field)) == value)
        )
    wanted = held(field, kind, value)
    if wanted is None:
        meant = number(field, value) if takes(field) is Takes.NUMBER else None
        fraction = None if meant is None else float(meant)
        return lambda row: (
            _as_text(found := _rest(row, field)) == value
            or (isinstance(found, float) and found == fraction)
        )
    return lambda row: field in row and row[field] == wanted


def _like(field: str, pieces: Sequence[str]) -> Matches:
    if COLUMNS[field].kind is Kind.TEXT:
        return lambda row: field in row and has_pieces(lowered(row[field]), pieces)

    def matches(row: Row) -> bool:
        value = row[field] if field in row else _rest(row, field)
        return isinstance(value, str) and has_pieces(lowered(value), pieces)

    return matches


def _from_to(field: str, low: str, high: str) -> Matches:
    first, last = packed_address(low), packed_address(high)
    assert first is not None
    assert last is not None
    one, other = first.hex(), last.hex()
    return lambda row: field in row and one <= row[field] <= other


def _nested(term: Term) -> Matches:
    assert not isinstance(term, Text | And | Or | Not)
    keys = keys_of(term.field)
    match term:
        case Present():
            return lambda row: _inside(row, keys) is not None
        case Like(_, pieces):
            lower = [asked(piece) for piece in pieces]
            return lambda row: (
                isinstance(value := _inside(row, keys), str) and has_pieces(lowered(value), lower)
            )
        case Is(_, text):
            meant = plain_number(text)
            wanted = None if meant is None else float(meant)
            return lambda row: (
                _as_text(value := _inside(row, keys)) == text
                or (wanted is not None and _is_number(value) and float(value) == wanted)
            )
    fits = _compared(term, float)
    return lambda row: _is_number(value := _inside(row, keys)) and fits(float(value))


def _compared(term: Term, exact: Callable[[Fraction], Any]) -> Callable[[Any], bool]:
    """Whether a number is what a comparison asks for."""

    def limit(field: str, text: str) -> Any:
        meant = number(field, text)
        assert meant is not None
        return exact(meant)

    match term:
        case Between(field, low, high):
            first, last = limit(field, low), limit(field, high)
            return lambda value: bool(first <= value <= last)
        case Above(field, text) | AtLeast(field, text) | Below(field, text) | AtMost(field, text):
            sign, end = _SIGNS[type(term)], limit(field, text)
            return lambda value: bool(sign(value, end))
    raise AssertionError(term)


def _rest(row: Row, field: str) -> Any:
    """What stands under this name and fits no column; None where nothing does."""
    return orjson.loads(row[REST]).get(field) if REST in row else None


def _inside(row: Row, keys: Sequence[str]) -> Any:
    """What stands at these keys in ``extra``; None where nothing does."""
    value = orjson.loads(row["extra"]) if "extra" in row else None
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isascii() and key.isdigit() and str(int(key)) == key:
            value = value[int(key)] if int(key) < len(value) else None
        else:
            return None
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_text(value: Any) -> str | None:
    """The text of what has one way only to be written; fractions have several."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else None

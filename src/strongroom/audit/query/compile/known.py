"""The facts that follow from a query's terms."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import reduce
from typing import Final

from strongroom.audit.archive.columns import (
    COLUMNS,
    HASHES,
    TEXTS,
    Kind,
    address_text,
    packed_address,
)
from strongroom.audit.query.compile.facts import (
    ANYTHING,
    MAX_VALUES,
    NOTHING,
    PRUNED_BY,
    STREAMS,
    Bounds,
    Facts,
)
from strongroom.audit.query.compile.moments import DAY, interval
from strongroom.audit.query.language import (
    PEOPLE,
    Above,
    And,
    AtLeast,
    AtMost,
    Below,
    Between,
    During,
    Is,
    Like,
    Not,
    Or,
    Present,
    Term,
    Text,
)
from strongroom.audit.query.language.fields import TIME, Takes, takes
from strongroom.audit.query.language.values import number
from strongroom.audit.query.names import Ids, asked, lowered

UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_VERSION_7: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)

HEXADECIMAL: Final = re.compile(r"[0-9a-f]*")
"""What may be part of a hash."""

_PARTED: Final = frozenset(TEXTS) - {*HASHES, *PRUNED_BY, "stream"}
"""Fields in whose texts parts are looked for."""

OWN: Final = STREAMS - {"imported"}
"""Streams whose people are those of the directory."""


def facts(term: Term, now: int, ids: Ids) -> Facts:
    """What every match of this term has in common."""
    if isinstance(term, And):
        return reduce(Facts.both, (facts(part, now, ids) for part in term.parts))
    if isinstance(term, Or):
        return reduce(Facts.either, (facts(part, now, ids) for part in term.parts))
    if isinstance(term, Not):
        return _without(term.part)
    if isinstance(term, Text):
        return _of_text(term, ids)
    if isinstance(term, Is) and takes(term.field) is not Takes.PERSON:
        return _of_value(term.field, term.value)
    if isinstance(term, Is | Like | Present) and takes(term.field) is Takes.PERSON:
        return _of_person(PEOPLE[term.field], ids(term))
    if isinstance(term, Like) and term.field in _PARTED:
        return Facts(parts=frozenset(filter(None, map(asked, term.pieces))))
    if (bounds := time_of(term, now)) is not None:
        return Facts(bounds=bounds)
    return ANYTHING


def _without(part: Term) -> Facts:
    if isinstance(part, Is) and part.field == "stream":
        return Facts(streams=STREAMS - {part.value})
    return ANYTHING


def _of_text(term: Text, ids: Ids) -> Facts:
    word = asked(term.text)
    if not word or UUID.fullmatch(word) or ids(term):
        return ANYTHING
    parts = frozenset() if HEXADECIMAL.fullmatch(word) else frozenset({word})
    return Facts(texts=frozenset({word}), parts=parts)


def _of_value(field: str, value: str) -> Facts:
    if field not in COLUMNS:
        return ANYTHING
    spellings = _spellings(field, value)
    parts = frozenset({lowered(value)} if value and field in _PARTED else ())
    found = Facts(needles={field: spellings} if spellings else {}, parts=parts)
    if field == "stream":
        return found.within(frozenset({value}))
    if field in ("id", "request_id") and _VERSION_7.fullmatch(value):
        at = int(value[:8] + value[9:13], 16) * 1_000
        around = Bounds(at - DAY, at + DAY)
        return replace(found, own_bounds=around)
    return found


def _spellings(field: str, value: str) -> frozenset[str]:
    """The texts of which each match has one in this field; none where they cannot be told."""
    kind = COLUMNS[field].kind
    packed = packed_address(value) if kind is Kind.ADDRESS else None
    if packed is not None:
        return frozenset({value, address_text(packed)})
    if kind is Kind.NUMBER:
        return frozenset()  # it may be written in several ways
    meant = number(field, value) if kind is Kind.INTEGER else None
    if meant is None:
        return frozenset({value})
    return frozenset({str(meant)}) if meant.denominator == 1 else frozenset()


def _of_person(field: str, ids: frozenset[str]) -> Facts:
    if not ids:
        return NOTHING
    return Facts({field: ids} if len(ids) <= MAX_VALUES else {}, streams=OWN)


def time_of(term: Term, now: int) -> Bounds | None:
    """The span that a term about ``time`` asks for; None for any other term."""
    if isinstance(term, During):
        return Bounds(*interval(term.span, now))
    if isinstance(term, Between) and term.field == TIME:
        return Bounds(interval(term.low, now)[0], interval(term.high, now)[1])
    if not isinstance(term, Above | AtLeast | Below | AtMost) or term.field != TIME:
        return None
    start, end = interval(term.value, now)
    if isinstance(term, Above):
        return Bounds(start=end)
    if isinstance(term, AtLeast):
        return Bounds(start=start)
    return Bounds(end=start if isinstance(term, Below) else end)

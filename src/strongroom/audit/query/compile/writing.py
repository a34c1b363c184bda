"""Writes one condition for each operator.

A condition may be NULL where the field is absent. That is as good as false for ``AND`` and ``OR``;
``NOT`` turns it into true by ``IS NOT TRUE``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any, Final

from strongroom.audit.archive.columns import (
    BREAK,
    COLUMNS,
    HASHES,
    MORE_TEXT,
    Kind,
    address_text,
    packed_address,
)
from strongroom.audit.query.compile.known import UUID, time_of
from strongroom.audit.query.compile.numbers import compared
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
    Within,
)
from strongroom.audit.query.language.fields import Takes, keys_of, takes
from strongroom.audit.query.language.values import address, network, number, plain_number
from strongroom.audit.query.names import Ids, asked

_UUIDS: Final = tuple(column.name for column in COLUMNS.values() if column.kind is Kind.UUID)
_NUMBERS: Final = "('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE')"
_FRACTION: Final = "('DOUBLE')"
_SCALARS: Final = "('VARCHAR', 'BIGINT', 'UBIGINT', 'HUGEINT', 'BOOLEAN')"
"""What has one way only to be written. Fractions have several."""

_FEW: Final = 20
"""Ids that are listed one by one, as statistics of a file can be compared with."""

_SPECIAL: Final = re.compile(r"[^0-9A-Za-z_]")


class Writing:
    """The conditions of one query, and their parameters in order."""

    def __init__(
        self,
        now: int,
        ids: Ids,
        *,
        has_rest: bool,
        texts: Sequence[str],
        absent: Collection[str] = (),
    ) -> None:
        self.params: list[Any] = []
        self._now = now
        self._ids = ids
        self._has_rest = has_rest
        self._texts = texts
        self._absent = absent

    def condition(self, term: Term) -> str:
        """The SQL of one term; its parameters are added to the others."""
        if isinstance(term, And | Or):
            joint = " AND " if isinstance(term, And) else " OR "
            return f"({joint.join(map(self.condition, term.parts))})"
        if isinstance(term, Not):
            return f"(({self.condition(term.part)}) IS NOT TRUE)"
        if isinstance(term, Text):
            return self._text(term)
        kind = takes(term.field)
        if kind is Takes.TIME:
            return self._time(term)
        if kind is Takes.PERSON:
            return self._people(PEOPLE[term.field], self._ids(term))
        if kind is Takes.NESTED:
            return self._nested(term)
        return self._of_column(term)

    def _of_column(self, term: Term) -> str:
        match term:
            case Is(field, value):
                return self._equals(field, value)
            case Present(field):
                return self._either(f'"{field}" IS NOT NULL', self._in_rest(field))
            case Like(field, pieces):
                return self._like(field, pieces)
            case Within(field, text):
                wanted = network(text)
                assert wanted is not None
                return self._from_to(field, wanted.network_address, wanted.broadcast_address)
            case Between(field, low, high) if takes(field) is Takes.ADDRESS:
                return self._from_to(field, address(low), address(high))
            case Above() | AtLeast() | Below() | AtMost() | Between():
                sql, params = compared(f'"{term.field}"', COLUMNS[term.field].kind, term)
                self.params += params
                return sql
        raise AssertionError(term)

    # --- Values ---------------------------------------------------------------------------------

    def _equals(self, field: str, value: str) -> str:
        kind = COLUMNS[field].kind
        if kind is Kind.ADDRESS and (packed := packed_address(value)) is not None:
            column = self._param(f'"{field}" = ?', packed)
            canonical = address_text(packed) == value
            return column if canonical else self._either(column, self._rest(field, value))
        wanted = held(field, kind, value)
        if wanted is None:
            return self._rest(field, value) or "false"
        cast = "CAST(? AS UUID)" if kind is Kind.UUID else "?"
        return self._param(f'"{field}" = {cast}', wanted)

    def _in_rest(self, field: str) -> str:
        """Whether something stands under this name that fits no column; nothing if nothing does."""
        return f"json_extract_string(rest, '$.{field}') IS NOT NULL" if self._has_rest else ""

    def _rest(self, field: str, value: str) -> str:
        """Whether this is what stands there; a fraction in a field of numbers, or a text."""
        if not self._has_rest:
            return ""
        path = f"'$.{field}'"
        meant = number(field, value) if takes(field) is Takes.NUMBER else None
        if meant is None:
            return self._param(f"{_scalar('rest', path)} = ?", value)
        same = f"{_number('rest', path, _FRACTION)} = ? OR {_scalar('rest', path)} = ?"
        return self._param(f"({same})", float(meant), value)

    @staticmethod
    def _either(one: str, other: str) -> str:
        return f"({one} OR {other})" if other else one

    def _param(self, sql: str, *values: Any) -> str:
        self.params += values
        return sql

    # --- Texts ----------------------------------------------------------------------------------

    def _text(self, term: Text) -> str:
        word = asked(term.text)
        if not word:
            return "true"
        columns = [c for c in self._texts if c != MORE_TEXT or BREAK not in word]
        if word in self._absent:
            columns = [column for column in columns if column in HASHES]
        found = [self._param(f'contains(lower("{column}"), ?)', word) for column in columns]
        if UUID.fullmatch(word):
            found += [self._param(f'"{name}" = CAST(? AS UUID)', word) for name in _UUIDS]
        if ids := self._ids(term):
            found += [self._people(name, ids) for name in PEOPLE.values()]
        return f"({' OR '.join(found)})" if found else "false"

    def _like(self, field: str, pieces: tuple[str, ...]) -> str:
        if COLUMNS[field].kind is Kind.TEXT:
            return self._matches(f'lower("{field}")', pieces)
        column = self._matches(f'CAST("{field}" AS VARCHAR)', pieces)
        if not self._has_rest:
            return column
        text = f"lower(json_extract_string(rest, '$.{field}'))"
        is_text = f"json_type(rest, '$.{field}') = 'VARCHAR'"
        return f"({column} OR ({is_text} AND {self._matches(text, pieces)}))"

    def _matches(self, text: str, pieces: tuple[str, ...]) -> str:
        """Whether a text in small letters has the pieces. No pattern is slow: RE2 is linear."""
        first, *between, last = map(asked, pieces)
        if not between and not last:
            return self._param(f"starts_with({text}, ?)", first)
        if not between and not first:
            return self._param(f"ends_with({text}, ?)", last)
        if len(between) == 1 and not first and not last:
            return self._param(f"contains({text}, ?)", between[0])
        pattern = ".*".join(map(_literally, (first, *between, last)))
        return self._param(f"regexp_full_match({text}, ?, 's')", pattern)

    def _people(self, field: str, ids: frozenset[str]) -> str:
        if not ids:
            return "false"
        if len(ids) <= _FEW:
            places = ", ".join("?" * len(ids))
            found = self._param(f'"{field}" IN ({places})', *sorted(ids))
        else:
            found = self._param(f'list_contains(CAST(? AS VARCHAR[]), "{field}")', sorted(ids))
        return f"({found} AND stream <> 'imported')"

    # --- Times, addresses, keys -----------------------------------------------------------------

    def _time(self, term: Term) -> str:
        bounds = time_of(term, self._now)
        assert bounds is not None
        limits = [(bounds.start, ">="), (bounds.end, "<")]
        found = [
            self._param(f'"timestamp" {sign} make_timestamptz(CAST(? AS BIGINT))', limit)
            for limit, sign in limits
            if limit is not None
        ]
        return f"({' AND '.join(found)})"

    def _from_to(self, field: str, low: object, high: object) -> str:
        ends = [packed_address(str(end)) for end in (low, high)]
        return self._param(f'("{field}" >= ? AND "{field}" <= ?)', *ends)

    def _nested(self, term: Term) -> str:
        assert not isinstance(term, Text | And | Or | Not | During)
        path = _pointer(keys_of(term.field))
        text = "json_extract_string(extra, ?)"
        match term:
            case Present():
                return self._param(f"{text} IS NOT NULL", path)
            case Is(_, value):
                equal = self._param(f"{_scalar('extra', '?')} = ?", path, path, value)
                if (wanted := plain_number(value)) is None:
                    return equal
                same = self._param(f"{self._number(path)} = ?", float(wanted))
                return f"({equal} OR {same})"
            case Like(_, pieces):
                is_text = self._param("json_type(extra, ?) = 'VARCHAR'", path)
                self.params.append(path)
                return f"({is_text} AND {self._matches(f'lower({text})', pieces)})"
            case Between(field, low, high):
                first = self._param(f"{self._number(path)} >= ?", _float(field, low))
                last = self._param(f"{self._number(path)} <= ?", _float(field, high))
                return f"({first} AND {last})"
            case (
                Above(field, value)
                | AtLeast(field, value)
                | Below(field, value)
                | AtMost(field, value)
            ):
                sign = {Above: ">", AtLeast: ">=", Below: "<", AtMost: "<="}[type(term)]
                return self._param(f"{self._number(path)} {sign} ?", _float(field, value))
        raise AssertionError(term)

    def _number(self, path: str) -> str:
        """The number that stands at this path; NULL where it is none."""
        return self._param(_number("extra", "?", _NUMBERS), path, path)


def _scalar(column: str, path: str) -> str:
    """The text of what stands at this path; NULL where it is none that can be compared."""
    text = f"json_extract_string({column}, {path})"
    return f"CASE WHEN json_type({column}, {path}) IN {_SCALARS} THEN {text} END"


def _number(column: str, path: str, types: str) -> str:
    """The number that stands at this path; NULL where it is none of these types."""
    text = f"TRY_CAST(json_extract_string({column}, {path}) AS DOUBLE)"
    return f"CASE WHEN json_type({column}, {path}) IN {types} THEN {text} END"


def held(field: str, kind: Kind, value: str) -> Any:
    """The value as its column holds it; None where none of its values is that."""
    if kind is Kind.TEXT:
        return value
    if kind is Kind.UUID:
        return value if UUID.fullmatch(value) else None
    if kind is Kind.BOOLEAN:
        return {"true": True, "false": False}.get(value)
    meant = number(field, value) if kind in (Kind.INTEGER, Kind.NUMBER) else None
    if meant is None or not -(2**63) <= meant < 2**63:
        return None
    if kind is Kind.NUMBER:
        return float(meant)
    return int(meant) if meant.denominator == 1 else None


def _float(field: str, value: str) -> float:
    meant = number(field, value)
    assert meant is not None
    return float(meant)


def _pointer(keys: tuple[str, ...]) -> str:
    """The keys as a JSON pointer (RFC 6901)."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)


def _literally(piece: str) -> str:
    """A text as RE2 takes it literally."""
    return _SPECIAL.sub(lambda match: f"\\x{{{ord(match[0]):x}}}", piece)

"""Comparisons of numbers: exact where the column holds whole ones."""

from __future__ import annotations

from math import ceil, floor
from typing import Any, Final

from strongroom.audit.archive.columns import Kind
from strongroom.audit.query.language import Above, AtLeast, AtMost, Below, Between
from strongroom.audit.query.language.values import number

_LEAST: Final = -(2**63)
_GREATEST: Final = 2**63 - 1


def compared(
    column: str, kind: Kind, term: Above | AtLeast | Below | AtMost | Between
) -> tuple[str, list[Any]]:
    """The condition and its parameters.

    :param column: as it stands in SQL
    :param kind: of whole numbers, or of doubles
    """
    if kind is Kind.INTEGER:
        return _whole(column, term)
    limits = [(sign, float(_number(term.field, value))) for sign, value in _limits(term)]
    conditions = [f"{column} {sign} ?" for sign, _ in limits]
    return f"({' AND '.join(conditions)})", [limit for _, limit in limits]


def _whole(column: str, term: Above | AtLeast | Below | AtMost | Between) -> tuple[str, list[Any]]:
    low, high = _LEAST, _GREATEST
    for sign, value in _limits(term):
        exact = _number(term.field, value)
        if sign == ">":
            low = max(low, floor(exact) + 1)
        elif sign == ">=":
            low = max(low, ceil(exact))
        elif sign == "<":
            high = min(high, ceil(exact) - 1)
        else:
            high = min(high, floor(exact))
    if low > high:
        return "false", []
    limits = [(">=", low)] * (low > _LEAST) + [("<=", high)] * (high < _GREATEST)
    if not limits:
        return f"{column} IS NOT NULL", []
    conditions = [f"{column} {sign} ?" for sign, _ in limits]
    return f"({' AND '.join(conditions)})", [limit for _, limit in limits]


def _limits(term: Above | AtLeast | Below | AtMost | Between) -> list[tuple[str, str]]:
    match term:
        case Above(_, value):
            return [(">", value)]
        case AtLeast(_, value):
            return [(">=", value)]
        case Below(_, value):
            return [("<", value)]
        case AtMost(_, value):
            return [("<=", value)]
        case Between(_, low, high):
            return [(">=", low), ("<=", high)]


def _number(field: str, text: str) -> Any:
    exact = number(field, text)
    if exact is None:
        raise ValueError(f"not a number: {text!r}")
    return exact

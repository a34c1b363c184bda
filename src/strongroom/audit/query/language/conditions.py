"""Which condition a field can take, and what it says about one that it cannot."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import Final

from lark import Token

from strongroom.audit.query.language.errors import QueryError
from strongroom.audit.query.language.fields import (
    EXTRA,
    KNOWN,
    TIME,
    Takes,
    field_name,
    keys_of,
    takes,
    unit_of,
)
from strongroom.audit.query.language.quoting import is_bare, quoted, unquoted
from strongroom.audit.query.language.tree import (
    Above,
    AtLeast,
    AtMost,
    Below,
    Between,
    During,
    Is,
    Like,
    Present,
    Term,
    Within,
)
from strongroom.audit.query.language.values import (
    address,
    fits,
    is_point,
    network,
    number,
    span,
)

MAX_STARS: Final = 20
"""Asterisks in one pattern."""

_COMPARED: Final[dict[str, Callable[[str, str], Term]]] = {
    "above": Above,
    "at_least": AtLeast,
    "below": Below,
    "at_most": AtMost,
}

_PIECE: Final = re.compile(r'\*+|"(?:[^"\\]|\\.)*"|[^*"]+', re.DOTALL)

_PATTERNS: Final = (Takes.TEXT, Takes.ID, Takes.PERSON, Takes.NESTED)


def named(token: Token, behind: str) -> str:
    """The field that stands before a colon.

    :param behind: what stands behind it, as it is written
    :raises QueryError: when there is none of this name, with the nearest one
    """
    column = column_of(token)
    name = str(token[:-1])
    if name.startswith(f"{EXTRA}."):
        return field_name(keys_of(name, column))
    if name in KNOWN:
        return name
    head = name.partition(".")[0]
    if head in KNOWN:
        raise QueryError(f"{head} has no keys; only {EXTRA} has: {EXTRA}.invoice_id:7", column)
    near = difflib.get_close_matches(name.lower(), KNOWN, n=1)
    hint = f"did you mean {near[0]}?" if near else "for example event, level, filename."
    if name == "timestamp":
        near, hint = [TIME], f"did you mean {TIME}?"
    text = f"write {quoted(token + behind)}" if behind and '"' not in behind else "quote it"
    raise QueryError(
        f'there is no field "{name}"; {hint} To search for the text, {text}',
        column,
        length=len(name),
        suggestion=near[0] if near else "",
    )


def condition(field: str, operator: str, token: Token) -> Term:
    """What this operator asks of the field.

    :param operator: as the grammar calls it
    :raises QueryError: when the field cannot take it
    """
    if operator == "present":
        return _present(field, token)
    if operator == "like":
        return _like(field, token)
    if operator == "between":
        return _between(field, token)
    if operator == "is":
        return _is(field, token)
    value = unquoted(token, column_of(token)) if token.type == "PHRASE" else str(token)
    if not _is_end(field, value):
        raise _unfit(field, token)
    return _COMPARED[operator](field, value)


def _present(field: str, token: Token) -> Term:
    if takes(field) is Takes.TIME:
        raise _unfit(field, token)
    return Present(field)


def _is(field: str, token: Token) -> Term:
    kind = takes(field)
    if token.type == "PHRASE" and kind is not Takes.TIME:
        if kind is Takes.STRUCTURE:
            raise _unfit(field, token)
        return Is(field, unquoted(token, column_of(token)))
    value = str(token)
    if kind is Takes.TIME and (is_point(value) or span(value) is not None):
        return During(value)
    if kind is Takes.ADDRESS and network(value) is not None:
        return Within(field, value)
    if kind in (Takes.TIME, Takes.STRUCTURE) or ".." in value or not fits(field, value):
        raise _unfit(field, token)
    return Is(field, value)


def _like(field: str, token: Token) -> Term:
    if takes(field) not in _PATTERNS:
        raise _unfit(field, token)
    pieces = [""]
    for match in _PIECE.finditer(token):
        written = match[0]
        if written[0] == "*":
            pieces.append("")
        elif written[0] == '"':
            pieces[-1] += unquoted(written, column_of(token) + match.start())
        else:
            pieces[-1] += written
    if len(pieces) - 1 > MAX_STARS:
        raise QueryError(f"a pattern has at most {MAX_STARS} asterisks", column_of(token))
    whole = (pieces[0], *filter(None, pieces[1:-1]), pieces[-1])
    return Like(field, whole) if any(whole) else Present(field)


def _between(field: str, token: Token) -> Term:
    low, _, high = token.partition("..")
    addresses = takes(field) is Takes.ADDRESS and address(low) and address(high)
    if not addresses and not (_is_end(field, low) and _is_end(field, high)):
        raise _unfit(field, token)
    if _reversed(field, low, high):
        raise QueryError(
            f"{token} ends before it begins; write the lower end first", column_of(token)
        )
    return Between(field, low, high)


def _is_end(field: str, value: str) -> bool:
    """Whether something of this field can be greater or less than that."""
    kind = takes(field)
    if kind is Takes.TIME:
        return is_point(value)
    return kind in (Takes.NUMBER, Takes.NESTED) and number(field, value) is not None


def _reversed(field: str, low: str, high: str) -> bool:
    first, last = address(low), address(high)
    if first is not None and last is not None and takes(field) is Takes.ADDRESS:
        return first.version > last.version or (
            first.version == last.version and int(first) > int(last)
        )
    one, other = number(field, low), number(field, high)
    return one is not None and other is not None and one > other


def _unfit(field: str, token: Token) -> QueryError:
    text = f"{field} takes {_taken(field)}"
    if takes(field) not in (Takes.TIME, Takes.STRUCTURE) and token.type != "PHRASE":
        literal = token if is_bare(token) or '"' not in token else token.replace('"', "")
        text += f"; to ask for exactly this text, write {field}:{quoted(literal)}"
    return QueryError(text, column_of(token))


def _taken(field: str) -> str:
    kind = takes(field)
    if kind is Takes.NUMBER:
        one, other = {"bytes": ("10MB", "1GiB"), "ms": ("250ms", "1.5s")}.get(
            unit_of(field), ("400", "499")
        )
        return f"a number: {field}:{one}, {field}:>={one}, {field}:{one}..{other}"
    return {
        Takes.TEXT: f'one value or a pattern: {field}:a, {field}:"a b", {field}:a*',
        Takes.ID: f"an id, or the beginning of one: {field}:0190*",
        Takes.ADDRESS: f"an address, a network or a range: {field}:192.0.2.1, "
        f"{field}:192.0.2.0/24, {field}:192.0.2.1..192.0.2.9",
        Takes.BOOLEAN: f"true or false: {field}:true",
        Takes.TIME: "a span, a day or a range: time:15m, time:24h, time:today, time:2026-11-01, "
        "time:2026-11-01..2026-11-03, time:>=2026-11-01T14:30",
        Takes.PERSON: f'a name or a pattern: {field}:ana, {field}:"Ana B", {field}:an*',
        Takes.NESTED: f"a value, a pattern, or a number to compare with: {field}:7, {field}:a*, "
        f"{field}:>=7, {field}:1..7",
        Takes.STRUCTURE: f"only an asterisk, for records that have it: {field}:*"
        + (f"; its keys take values: {EXTRA}.invoice_id:7" if field == EXTRA else ""),
    }[kind]


def column_of(token: Token) -> int:
    """Where a token begins, counted from 1."""
    return (token.start_pos or 0) + 1

"""Why a text is no query: said in the words of who typed it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lark import Token

from strongroom.audit.query.language.conditions import column_of
from strongroom.audit.query.language.errors import QueryError

JOINING: Final = frozenset({"_OR", "_AND"})
_COMPARING: Final = frozenset({"_GT", "_GE", "_LT", "_LE"})
_LEADING: Final = JOINING | {"_NOT", "_MINUS"}
_TAKES_WHAT_FOLLOWS: Final = frozenset({"FIELD"}) | _COMPARING
_OPENING: Final = frozenset({"_LPAR", "FIELD"}) | _LEADING


def no_token(text: str, position: int, before: Sequence[Token]) -> QueryError:
    """Nothing of the language begins at this position of the text."""
    last = before[-1] if before else None
    if text[position] == '"':
        return QueryError('this quotation mark has no end; close it with "', position + 1)
    if last is not None and last.type in _TAKES_WHAT_FOLLOWS:
        return _valueless(position + 1, before)
    return QueryError(f"{text[position]} cannot stand here; {_LITERALLY}", position + 1)


def out_of_place(token: Token, before: Sequence[Token]) -> QueryError:
    """This token cannot follow on those."""
    last = before[-1] if before else None
    if token.type == "_RPAR" and last is not None and last.type == "_LPAR":
        return QueryError("nothing stands between these parentheses", column_of(last))
    if last is not None and last.type in _LEADING and token.type in JOINING | {"_RPAR"}:
        return _incomplete(last)
    if token.type == "_RPAR":
        return QueryError(f"this parenthesis closes nothing; {_LITERALLY}", column_of(token))
    if token.type in JOINING:
        return misplaced_keyword(token)
    if last is not None and last.type in _TAKES_WHAT_FOLLOWS:
        return _valueless(column_of(token), before)
    return QueryError(f"{token} cannot stand here; {_LITERALLY}", column_of(token))


def at_the_end(text: str, before: Sequence[Token]) -> QueryError:
    """More had to come."""
    last = before[-1]
    if last.type in _LEADING:
        return _incomplete(last)
    open_ones: list[Token] = []
    for token in before:
        if token.type == "_LPAR":
            open_ones.append(token)
        elif token.type == "_RPAR":
            open_ones.pop()
    if open_ones:
        return QueryError("this parenthesis has no end; close it with )", column_of(open_ones[-1]))
    return QueryError("the query ends too early", len(text))


def touching(token: Token, before: Sequence[Token]) -> QueryError | None:
    """The error of two terms without a space between them; None where all is well."""
    last = before[-1] if before else None
    if last is None or last.end_pos != token.start_pos:
        return None
    if last.type == "_RPAR" or last.type in _OPENING or last.type in _COMPARING:
        return None
    if token.type == "_RPAR":
        return None
    what = "parenthesis" if token.type == "_LPAR" else "quotation mark"
    if '"' not in (token[0], last[-1]) and token.type != "_LPAR":
        what = "value"
    where = last if last[-1] == '"' else token
    return QueryError(
        f"a {what} stands inside a word; put a space before it, or the whole into quotation marks",
        column_of(where),
    )


def misplaced_keyword(token: Token) -> QueryError:
    """An ``OR`` or ``AND`` that joins nothing."""
    return QueryError(
        f'{token} must have a term on either side; write "{token}" to search for the word',
        column_of(token),
    )


def _valueless(column: int, before: Sequence[Token]) -> QueryError:
    written = "".join(before[-2:]) if before[-1].type in _COMPARING else str(before[-1])
    return QueryError(f"{written} needs one value right behind it, without a space", column)


def _incomplete(token: Token) -> QueryError:
    return QueryError(
        f'something must follow on {token}; write "{token}" to search for the text',
        column_of(token),
    )


_LITERALLY: Final = "put it into quotation marks to search for it literally"

"""Reads a query. Errors name the column and say what would be valid."""

from __future__ import annotations

import difflib
import re
from typing import Final

from strongroom.audit.query.language.tree import SEARCHABLE, FieldTerm, Query, TextTerm

MAX_LENGTH: Final = 2_000
"""Characters of a query; what people type is far below it."""

_TOKEN: Final = re.compile(
    r"""
    (?P<space>\s+)
  | (?:(?P<field>[A-Za-z_][\w.]*):)?
    (?:"(?P<phrase>(?:[^"\\]|\\.)*)"|(?P<word>[^\s"]+)) (?=\s|$)
    """,
    re.VERBOSE,
)

_LATER: Final = re.compile(r"-.|[()].*|.*[()]$|OR$|NOT$|AND$")


class QueryError(ValueError):
    """A query that cannot be understood.

    :param column: where, counted from 1
    """

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.column = column


def parse(text: str) -> Query:
    """The query that this text means.

    :raises QueryError: with the column and what would be valid there
    """
    if len(text) > MAX_LENGTH:
        raise QueryError(f"a query has at most {MAX_LENGTH:,} characters", MAX_LENGTH)
    terms: list[FieldTerm | TextTerm] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise QueryError(
                'a quotation mark has no end, or stands inside a word; close it with "',
                position + 1,
            )
        if match["space"] is None:
            terms.append(_term(match, position + 1))
        position = match.end()
    return Query(tuple(terms))


def _term(match: re.Match[str], column: int) -> FieldTerm | TextTerm:
    field, phrase, word = match["field"], match["phrase"], match["word"]
    value = word if phrase is None else re.sub(r"\\(.)", r"\1", phrase)
    if field is None:
        if phrase is None and word.endswith(":") and word[:-1] in SEARCHABLE:
            raise QueryError(f"{word} has no value; write {word}value", column)
        if phrase is None and _LATER.match(word):
            raise QueryError(
                f'"{word}" is not supported yet; every word given must be found, '
                "and quotation marks search for it literally",
                column,
            )
        return TextTerm(value)
    if field not in SEARCHABLE:
        raise QueryError(_unknown(field, value), column)
    if phrase is None and re.search(r"[*()<>]|\.\.", value):
        raise QueryError(
            f"{field}: takes one exact value so far; put it in quotation marks "
            "if it is meant literally",
            column,
        )
    return FieldTerm(field, value)


def _unknown(field: str, value: str) -> str:
    near = difflib.get_close_matches(field, SEARCHABLE, n=1)
    hint = f"did you mean {near[0]}?" if near else "for example event, level, filename"
    return f'there is no field "{field}"; {hint} To search for the text, write "{field}:{value}"'

"""Reads a query. Errors name the column and say what would be valid."""

from __future__ import annotations

import contextlib
from functools import cache
from typing import Final, cast

from lark import Lark, Token, Tree, UnexpectedCharacters, UnexpectedToken

from strongroom.audit.query.language import explain
from strongroom.audit.query.language.conditions import column_of, condition, named
from strongroom.audit.query.language.errors import QueryError
from strongroom.audit.query.language.fields import KNOWN, Takes, takes
from strongroom.audit.query.language.query import Query
from strongroom.audit.query.language.quoting import unquoted
from strongroom.audit.query.language.tree import And, Not, Or, Term, Text

MAX_LENGTH: Final = 2_000
"""Characters of a query; what people type is far below it."""

KEYWORDS: Final = frozenset({"OR", "AND", "NOT"})
"""Words with a meaning, in exactly these letters."""

MAX_TERMS: Final = 100
"""Words and conditions of a query."""

MAX_DEPTH: Final = 20
"""Parentheses and negations inside each other."""


def parse(text: str) -> Query:
    """The query that this text means. Thread-safe.

    :raises QueryError: with the column and what would be valid there
    """
    if len(text) > MAX_LENGTH:
        raise QueryError(f"a query has at most {MAX_LENGTH:,} characters", MAX_LENGTH)
    for column, character in enumerate(text, 1):
        if "\ud800" <= character < "\ue000":
            raise QueryError("this is no character of Unicode", column)
    tree = _read(text, [])
    if not tree.children:
        return Query()
    return Query(_Builder().terms(_child(tree)))


@cache
def _parser() -> Lark:
    return Lark.open_from_package(
        __name__, "query.lark", parser="lalr", lexer="contextual", maybe_placeholders=False
    )


def tokens(text: str) -> list[Token]:
    """The tokens of a text, up to where it makes no sense any longer."""
    before: list[Token] = []
    with contextlib.suppress(QueryError):
        _read(text, before)
    return before


def _read(text: str, before: list[Token]) -> Tree[Token]:
    """The tree of rules.

    :param before: takes the tokens that were read
    """
    reading = _parser().parse_interactive(text)
    try:
        for token in reading.iter_parse():
            if (error := explain.touching(token, before)) is not None:
                raise error
            before.append(token)
        tree: Tree[Token] = reading.feed_token(Token("$END", ""))
    except UnexpectedCharacters as error:
        raise explain.no_token(text, cast("int", error.pos_in_stream), before) from None
    except UnexpectedToken as error:
        if error.token.type == "$END":
            raise explain.at_the_end(text, before) from None
        if before and before[-1] is error.token:
            before.pop()
        raise explain.out_of_place(error.token, before) from None
    return tree


class _Builder:
    """Makes operators of one parsed text, and counts them."""

    def __init__(self) -> None:
        self._count = 0

    def terms(self, either: Tree[Token]) -> tuple[Term, ...]:
        """The terms that must all hold."""
        if len(either.children) > 1:
            return (self._term(either, None, 0),)
        return tuple(self._term(part, None, 0) for part in _trees(_child(either)))

    def _term(self, tree: Tree[Token], field: str | None, depth: int) -> Term:
        """The operator that a part of the text means.

        :param field: whose parentheses it stands in, if it does
        """
        rule = str(tree.data).removeprefix("in_")
        if rule in ("either", "every"):
            parts = tuple(self._term(part, field, depth) for part in _trees(tree))
            return parts[0] if len(parts) == 1 else (Or if rule == "either" else And)(parts)
        if rule in ("negated", "group", "field_group"):
            if depth == MAX_DEPTH:
                raise QueryError(
                    f"more than {MAX_DEPTH} parentheses or negations stand inside each other",
                    _column(tree),
                )
            inside = self._term(_child(tree), field, depth + 1)
            return Not(inside) if rule == "negated" else inside
        if rule == "on":
            part = _child(tree)
            name = named(_token(tree), "" if part.data == "field_group" else _token(part))
            return self._term(part, name, depth)
        return self._leaf(tree, rule, field)

    def _leaf(self, tree: Tree[Token], rule: str, field: str | None) -> Term:
        token = _token(tree)
        self._count += 1
        if self._count > MAX_TERMS:
            raise QueryError(
                f"a query has at most {MAX_TERMS} words and conditions", column_of(token)
            )
        if field is None:
            return _word(token)
        head, colon, _ = token.partition(":")
        if tree.data == "in_is" and token in KEYWORDS:
            raise explain.misplaced_keyword(token)
        if tree.data == "in_is" and colon and head in KNOWN:
            raise QueryError(
                f"{head}: cannot stand inside the parentheses of {field}:", column_of(token)
            )
        return condition(field, rule, token)


def _word(token: Token) -> Text:
    column = column_of(token)
    if token.type == "PHRASE":
        return Text(unquoted(token, column))
    if token in KEYWORDS:
        raise explain.misplaced_keyword(token)
    if token[-1] == ":" and token[:-1] in KNOWN:
        example = "24h" if takes(token[:-1]) is Takes.TIME else "value"
        raise QueryError(f"{token} has no value; write {token}{example}", column)
    if "*" in token:
        raise QueryError(
            "a word is found anywhere in a text, without an asterisk; "
            f'to search for the asterisk, write "{token}"',
            column,
        )
    return Text(str(token))


def _trees(tree: Tree[Token]) -> list[Tree[Token]]:
    return [child for child in tree.children if isinstance(child, Tree)]


def _child(tree: Tree[Token]) -> Tree[Token]:
    return _trees(tree)[0]


def _token(tree: Tree[Token]) -> Token:
    token = tree.children[0]
    assert isinstance(token, Token)
    return token


def _column(tree: Tree[Token]) -> int:
    """Where the first word inside begins, counted from 1."""
    while isinstance(first := tree.children[0], Tree):
        tree = first
    return column_of(first)

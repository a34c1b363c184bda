"""Printed and parsed again, a query is the same; no text does worse than a clear error."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from lark import Token

from strongroom.audit.query.language import (
    MAX_LENGTH,
    SEARCHABLE,
    Is,
    Like,
    Query,
    QueryError,
    Term,
    Text,
    parse,
)
from strongroom.audit.query.language.parse import tokens
from tests.unit.query.making import any_keys, any_pieces, any_text, queries, terms

# More of what has a meaning than chance would give.
mixed = st.lists(
    st.sampled_from(
        [
            '"', "\\", ":", " ", "\n", "(", ")", "*", "..", "<", ">", ">=", "-", "OR", "NOT", "AND",
            "event", "level:", "filename:", "status:", "time:", "extra.a:", "ip_address:", "nothing:",
            "\u3000", "a", "日本語", "24h", "404", "10.0.0.0/8", "10MB", "1..5", "user:",
        ]
    )
    | st.text(max_size=3),
    max_size=12,
).map("".join)  # fmt: skip


def outcome(text: str) -> Query | QueryError:
    """What the text means, or why it means nothing."""
    try:
        return parse(text)
    except QueryError as error:
        return error


@given(queries)
def test_a_tree_survives_printing(query: Query) -> None:
    printed = str(query)
    assert parse(printed) == query
    assert str(parse(printed)) == printed


@given(any_text, any_keys, any_pieces, st.sampled_from(sorted(SEARCHABLE)))
@example("\0\x85\u2028\u202e\ufeff", 'extra."\\u{0}"', ("\0", "\n"), "filename")
def test_any_text_can_be_written(text: str, keys: str, pieces: tuple[str, ...], field: str) -> None:
    for term in (Text(text), Is(field, text), Is(keys, text), Like(keys, pieces)):
        for query in (Query((term,)), Query((term, Text("b")))):
            printed = str(query)
            assert parse(printed) == query
            assert not {"\n", "\0", "\u202e", "\u2028"} & set(printed)


@given(mixed)
@example("a\x85b")
@example('\\"')
@example("(a b) c OR -(d OR e)")
def test_a_text_that_parses_survives_printing(text: str) -> None:
    query = outcome(text)
    if isinstance(query, QueryError):
        assert 1 <= query.column <= max(len(text), 1)
        assert query.message
    else:
        printed = str(query)
        assert parse(printed) == query
        assert str(parse(printed)) == printed


@given(st.text(min_size=MAX_LENGTH - 5, max_size=MAX_LENGTH + 5) | st.text())
def test_any_text_is_understood_or_refused(text: str) -> None:
    query = outcome(text)
    if isinstance(query, QueryError):
        assert 1 <= query.column <= MAX_LENGTH
    else:
        assert len(text) <= MAX_LENGTH


@given(
    st.lists(mixed, min_size=1, max_size=5).map("".join),
    st.integers(1, MAX_LENGTH),
)
@example("a(", MAX_LENGTH)
@example('"\\', MAX_LENGTH)
@example("*a", MAX_LENGTH)
@example("filename:*", MAX_LENGTH)
def test_no_text_is_read_in_more_steps_than_it_has_characters(text: str, length: int) -> None:
    """What is read once stays read: the time grows with the text, and not faster."""
    repeated = (text * (length // max(len(text), 1) + 1))[:length]
    found: list[Token] = tokens(repeated)
    assert len(found) <= length
    ends = [token.end_pos or 0 for token in found]
    assert ends == sorted(set(ends))


@given(queries, terms)
def test_a_term_added_and_taken_away(query: Query, term: Term) -> None:
    assert term not in query.without(term).terms
    if isinstance(term, Is):
        asked = query.with_field(term.field, term.value)
        same = [t for t in asked.terms if isinstance(t, Is) and t.field == term.field]
        assert same == [term]
        for changed in (
            asked,
            query.including(term.field, term.value),
            query.excluding(term.field, term.value),
        ):
            assert parse(str(changed)) == changed

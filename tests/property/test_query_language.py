"""Printed and parsed again, a query is the same; no text does worse than a clear error."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from strongroom.audit.query.language import (
    SEARCHABLE,
    FieldTerm,
    Query,
    QueryError,
    TextTerm,
    parse,
)
from strongroom.audit.query.language.parse import MAX_LENGTH

# More of what has a meaning than chance would give.
pieces = st.sampled_from(
    [
        '"', "\\", ":", " ", "\n", "(", ")", "*", "..", "<", ">", "-", "OR", "NOT", "AND", "event",
        "level:", "filename:", "nothing:", "\u3000", "a", "日本語",
    ]
)  # fmt: skip
values = st.lists(pieces | st.text(max_size=3), max_size=8).map("".join)
terms = st.builds(TextTerm, values) | st.builds(
    FieldTerm, st.sampled_from(sorted(SEARCHABLE)), values
)
queries = st.builds(Query, st.lists(terms, max_size=5).map(tuple))


def outcome(text: str) -> Query | QueryError:
    """What the text means, or why it means nothing."""
    try:
        return parse(text)
    except QueryError as error:
        return error


@given(queries)
def test_a_tree_survives_printing(query: Query) -> None:
    assert parse(str(query)) == query


@given(values)
@example("a\x85b")
@example('\\"')
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


@given(queries, terms)
def test_a_term_added_and_taken_away(query: Query, term: FieldTerm | TextTerm) -> None:
    assert term not in query.without(term).terms
    if isinstance(term, FieldTerm):
        asked = query.with_field(term.field, term.value)
        same_field = [t for t in asked.terms if isinstance(t, FieldTerm) and t.field == term.field]
        assert same_field == [term]
        assert parse(str(asked)) == asked

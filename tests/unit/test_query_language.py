"""The query language: what it takes, and how it says what it does not take."""

from __future__ import annotations

import pytest

from strongroom.audit.query.language import (
    SEARCHABLE,
    FieldTerm,
    Query,
    QueryError,
    TextTerm,
    parse,
)
from strongroom.audit.query.language.parse import MAX_LENGTH

Terms = list[FieldTerm | TextTerm]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        (" \t\n ", []),
        ("report", [TextTerm("report")]),
        ("two words", [TextTerm("two"), TextTerm("words")]),
        ('"two words"', [TextTerm("two words")]),
        ('""', [TextTerm("")]),
        ("日本語 größe", [TextTerm("日本語"), TextTerm("größe")]),
        ("event:file_uploaded", [FieldTerm("event", "file_uploaded")]),
        ('filename:"a b.txt"', [FieldTerm("filename", "a b.txt")]),
        ('filename:""', [FieldTerm("filename", "")]),
        ("path:/a:b", [FieldTerm("path", "/a:b")]),
        (r'"a \"quoted\" \\ word"', [TextTerm('a "quoted" \\ word')]),
        (r"back\slash", [TextTerm(r"back\slash")]),
        ('"event:file_uploaded"', [TextTerm("event:file_uploaded")]),
        ('"-not"', [TextTerm("-not")]),
        ('"OR"', [TextTerm("OR")]),
        ("or and not", [TextTerm("or"), TextTerm("and"), TextTerm("not")]),
        ("-", [TextTerm("-")]),
        ("10%", [TextTerm("10%")]),
        (
            "level:error  event:response a",
            [FieldTerm("level", "error"), FieldTerm("event", "response"), TextTerm("a")],
        ),
    ],
)
def test_what_a_query_means(text: str, terms: Terms) -> None:
    assert parse(text) == Query(tuple(terms))
    assert parse(str(parse(text))) == parse(text)


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ('"open', 1, "quotation mark"),
        ('a b "open', 5, "quotation mark"),
        ('event:"open', 1, "quotation mark"),
        ("a evnt:x", 3, "did you mean event?"),
        ("filname:x", 1, "did you mean filename?"),
        ("Event:x", 1, "did you mean event?"),
        ("http://example.org", 1, 'write "http://example.org"'),
        ("qqqq:x", 1, "for example event"),
        ("extra.invoice:7", 1, 'no field "extra.invoice"'),
        ("timestamp:2026", 1, 'no field "timestamp"'),
        ("event:", 1, "event:value"),
        ("a level: error", 3, "level:value"),
        ("-word", 1, "not supported yet"),
        ("a OR b", 3, "not supported yet"),
        ("NOT a", 1, "not supported yet"),
        ("a AND b", 3, "not supported yet"),
        ("(a b)", 1, "not supported yet"),
        ("event:(a", 1, "exact value"),
        ("filename:*.txt", 1, "quotation marks"),
        ("status:>400", 1, "quotation marks"),
        ("status:400..500", 1, "quotation marks"),
    ],
)
def test_what_cannot_be_understood(text: str, column: int, said: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse(text)
    assert raised.value.column == column
    assert said in raised.value.message
    assert str(raised.value) == raised.value.message


def test_a_suggestion_can_be_typed_as_it_is() -> None:
    with pytest.raises(QueryError) as raised:
        parse("http://example.org")
    suggested = raised.value.message.rpartition("write ")[2]
    assert parse(suggested) == Query((TextTerm("http://example.org"),))


def test_the_longest_query() -> None:
    assert parse("x" * MAX_LENGTH) == Query((TextTerm("x" * MAX_LENGTH),))
    with pytest.raises(QueryError, match="2,000 characters"):
        parse("x" * (MAX_LENGTH + 1))


@pytest.mark.parametrize("name", sorted(SEARCHABLE))
def test_every_searchable_field(name: str) -> None:
    assert parse(f"{name}:x") == Query((FieldTerm(name, "x"),))


def test_which_fields_can_be_searched() -> None:
    assert {"event", "level", "stream", "seq", "id", "request_id", "filename"} <= SEARCHABLE
    assert SEARCHABLE.isdisjoint({"timestamp", "exception", "extra", "duration_ms"})


def test_asking_for_another_value_of_a_field() -> None:
    query = parse("a level:info event:request level:debug")
    assert str(query.with_field("level", "error")) == "a event:request level:error"
    assert str(query.with_field("user_id", "u 1")) == f'{query} user_id:"u 1"'


def test_taking_a_term_away() -> None:
    query = parse("a level:info a b")
    assert str(query.without(TextTerm("a"))) == "level:info b"
    assert str(query.without(FieldTerm("level", "info"))) == "a a b"
    assert query.without(TextTerm("z")) == query

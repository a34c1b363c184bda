"""What cannot be understood: the column, and what would be valid."""

from __future__ import annotations

import pytest

from strongroom.audit.query.language import (
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_TERMS,
    Is,
    Query,
    QueryError,
    Text,
    parse,
)


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ('"open', 1, "quotation mark has no end"),
        ('a b "open', 5, "quotation mark has no end"),
        ('event:"open', 7, "quotation mark has no end"),
        ('a"b"', 2, "put a space"),
        ('"a"b', 1, "put a space"),
        ('event:"a""b"', 7, "put a space"),
        ("a(b", 2, "put a space"),
        ("(a", 1, "parenthesis has no end"),
        ("a (b (c)", 3, "parenthesis has no end"),
        ("a)", 2, "closes nothing"),
        ("a (b)) c", 6, "closes nothing"),
        ("()", 1, "nothing stands between"),
        ("a event:( )", 9, "nothing stands between"),
        ("a OR", 3, "must follow on OR"),
        ("(a OR)", 4, "must follow on OR"),
        ("OR a", 1, "on either side"),
        ("a OR OR b", 6, "on either side"),
        ("event:(AND a)", 8, "on either side"),
        ("NOT", 1, "must follow on NOT"),
        ("a evnt:x", 3, "did you mean event?"),
        ("filname:x", 1, "did you mean filename?"),
        ("Event:x", 1, "did you mean event?"),
        ("ip:x", 1, 'no field "ip"'),
        ("timestamp:2026-11-01", 1, "did you mean time?"),
        ("http://example.org", 1, 'write "http://example.org"'),
        ("filename.x:4", 1, "only extra has"),
        ("event:", 1, "write event:value"),
        ("a level: error", 3, "write level:value"),
        ("time:", 1, "write time:24h"),
        ("status:> 400", 8, "without a space"),
        ("status:>*", 9, "without a space"),
        ("status:abc", 8, "status takes a number"),
        ("status:4*", 8, "status takes a number"),
        ("status:>abc", 9, "status takes a number"),
        ("status:10MB", 8, "status takes a number"),
        ("file_size_bytes:10s", 17, "file_size_bytes:>=10MB"),
        ("duration_ms:10MB", 13, "duration_ms:250ms"),
        ("status:1..", 8, "status takes a number"),
        ("status:a..b", 8, "status takes a number"),
        ("status:9..1", 8, "ends before it begins"),
        ("ip_address:10.0.0.9..10.0.0.1", 12, "ends before it begins"),
        ("ip_address:10.0.0.300", 12, "an address, a network or a range"),
        ("ip_address:10.0.0.0/33", 12, "an address, a network or a range"),
        ("ip_address:10.*", 12, "an address, a network or a range"),
        ("ip_address:>10.0.0.1", 13, "an address, a network or a range"),
        ("aborted:yes", 9, "true or false"),
        ("filename:>4", 11, "filename takes one value or a pattern"),
        ("filename:a..b", 10, 'write filename:"a..b"'),
        ("request_id:>0190", 13, "request_id takes an id"),
        ("user:>a", 7, "user takes a name"),
        ("extra:5", 7, "extra.invoice_id:7"),
        ("exception:x", 11, "exception:*"),
        ("time:*", 6, "time takes"),
        ("time:noon", 6, "time takes"),
        ("time:2026-02-30", 6, "time takes"),
        ("time:2026-11-01T24:00", 6, "time takes"),
        ('time:"24h"', 6, "time takes"),
        ("time:>24h", 7, "time takes"),
        ("extra.a:>x", 10, "extra.a takes"),
        ("pre*", 1, "without an asterisk"),
        ("event:(level:x)", 8, "cannot stand inside"),
        (r'"\d"', 2, "means nothing"),
        (r'filename:"a\u{d800}"', 12, "means nothing"),
        (r'extra."\q":1', 8, "means nothing"),
        ("a \ud800", 3, "no character"),
        (f"filename:{'a*' * 21}", 10, "20 asterisks"),
        ("(" * 21 + "a" + ")" * 21, 22, "inside each other"),
        ("-" * 21 + "a", 22, "inside each other"),
        ("event:" + "(" * 21 + "a" + ")" * 21, 28, "inside each other"),
        ("a " * 101, 201, "100 words and conditions"),
    ],
)
def test_what_cannot_be_understood(text: str, column: int, said: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse(text)
    assert said in raised.value.message
    assert raised.value.column == column
    assert str(raised.value) == raised.value.message


def test_a_suggestion_can_be_typed_as_it_is() -> None:
    for text, meant in (
        ("http://example.org", Text("http://example.org")),
        ("filename:a..b", Is("filename", "a..b")),
        ("status:abc", Is("status", "abc")),
        ("pre*", Text("pre*")),
    ):
        with pytest.raises(QueryError) as raised:
            parse(text)
        assert parse(raised.value.message.rpartition("write ")[2]) == Query((meant,))


def test_the_limits_themselves_are_allowed() -> None:
    assert parse("x" * MAX_LENGTH) == Query((Text("x" * MAX_LENGTH),))
    with pytest.raises(QueryError, match="2,000 characters"):
        parse("x" * (MAX_LENGTH + 1))
    assert len(parse("a " * MAX_TERMS).terms) == MAX_TERMS
    assert parse("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH) == Query((Text("a"),))
    assert str(parse("filename:" + "a*" * 20)) == "filename:" + "a*" * 20


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("or and not", "or"),
        ("ORacle", "ORacle"),
        ("-", "-"),
        ("10%", "10%"),
        ("report(1).pdf", "report(1).pdf"),
        ("a..b", "a..b"),
        ("10:30", "10:30"),
        ("C++", "C++"),
        (r"back\slash", r"back\slash"),
        ("<b>", "<b>"),
        ('"event:x"', "event:x"),
        (r'"a \"quoted\" \\ word\n\u{1f600}"', 'a "quoted" \\ word\n\U0001f600'),
        ("日本語", "日本語"),
    ],
)
def test_words_without_another_meaning(text: str, word: str) -> None:
    assert parse(text).terms[0] == Text(word)

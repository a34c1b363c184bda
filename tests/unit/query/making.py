"""Made-up records and queries about them: every type, and whatever is of the wrong one."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import duckdb
from hypothesis import strategies as st
from sqlalchemy import Row

from strongroom.audit.archive.relation import create_table, load
from strongroom.audit.events import Stream
from strongroom.audit.events.fields import FIELDS
from strongroom.audit.journal import encode
from strongroom.audit.pipeline.clock import new_id
from strongroom.audit.query.language import (
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
    Query,
    Text,
    Within,
)
from strongroom.audit.query.language.fields import KNOWN, Takes, field_name
from strongroom.audit.query.language.values import number
from strongroom.audit.query.names import Fits
from tests.unit.making import as_row, row_of

NOW: Final = datetime(2026, 11, 24, 13, 30, 15, 250_000, UTC)
NOW_MICROSECONDS: Final = (NOW - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)

PEOPLE: Final = {"u1": "Ana Löw", "u2": "ana lo\u0308w", "u3": "Bob", "u4": "İpek Σας"}

IDS: Final = [f"0190163d-8694-7{n:03x}-aea5-966c26f8ad91" for n in range(4)]

TEXTS: Final = [
    "report.pdf", "Report 2026.PDF", "REPORT", "a*b", 'say "hi"', "back\\slash", "(1) a.txt", "OR",
    "-x", "a..b", "x:y", "level:info", "größe", "GRÖSSE", "gro\u0308ße", "İstanbul", "ΟΔΟΣ", "日本語.txt",
    "nul\0l", "bidi\u202egnp.exe", "👩\u200d👩 family", "", " ", "\t\n", "unit\x1fseparator", "100%", "a_b",
    "null", "true", "404", "1.5", IDS[0], IDS[1].upper(), "10.0.0.1", "u1", "\u2028", "~/x", "'; --", "[a]",
]  # fmt: skip

ADDRESSES: Final = [
    "10.0.0.1", "10.0.0.255", "10.0.1.0", "192.0.2.7", "255.255.255.255", "0.0.0.0", "::", "::1",
    "2001:db8::1", "2001:db8:ffff::", "2001:DB8::1", "::ffff:10.0.0.1", "::ffff:a00:1", "fe80::1%eth0",
    "unknown", "10.0.0.1:80",
]  # fmt: skip

NUMBERS: Final = [
    0, 1, -1, 7, 200, 404, 500, 1_000, 1_024, 10_000_000, 10_485_760, 2**31, 2**53, 2**53 + 1,
    2**63 - 1, -(2**63), 2**63, 2**64 - 1, 0.1, 1.5, 404.0, 404.5, -0.5, 1e16, 1e300, 3600000.0,
]  # fmt: skip

ODD: Final = [True, False, None, [], {}, ["a", 1], {"a": {"b": "Report"}}, "report", 7, 1.5, "404"]
"""What stands in a field that should have another type."""

TIMES: Final = [
    "2026-11-24T13:30:15.250000Z", "2026-11-24T13:30:15.249999Z", "2026-11-24T00:00:00.000000Z",
    "2026-11-23T23:59:59.999999Z", "2026-11-23T13:30:15.250000Z", "2026-11-01T12:00:00.000000Z",
    "2026-11-03T23:59:59.999999Z", "2026-11-04T00:00:00.000000Z", "1969-12-31T23:59:59.999999Z",
    "2025-02-28T14:30:00.000000Z", "2025-02-28T14:30:59.999999Z", "9999-12-31T23:59:59.999999Z",
]  # fmt: skip

EXTRAS: Final = [
    {"invoice_id": 7}, {"invoice_id": "7"}, {"invoice_id": 7.0}, {"invoice_id": None}, {"paid": True},
    {"paid": "true"}, {"a": {"b": {"c": "Deep Report"}}}, {"a b": {"/~": 1.5}}, {"list": ["x", {"y": 404}]},
    {"took_ms": 1500}, {"size_bytes": 2_000_000}, {"text": "nul\0l \u202e"}, {"big": 2**64 - 1}, {"": 1},
    {"0": "zero"}, ["in", "a list"], {'q"uote\\': "x"},
]  # fmt: skip

EXTRA_FIELDS: Final = [
    "extra.invoice_id", "extra.paid", "extra.a.b.c", "extra.a", 'extra."a b"."/~"', "extra.list.0",
    "extra.list.1.y", "extra.list.01", "extra.list.7", "extra.took_ms", "extra.size_bytes", "extra.text",
    "extra.big", "extra.0", "extra.1", 'extra."q\\"uote\\\\"', "extra.none", 'extra.""',
]  # fmt: skip

BY_TYPE: Final[Mapping[str, list[Any]]] = {
    "UUIDv7": [*IDS, IDS[0].upper(), "r1", ""],
    "IP address": ADDRESSES,
    "integer": NUMBERS,
    "number": NUMBERS,
    "boolean": [True, False],
    "object": EXTRAS,
    "list of exceptions with frames": [[{"exc_value": "Report failed"}], [{"frames": [{"n": 1}]}]],
}
GIVEN: Final = {"timestamp", "id", "level", "event", "stream", "seq"}
"""Fields that every record has, and not of just any type."""


def some_records(count: int, *, odd: bool) -> list[dict[str, Any]]:
    """Records that are the same each time.

    :param odd: with values of the wrong type, and fields that nobody knows
    """
    chance = random.Random(7)
    return [_record(chance, odd=odd) for _ in range(count)]


def _record(chance: random.Random, *, odd: bool) -> dict[str, Any]:
    record: dict[str, Any] = {
        "timestamp": chance.choice(TIMES),
        "id": new_id(),
        "level": chance.choice(["debug", "info", "warning", "error"]),
        "event": chance.choice(["request", "response", "file_uploaded", "login_failed"]),
    }
    for name in chance.sample(sorted(FIELDS.keys() - GIVEN), chance.randrange(16)):
        values = BY_TYPE.get(FIELDS[name].type, TEXTS)
        if name in ("user_id", "target_user_id"):
            values = [*PEOPLE, "u5"]
        value = chance.choice(ODD if odd and chance.random() < 0.2 else values)
        if odd or _fits(FIELDS[name].type, value):
            record[name] = value
    if odd and chance.random() < 0.1:
        record[chance.choice(["unknown", "user"])] = chance.choice(TEXTS)
    return record


def _fits(kind: str, value: Any) -> bool:
    if kind == "UUIDv7":
        return value in IDS
    if kind == "IP address":
        return value in ADDRESSES[:10]
    if kind == "integer":
        return isinstance(value, int) and -(2**63) <= value < 2**63
    return kind != "number" or abs(value) < 2**53


def rows_of(records: Iterable[Mapping[str, Any]]) -> list[Row[Any]]:
    """Rows of the journal, some in each stream."""
    streams = (Stream.AUDIT, Stream.OPS, Stream.IMPORTED)
    return [
        as_row(row_of(encode(dict(record), streams[seq % 3]), seq))
        for seq, record in enumerate(records)
    ]


def table_of(connection: duckdb.DuckDBPyConnection, name: str, rows: Iterable[Row[Any]]) -> None:
    """The rows as a table of the relation."""
    create_table(connection, name, parts=False)
    load(connection, name, rows, parts=False)


def people(fits: Fits) -> frozenset[str]:
    """The directory."""
    return frozenset(user_id for user_id, name in PEOPLE.items() if fits(name))


# --- Queries ------------------------------------------------------------------------------------------

NAMES: Final = [*PEOPLE.values(), "ANA LÖW", "nobody", ""]
MOMENTS: Final = [
    "today", "yesterday", "2026-11-01", "2026-11-03", "2025-02-28", "2025-02-28T14:30",
    "2025-02-28T14:30:00Z", "2025-02-28T15:30:00.000+01:00", "2026-11-24T13:30:15.25", "9999-12-31",
    "0001-01-01", "1969-12-31",
]  # fmt: skip
LIMITS: Final = [
    "0",
    "-1",
    "7",
    "404",
    "404.5",
    "1.5",
    "0.1",
    "9223372036854775807",
    "9" * 25,
    "-" + "9" * 25,
]
UNITS: Final = {
    "bytes": ["10MB", "10MiB", "1kB", "1KiB", "0.5KiB", "0B"],
    "ms": ["1.5s", "1500ms", "1h", "0.1ms"],
}
NETWORKS: Final = [
    "10.0.0.0/8",
    "10.0.0.1/32",
    "0.0.0.0/0",
    "::/0",
    "2001:db8::/32",
    "::ffff:0:0/96",
    "::1/128",
]
RANGES: Final = [
    ("10.0.0.1", "10.0.1.0"), ("::", "::1"), ("0.0.0.0", "255.255.255.255"), ("10.0.0.1", "::1"),
    ("2001:db8::1", "2001:db8:ffff::"),
]  # fmt: skip


def _numbers(field: str) -> list[str]:
    kind = "bytes" if "bytes" in field else "ms" if field.endswith("_ms") else ""
    return [*LIMITS, *UNITS.get(kind, ())]


def _ordered(field: str, limits: list[str]) -> st.SearchStrategy[Any]:
    limit = st.sampled_from(limits)
    compared = [st.builds(kind, st.just(field), limit) for kind in (Above, AtLeast, Below, AtMost)]
    between = st.builds(Between, st.just(field), limit, limit)
    return st.one_of(*compared, between.filter(in_order))


def in_order(term: Between) -> bool:
    """Whether the parser would take it."""
    if term.field == "time":
        return True
    low, high = number(term.field, term.low), number(term.field, term.high)
    return low is not None and high is not None and low <= high


def values_of(field: str) -> st.SearchStrategy[str]:
    """Texts that the field may have, and others."""
    kind = FIELDS[field].type if field in FIELDS else ""
    values = [
        str(value) for value in BY_TYPE.get(kind, TEXTS) if not isinstance(value, dict | list)
    ]
    if field in ("user_id", "target_user_id"):
        values = [*PEOPLE, "u5"]
    if field == "stream":
        values = ["audit", "ops", "imported", "none"]
    if kind == "boolean":
        values = ["true", "false"]
    odd = [*TEXTS, '["a",1]', "18446744073709551615", "010", "1e16"]
    return st.sampled_from(values) | st.sampled_from(odd)


pieces = st.sampled_from([*TEXTS, "rep", "PDF", ".", "o", "É", "0190", "%", "_"])
patterns = st.lists(pieces, min_size=2, max_size=4).map(
    lambda found: (found[0], *filter(None, found[1:-1]), found[-1])
) | st.tuples(pieces | st.just(""), pieces | st.just(""))
patterns = patterns.filter(any)


def of_field(field: str, takes: Takes) -> st.SearchStrategy[Any]:
    """Every operator that the field takes."""
    name = st.just(field)
    present = st.builds(Present, name)
    like = st.builds(Like, name, patterns)
    if takes is Takes.STRUCTURE:
        return present
    if takes is Takes.TIME:
        spans = st.sampled_from(["15m", "24h", "7d", "1w", "3s", *MOMENTS])
        return st.builds(During, spans) | _ordered(field, MOMENTS)
    if takes is Takes.PERSON:
        return present | like | st.builds(Is, name, st.sampled_from(NAMES))
    if takes is Takes.NESTED:
        value = st.sampled_from(["7", "7.0", "true", "zero", "x", "1.5", *TEXTS])
        return st.one_of(
            present, like, st.builds(Is, name, value), _ordered(field, _numbers(field))
        )
    found: st.SearchStrategy[Any] = present | st.builds(Is, name, values_of(field))
    if takes in (Takes.TEXT, Takes.ID):
        found |= like
    if takes is Takes.NUMBER:
        found |= _ordered(field, _numbers(field))
        found |= st.builds(Is, name, st.sampled_from(_numbers(field)))
    if takes is Takes.ADDRESS:
        found |= st.builds(Within, name, st.sampled_from(NETWORKS))
        found |= st.sampled_from(RANGES).map(lambda ends: Between(field, *ends))
    return found


words = st.builds(
    Text, st.sampled_from([*TEXTS, "ana", "löw", "rep", "Ä", *IDS, "deep", "failed", "x"])
)
conditions = st.one_of(
    words,
    *(of_field(field, takes) for field, takes in KNOWN.items()),
    *(of_field(field, Takes.NESTED) for field in EXTRA_FIELDS),
)
terms = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)
queries = st.builds(Query, st.lists(terms, max_size=4).map(tuple))

# Anything at all that can be written.
any_text = st.text(st.characters(codec="utf-8"), max_size=12) | st.lists(
    st.sampled_from(['"', "\\", "*", "(", ")", ":", "..", "-", "<", ">", "OR", " ", "\0", "\u202e", "event:", "é"]),
    max_size=6,
).map("".join)  # fmt: skip
any_keys = st.lists(any_text, min_size=1, max_size=3).map(field_name)
any_pieces = st.lists(any_text, min_size=2, max_size=4).map(
    lambda found: (found[0], *filter(None, found[1:-1]), found[-1])
).filter(any)  # fmt: skip

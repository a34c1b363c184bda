"""No line raises, whatever is in it; what comes out is a record like any other."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit.events.fields import FIELDS
from strongroom.audit.importing import FORMATS, Rejected
from strongroom.audit.importing.formats import recognise
from strongroom.audit.importing.values import without_queries
from tests.unit.importing import LATEST, read
from tests.unit.making import renderings

TIMES = st.one_of(
    st.integers(), st.floats(), st.datetimes().map(str), st.integers(10**8, LATEST), st.text(max_size=30),
)  # fmt: skip
KEYS = st.one_of(
    st.sampled_from(
        sorted({k for f in FORMATS.values() for keys in f.fields.values() for k in keys})
    ),
    st.sampled_from(sorted(FIELDS)),
    st.text(max_size=8),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | TIMES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=10)
KINDS = st.sampled_from(sorted(FORMATS))


def check(kind: str, line: object) -> None:
    """The line is a record or has a reason, and the last resort was not needed."""
    found = read(kind, line)
    if isinstance(found, Rejected):
        assert not found.reason.startswith("cannot be read:"), found
        return
    record: dict[str, Any] = json.loads(found.entry)
    assert record.keys() <= FIELDS.keys()
    assert not {"stream", "seq"} & record.keys()
    assert len(found.entry) < 64 * 1024
    assert 0 <= found.timestamp <= LATEST
    renderings(record)


@given(KINDS, st.binary(max_size=200))
def test_any_bytes(kind: str, line: bytes) -> None:
    check(kind, line or b"x")


@given(KINDS, OBJECTS)
def test_any_object(kind: str, line: dict[str, Any]) -> None:
    recognise([line])
    check(kind, line)


@given(KINDS, OBJECTS, st.sampled_from(["timestamp", "ts", "msec", "created"]))
def test_any_object_with_a_time(kind: str, line: dict[str, Any], key: str) -> None:
    check(kind, line | {key: 1795521600.5})


@given(st.text(), st.text("abc/", min_size=1, max_size=9), st.text("abc=&?#%", max_size=9))
def test_no_query_string_is_left(before: str, path: str, query: str) -> None:
    text = f"{before} /{path}?{query}c4nary"
    assert "c4nary" not in without_queries(text)

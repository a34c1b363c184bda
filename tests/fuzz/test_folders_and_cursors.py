"""What clients send about folders: cursors, and what tus tells of a file. Read, or refused."""

from __future__ import annotations

import base64
import json

from hypothesis import example, given
from hypothesis import strategies as st

from strongroom.errors import Refused
from strongroom.files.model import Sort
from strongroom.files.names import MAX_BYTES, check_filename
from strongroom.files.service.paging import read_cursor
from strongroom.files.tus.metadata import Metadata, parse
from strongroom.files.uploads import clean_type

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
PARTS = st.tuples(
    st.sampled_from([*Sort, "x"]) | ANYTHING,
    st.sampled_from(["file", "folder"]) | ANYTHING,
    st.integers(-(2**70), 2**70) | st.text() | ANYTHING,
    st.text() | ANYTHING,
).map(list)


def encoded(value: object) -> str:
    """As a cursor is written."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@given(st.text(max_size=60) | PARTS.map(encoded) | ANYTHING.map(encoded), st.sampled_from(Sort))
@example(encoded(["name", "file", "\ud800", "x"]), Sort.NAME)
def test_a_cursor_can_be_bound_to_a_statement_or_is_refused(cursor: str, sort: Sort) -> None:
    try:
        kind, key, node_id = read_cursor(cursor, sort)
    except Refused as refused:
        refusal = refused
    else:
        assert_bindable(kind, key, node_id, sort)
        return
    assert (refusal.reason, refusal.status) == ("cursor_not_valid", 400)


def assert_bindable(kind: str, key: int | str, node_id: str, sort: Sort) -> None:
    """These are what the statement can take."""
    assert kind in ("file", "folder")
    node_id.encode()
    if sort is Sort.NAME:
        assert isinstance(key, str)
        key.encode()
    else:
        assert isinstance(key, int)
        assert 0 <= key < 2**63


KEYS = st.sampled_from(["filename", "filetype", "folder", "relativePath", "replace", "x", ""])
VALUES = st.text(max_size=30).map(lambda value: base64.b64encode(value.encode()).decode())
PAIRS = st.tuples(KEYS, VALUES | st.text(max_size=10)).map(" ".join)


@given(st.text(max_size=80) | st.lists(PAIRS, max_size=5).map(",".join))
def test_metadata_is_a_file_that_can_be_or_is_refused(header: str) -> None:
    try:
        told = parse(header)
    except Refused as refused:
        refusal = refused
    else:
        assert_sound(told)
        return
    assert refusal.status == 400


def assert_sound(told: Metadata) -> None:
    """A file can be called and typed so, and lie there."""
    assert check_filename(told.filename) == told.filename
    assert len(told.filename.encode()) <= MAX_BYTES
    assert clean_type(told.content_type) == told.content_type
    assert told.replaces is None or len(told.replaces) == 64
    for name in told.below.split("/") if told.below else ():
        check_filename(name)

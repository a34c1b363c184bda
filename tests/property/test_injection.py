"""Any log call leaves one record: one line in every renderer, valid JSON, the same content."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import structlog
from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit.events.fields import FIELDS
from tests.unit.making import capturing
from tests.unit.test_injection import assert_one_line

# Lone surrogates included, and control characters more often than chance has it.
texts = st.text(st.characters(exclude_categories=()) | st.sampled_from("\r\n\x1b\x00\u202e\"'=\\ "))

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    texts,
    st.binary(max_size=50),
    st.sampled_from(
        [datetime.max.replace(tzinfo=UTC), date.min, time.max, Decimal("NaN"), object, object()]
    ),
)

anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(texts | st.integers() | st.binary(max_size=5), inner, max_size=4)
        | st.tuples(inner)
    ),
    max_leaves=20,
)

names = st.sampled_from(sorted(FIELDS.keys() - {"event"})) | texts.filter(
    lambda name: name not in ("event", "exc_info", "_strongroom_declared")
)

levels = st.sampled_from(["debug", "info", "warning", "error", "critical", "exception"])


@given(levels, texts, st.dictionaries(names, anything, max_size=6), anything)
def test_any_log_call(level: str, event: str, fields: dict[str, Any], bound: Any) -> None:
    with capturing() as capture:
        structlog.contextvars.bind_contextvars(path=bound, anything=bound)
        getattr(structlog.get_logger(), level)(event, **fields)
    assert_one_line(capture.only())


@given(texts, texts)
def test_any_exception(text: str, note: str) -> None:
    error = ValueError(text, {"x": text})
    error.add_note(note)
    error.__cause__ = KeyError(text)
    with capturing() as capture:
        structlog.get_logger().error("work_failed", exc_info=error)
    assert capture.only()["event"] == "work_failed"
    assert_one_line(capture.only())


@given(st.dictionaries(names, anything, max_size=6))
def test_a_name_is_where_it_belongs(fields: dict[str, Any]) -> None:
    with capturing() as capture:
        structlog.get_logger().info("cache_warmed", **fields)
    record = capture.only()
    assert record["event"] == "cache_warmed"
    assert record.keys() <= FIELDS.keys() - {"stream", "seq"}
    assert isinstance(record.get("extra", {}), dict)

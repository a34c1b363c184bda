"""Any record that the pipeline can finish is stored and read without loss."""

from __future__ import annotations

from typing import Any

import structlog
from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit.events import FIELDS, Part, Stream
from strongroom.audit.journal import decode, encode
from tests.property.test_injection import anything
from tests.unit.making import as_row, capturing, row_of

names = st.sampled_from(sorted(FIELDS.keys() - {"event", "outcome"})) | st.text(
    "abcdefg_", min_size=1
)


@given(st.dictionaries(names, anything, max_size=8), st.sampled_from(Stream))
def test_decode_undoes_encode(fields: dict[str, Any], stream: Stream) -> None:
    with capturing() as capture:
        structlog.get_logger().info("cache_warmed", **fields)
    record = capture.only()
    row = as_row(row_of(encode(record, stream), 7))
    assert decode(row) == {**record, "stream": stream.value, "seq": 7}


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), st.text(max_size=20)))
def test_only_entry_fields_reach_the_entry(fields: dict[str, str]) -> None:
    stamp = {"timestamp": "2026-01-01T00:00:00.000000Z", "level": "info", "event": "e", "id": "i"}
    given_fields = {k: v for k, v in fields.items() if FIELDS[k].part is not Part.IMPLIED}
    stored = encode({**given_fields, **stamp}, Stream.AUDIT)
    left = decode(as_row({**row_of(stored, 0), "content": None, "network": None}))
    assert all(FIELDS[name].part in (Part.ENTRY, Part.IMPLIED) for name in left)

"""Whatever a record holds, a syslog message of it is one of RFC 5424 and reads back as the same."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit.shipping.otlp_format import export_request
from strongroom.audit.shipping.syslog_format import octet_counted, syslog_message
from tests.receiving import attributes_of, parse_syslog, records_in

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NUMBER = (
    st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
)
EXTRA = st.dictionaries(TEXT, TEXT | NUMBER | st.none(), max_size=3)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """Records whose every text is anything."""
    return {
        "timestamp": "2026-11-24T06:25:19.123456Z",
        "level": draw(st.sampled_from(["debug", "info", "critical"]) | TEXT),
        "event": draw(TEXT),
        "app": draw(TEXT),
        "host": draw(TEXT),
        "pid": draw(NUMBER | TEXT),
        "filename": draw(TEXT),
        "error_msg": draw(TEXT),
        "count": draw(NUMBER),
        "extra": draw(EXTRA),
        "stream": draw(st.sampled_from(["audit", "ops"])),
        "seq": draw(st.integers(0, 2**40)),
    }


@given(records())
def test_syslog(record: dict[str, Any]) -> None:
    message = syslog_message(record)
    got = parse_syslog(message)
    assert got.record == record
    assert got.marked is not got.text.isascii()
    assert not set(message) & {*range(32), 127}
    count, _, rest = octet_counted(message).partition(b" ")
    assert (int(count), rest) == (len(rest), message)


@given(st.lists(records(), max_size=4))
def test_otlp(given_: list[dict[str, Any]]) -> None:
    got = records_in(export_request(given_))
    assert [record.event_name for record in got] == [record["event"] for record in given_]
    for sent, taken in zip(given_, map(attributes_of, got), strict=True):
        assert taken["file.name"] == sent["filename"]
        assert taken["strongroom.count"] == sent["count"]
        assert taken["strongroom.extra"] == sent["extra"]

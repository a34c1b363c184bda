"""A record as a message of RFC 5424, read back by the grammar of that document."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.audit.events import Level
from strongroom.audit.shipping.syslog_format import octet_counted, syslog_message
from tests.receiving import parse_syslog
from tests.unit.making import finished

NASTY = 'a "quoted\\] 日本\n<13>1 forged\r\x1b[31m\u202etxt'


def sent(**fields: Any) -> tuple[dict[str, Any], Any]:
    record = {**finished(**fields), "stream": fields.get("stream", "audit"), "seq": 7}
    return record, parse_syslog(syslog_message(record))


def test_header() -> None:
    record, got = sent(app="strongroom", host="files.example", pid=4711, level="warning")
    assert got.priority == 13 * 8 + 4
    assert got.timestamp == record["timestamp"]
    assert (got.host, got.app, got.pid, got.msgid) == (
        "files.example",
        "strongroom",
        "4711",
        "file_uploaded",
    )
    assert got.sd_id == "strongroom@32473"


@pytest.mark.parametrize(
    ("level", "severity"),
    [("debug", 7), ("info", 6), ("warning", 4), ("error", 3), ("critical", 2), ("odd", 6)],
)
def test_severities(level: str, severity: int) -> None:
    _, got = sent(level=level)
    assert got.priority % 8 == severity
    assert {each.value for each in Level} == {"debug", "info", "warning", "error", "critical"}


def test_facilities() -> None:
    assert sent(stream="ops")[1].priority // 8 == 16
    assert parse_syslog(syslog_message(finished(), 20)).priority // 8 == 20


def test_what_a_header_cannot_hold() -> None:
    _, got = sent(app="日本 app" + "x" * 60, host="", pid=None, event="e" * 40)
    assert got.app == "___app" + "x" * 42
    assert (got.host, got.pid, got.msgid) == ("-", "-", "e" * 32)
    assert got.record["event"] == "e" * 40


def test_the_message_is_the_whole_record() -> None:
    record, got = sent(
        filename=NASTY, extra={"deep": {"er": [1, 2.5, None, True]}}, aborted=False, count=3
    )
    assert got.record == record


def test_structured_data_are_the_plain_fields() -> None:
    record, got = sent(filename='日本 "x" \\ ].txt', count=3, aborted=False, extra={"a": 1})
    assert got.parameters == {
        "id": record["id"],
        "filename": '日本 "x" \\ ].txt',
        "count": "3",
        "aborted": "false",
        "stream": "audit",
        "seq": "7",
    }


def test_no_value_begins_a_line() -> None:
    record = {**finished(filename=NASTY, error_msg=NASTY), "stream": "ops", "seq": 0}
    message = syslog_message(record)
    assert b"\n" not in message
    assert b"\r" not in message
    assert b"\x1b" not in message
    assert parse_syslog(message).record["filename"] == NASTY


def test_only_what_is_not_ascii_is_marked() -> None:
    assert not sent(filename="plain.txt")[1].marked
    assert sent(filename="日本.txt")[1].marked


def test_the_count_is_of_octets() -> None:
    record = {**finished(filename="日" * 10), "stream": "audit", "seq": 1}
    message = syslog_message(record)
    assert octet_counted(message) == str(len(message)).encode() + b" " + message
    assert len(message) > len(message.decode())


def test_a_long_one() -> None:
    record, got = sent(error_msg="日本" * 17_000, filename="x" * 1_024)
    assert got.record == record
    assert "error_msg" not in got.parameters
    assert got.parameters["filename"] == record["filename"]


def test_a_moment_that_cannot_be_said() -> None:
    record = {**finished(timestamp="yes ter\nday"), "stream": "ops", "seq": 0}
    assert b">1 - - - - file_uploaded [" in syslog_message(record)

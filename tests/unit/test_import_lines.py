"""Lines as they come: bytes that are odd, times in every shape, names out of sentences."""

from __future__ import annotations

import gzip
import io
import uuid
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from strongroom.audit.importing.identity import Occurrences, line_digest, record_id
from strongroom.audit.importing.lines import MAX_LINE, Line, parse_object, read_lines
from strongroom.audit.importing.naming import event_name
from strongroom.audit.importing.times import read_time, time_text
from strongroom.audit.importing.values import address, level, milliseconds, path, without_queries
from strongroom.errors import Refused
from tests.unit.importing import imported, reader, reason

NOON = int(datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp())
EVENT = {"timestamp": "2026-11-24T12:00:00Z", "event": "cache_warmed"}


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24T12:00:00Z", "2026-11-24t12:00:00z", "2026-11-24T13:00:00+01:00",
        "2026-11-24T12:00:00.000000000Z", "2026-11-24 12:00:00,000", "2026-11-24 12:00:00 UTC",
        "2026-11-24T07:00:00.000-0500", "2026-11-24T12:00", "2026/11/24 12:00:00",
        "24/Nov/2026:13:00:00 +0100", "24/Nov/2026:12:00:00", " 2026-11-24T12:00:00Z ",
        NOON, float(NOON), NOON * 1000, NOON * 10**6, NOON * 10**9, str(NOON), f"{NOON}.000",
    ],
    ids=repr,
)  # fmt: skip
def test_times(text: object) -> None:
    assert read_time(text) == NOON * 1_000_000


@pytest.mark.parametrize(
    ("text", "microseconds"), [("1795521600.123456", 123456), ("1795521600.1", 100000)]
)
def test_digits_are_exact(text: str, microseconds: int) -> None:
    assert read_time(text) == 1795521600_000000 + microseconds


@pytest.mark.parametrize(
    "value",
    [
        None, True, "", "now", "2026-11-24", "20261124", "2026-13-01T00:00:00Z", 0, -1, 12345,
        float("nan"), float("inf"), 10**30, "9" * 20 + "x", "24/Foo/2026:13:00:00", "2026-11-24T25:00",
        "2026-11-24T12:00:00+99:00", [], {}, "2" * 5000, "2026-W01-1T10:00:00", "٢٠٢٦-11-24T12:00:00",
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_no_time(value: object) -> None:
    assert read_time(value) is None


def test_a_time_without_offset_is_where_it_was_written() -> None:
    assert read_time("2026-07-01 12:00:00", ZoneInfo("Europe/Berlin")) == read_time(
        "2026-07-01T10:00:00Z"
    )
    record = imported(
        "structlog", EVENT | {"timestamp": "2026-11-24 12:00:00"}, zone=ZoneInfo("Asia/Tokyo")
    )
    assert record["timestamp"] == "2026-11-24T03:00:00.000000Z"


@pytest.mark.parametrize("year", ["0001", "1969", "9999"])
@pytest.mark.parametrize("offset", ["", "Z", "+14:00", "-12:00"])
def test_years_out_of_range(year: str, offset: str) -> None:
    line = EVENT | {"timestamp": f"{year}-01-01T00:00:00{offset}"}
    expected = "future" if year == "9999" else "before 1970"
    for zone in (UTC, ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")):
        assert expected in reason("structlog", line, zone=zone) or year == "0001"


def test_the_latest_time_is_the_last_that_is_taken() -> None:
    line = EVENT | {"timestamp": "2026-11-24T12:00:00.000001Z"}
    assert "future" in reason("structlog", line, latest=NOON * 1_000_000)
    assert imported("structlog", EVENT, latest=NOON * 1_000_000)["timestamp"] == time_text(
        NOON * 1_000_000
    )


def test_rejected() -> None:
    assert reason("structlog", {"event": "x"}) == "it has no time"
    assert reason("structlog", EVENT | {"timestamp": "soon"}) == "its time cannot be read"
    assert "1,048,576" in reason("structlog", b"")
    for text in (b"[1]", b"1", b'"x"', b"null", b"{", b"\x00" * 9, b'{"a": "\x00"}', b"[" * 9000,
                 b"{" * 5000, b'{"a":' * 5000, b'{"a": %s}' % (b"9" * 5000)):  # fmt: skip
        assert reason("structlog", text) == "not a JSON object"
    unfinished = reader("structlog").read(Line(1, b'{"event"', ended=False), Occurrences())
    assert "no end yet" in str(unfinished)


def test_taken_although_odd() -> None:
    base = b'{"timestamp": 1795521600, "event": "cache_warmed", "value": %s}'
    for given, kept in {
        b'"\xff\xfe"': "\ufffd\ufffd",
        b'"\\ud800"': "\ufffd",
        b'"\\u0000\\u001b[2J"': "\x00\x1b[2J",
        b"NaN": "NaN",
        b"-Infinity": "-Infinity",
        b"1e999": "inf",
        b"123456789012345678901234567890": "123456789012345678901234567890",
        b"18446744073709551615": "18446744073709551615",
        b"9223372036854775807": 2**63 - 1,
    }.items():
        assert imported("structlog", base % given)["extra"] == {"value": kept}, given


def test_numbers_that_our_fields_cannot_hold_stay_in_extra() -> None:
    for status in (99, 1000, 2**70, "20x", 200.5, True, [200], None):
        record = imported("structlog", EVENT | {"status": status})
        assert "status" not in record
    assert imported("structlog", EVENT | {"status": "204"})["status"] == 204


def test_large_lines_are_bounded() -> None:
    record = imported("structlog", EVENT | {f"key{n}": "x" * 1000 for n in range(900)})
    assert len(str(record)) < 32 * 1024
    record = imported("structlog", EVENT | {"text": "/" * 900_000 + "?x"})
    assert len(str(record)) < 32 * 1024


def lines_of(content: bytes) -> list[tuple[int, bytes]]:
    """The lines of a file by number."""
    return [(line.number, line.text) for line in read_lines(io.BytesIO(content))]


def test_ends_of_lines_blank_lines_and_the_mark_at_the_beginning() -> None:
    assert lines_of(b"\xef\xbb\xbf{}\r\n\r\n \n{1}\n\n{2}") == [
        (1, b"{}"),
        (4, b"{1}"),
        (6, b"{2}"),
    ]
    assert lines_of(b"") == lines_of(b"\n\r\n") == []
    assert [line.ended for line in read_lines(io.BytesIO(b"a\nb"))] == [True, False]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
@pytest.mark.parametrize("more", [-1, 0, 1, 2, 3, MAX_LINE, 3 * MAX_LINE])
def test_the_longest_line(more: int, end: bytes) -> None:
    text = b"x" * (MAX_LINE + more)
    found = lines_of(b"a\n" + text + end + (b"b\n" if end else b""))
    expected = [(1, b"a"), (2, text if more <= 0 else b""), (3, b"b")]
    assert found == (expected if end else expected[:2])


def test_compressed_lines() -> None:
    content = b"\n".join(b"%d" % number for number in range(100_000))
    with gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(content))) as stream:
        assert sum(1 for _ in read_lines(stream)) == 100_000  # type: ignore[arg-type, misc]  # reads like one


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("user_created", "user_created"),
        ("User created", "user_created"),
        ("user-created", "user_created"),
        ("UserCreated", "user_created"),
        ("cart.item.added", "cart_item_added"),
        ("Started!", "started"),
        ("file_deleted", "imported_file_deleted"),
        ("File deleted", "imported_file_deleted"),
        ("Deleted 15 files", "message_logged"),
        ("one two three four five six seven", "message_logged"),
        ("password=hunter2", "message_logged"),
        ("sk-abcdefghijklmnopqrstuvwxyz", "message_logged"),
        ("ghp_abcdefghijklmnopqrstuvwxyz", "message_logged"),
        ("x" * 65, "message_logged"),
        ("x y" * 1000, "message_logged"),
        ("Größe geändert", "message_logged"),
        ("\x1b[2J", "message_logged"),
        ("...", "message_logged"),
    ],
)
def test_names(text: str, name: str) -> None:
    assert event_name(text, {"file_deleted"}) == name


def test_an_event_without_a_name() -> None:
    for event in ("", None, 7, {"a": 1}):
        assert imported("structlog", EVENT | {"event": event})["event"] == "message_logged"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("/a?b", "/a"), ("/a#b", "/a"), ("/a?b#c?d", "/a"), ("https://u:p@h/a?b", "/a"),
        ("https://h?b", "/"), ("GET /a?b HTTP/1.1", "/a"), ("/a", "/a"), ("?x=1", None), ("a/b", None), ("*", "*"), ("\x16\x03 /x HTTP/1.1", None), ("", None),
        (7, None), ("/a b?c", "/a b"),
    ],
)  # fmt: skip
def test_paths(given: object, expected: str | None) -> None:
    assert path(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ('"GET /a?token=x HTTP/1.1" 200', '"GET /a HTTP/1.1" 200'),
        ("see https://h/a?b#c and /d#e", "see https://h/a and /d"),
        ("q?a=b", "q"),
        ("?a=b", ""),
        ("really? yes, C# and issue#7", "really? yes, C# and issue#7"),
    ],
)
def test_queries_in_text(given: str, expected: str) -> None:
    assert without_queries(given) == expected


def test_levels_durations_addresses() -> None:
    assert [level(n) for n in ("WARN", 30, "40", 50.0, 5, "notice", "emerg")] == [
        "warning", "warning", "error", "critical", "debug", "info", "critical",
    ]  # fmt: skip
    nonsense: list[object] = ["loud", None, True, 0, [], float("nan")]
    assert [level(n) for n in nonsense] == [None] * 6
    assert [milliseconds(n, 1000) for n in (0.5, "0.5", "1.5ms", "20µs", "2m")] == [
        500,
        500,
        1.5,
        0.02,
        120_000,
    ]
    assert [milliseconds(n, 1000) for n in (-1, "x", None, True, float("nan"), 1e300)] == [None] * 6
    assert [address(a) for a in ("1.2.3.4:5", "[::1]:80", "::1", "unix:", "1.2.3", None)] == [
        "1.2.3.4", "::1", "::1", None, None, None,
    ]  # fmt: skip


def test_an_unknown_level_is_kept() -> None:
    record = imported("structlog", EVENT | {"level": "loud"})
    assert record["level"] == "info"
    assert record["extra"] == {"level": "loud"}


def test_ids_are_uuids_in_order_of_time() -> None:
    ids = [record_id(NOON * 1_000_000 + n * 1000, line_digest("", b"x")) for n in range(100)]
    assert ids == sorted(set(ids))
    for number, text in enumerate(ids):
        found = uuid.UUID(text)
        assert str(found) == text
        assert (found.version, found.variant) == (7, uuid.RFC_4122)
        assert found.int >> 80 == NOON * 1000 + number
    assert record_id(253402300799_999999, line_digest("", b"")).startswith("e677")


def test_every_bit_of_the_hash_counts() -> None:
    digest = bytes(10)
    ids = {record_id(0, digest)}
    for bit in range(6, 80):
        ids.add(record_id(0, (1 << bit).to_bytes(10)))
    assert len(ids) == 75


def test_identical_lines_are_counted() -> None:
    seen = Occurrences()
    names = [record_id(number % 50_000, line_digest("", b"x")) for number in range(150_000)]
    assert sum(seen.earlier(name) for name in names) > 0
    other = Occurrences()
    assert [other.earlier("a"), other.earlier("b"), other.earlier("a"), other.earlier("a")] == [
        0,
        0,
        1,
        2,
    ]
    assert line_digest("", b"x") != line_digest("", b"x", 1) != line_digest("", b"x", 2)
    assert line_digest("a", b"bc") != line_digest("ab", b"c")


def test_fields_that_are_not_for_others_to_fill() -> None:
    for field in ("stream", "seq", "id", "extra", "exception", "nonsense"):
        with pytest.raises(Refused, match=field):
            reader("structlog", mapping={field: "x"})


def test_parsing_keeps_the_last_of_two_keys_alike() -> None:
    assert parse_object(b'{"a": 1, "a": 2}') == {"a": 2}

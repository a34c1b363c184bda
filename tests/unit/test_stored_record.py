"""The stored record: what is personal can be forgotten, what is hashed is never personal."""

from __future__ import annotations

import os
import threading
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

import orjson
import pytest

from strongroom.audit.events import FIELDS, Part, Stream
from strongroom.audit.events.fields import CONTENT_FIELDS, ENTRY_FIELDS, NETWORK_FIELDS
from strongroom.audit.journal import StoredRecord, decode, encode
from strongroom.audit.journal.salts import new_salt
from strongroom.audit.journal.stored import MAX_ENTRY, microseconds
from strongroom.audit.merkle import leaf_hash
from tests.unit.making import as_row, audit_record, finished, ops_record, row_of

PERSONAL = {
    "filename": "payroll of Ms Example.xlsx",
    "folder": "/people/example",
    "path": "/api/v1/files/payroll",
    "error_msg": "cannot open payroll",
    "extra": {"customer": "Ms Example"},
    "ip_address": "192.0.2.44",
    "peer_address": "198.51.100.7",
    "user_agent": "ExampleBrowser/7",
}
IMPERSONAL = {"file_id": "f1", "file_size_bytes": 12_345, "sha256": "ab" * 32, "user_id": "u1"}


def parts(stored: StoredRecord) -> dict[str, dict[str, Any]]:
    """Each part as it would be read."""
    assert stored.content is not None
    assert stored.network is not None
    return {
        "entry": orjson.loads(stored.entry),
        "content": orjson.loads(stored.content),
        "network": orjson.loads(stored.network),
    }


def example(kind: str) -> object:
    return {"integer": 7, "number": 1.5, "boolean": True, "object": {"a": 1}}.get(kind, "text")


@pytest.mark.parametrize("field", [f for f in FIELDS.values() if f.part is not Part.IMPLIED])
def test_each_field_is_in_the_part_that_the_vocabulary_says(field: Any) -> None:
    stored = audit_record(**{field.name: example(field.type)} if field.name not in STAMP else {})
    for part, values in parts(stored).items():
        assert (field.name in values) is (part == field.part.value)


STAMP = ("timestamp", "level", "event", "id")


def test_the_three_parts_divide_the_vocabulary() -> None:
    stored = ENTRY_FIELDS | CONTENT_FIELDS | NETWORK_FIELDS
    assert stored == FIELDS.keys() - {"stream", "seq"}
    assert len(stored) == len(ENTRY_FIELDS) + len(CONTENT_FIELDS) + len(NETWORK_FIELDS)
    assert sorted(NETWORK_FIELDS) == ["ip_address", "peer_address", "user_agent"]
    assert PERSONAL.keys() <= CONTENT_FIELDS | NETWORK_FIELDS


def test_nothing_personal_is_in_the_entry() -> None:
    stored = audit_record(**PERSONAL, **IMPERSONAL)
    entry = stored.entry.decode()
    for word in ("payroll", "Example", "people", "192.0.2.44", "198.51.100.7", "customer"):
        assert word not in entry
    assert parts(stored)["entry"].items() >= IMPERSONAL.items()


def test_the_entry_is_canonical() -> None:
    stored = audit_record(**PERSONAL, **IMPERSONAL, reason="größer")
    record = parts(stored)["entry"]
    assert list(record) == sorted(record)
    assert list(record["parts"]) == ["content", "network"]
    assert b" " not in stored.entry
    assert '"reason":"größer"'.encode() in stored.entry


def test_in_whatever_order_the_fields_came() -> None:
    record = finished(**PERSONAL, **IMPERSONAL)
    one = encode(record, Stream.OPS)
    other = encode(dict(reversed(record.items())), Stream.OPS)
    assert one.entry == other.entry


def test_a_digest_can_be_recomputed_from_salt_and_part() -> None:
    stored = audit_record(**PERSONAL)
    for part in ("content", "network"):
        salt, held = getattr(stored, f"{part}_salt"), getattr(stored, part)
        digest = urlsafe_b64encode(sha256(salt + held).digest()).decode().rstrip("=")
        assert parts(stored)["entry"]["parts"][part] == digest
        assert len(salt) == 16


def test_an_empty_part_has_a_digest_too() -> None:
    stored = audit_record(**IMPERSONAL)
    assert (stored.content, stored.network) == (b"{}", b"{}")
    assert all(len(d) == 43 for d in parts(stored)["entry"]["parts"].values())


def test_equal_parts_cannot_be_recognised_by_their_digests() -> None:
    made = [audit_record(**PERSONAL) for _ in range(50)]
    salts = {s for stored in made for s in (stored.content_salt, stored.network_salt)}
    digests = {d for stored in made for d in parts(stored)["entry"]["parts"].values()}
    assert len(salts) == len(digests) == 100


def test_the_leaf_is_the_hash_of_the_entry() -> None:
    stored = audit_record(**PERSONAL)
    assert stored.leaf == leaf_hash(stored.entry) == sha256(b"\x00" + stored.entry).digest()


@pytest.mark.parametrize("stream", Stream)
def test_decoded_it_is_the_record_again(stream: Stream) -> None:
    record = finished(**PERSONAL, **IMPERSONAL, request_id="r1", outcome="success")
    stored = encode(record, stream)
    assert decode(as_row(row_of(stored, 41))) == {**record, "stream": stream.value, "seq": 41}


@pytest.mark.parametrize(
    ("forgotten", "fields"), [("content", CONTENT_FIELDS), ("network", NETWORK_FIELDS)]
)
def test_a_forgotten_part_is_absent(forgotten: str, fields: frozenset[str]) -> None:
    record = finished(**PERSONAL, **IMPERSONAL)
    row = row_of(encode(record, Stream.AUDIT), 0)
    row |= {forgotten: None, f"{forgotten}_salt": None}
    left = {name: value for name, value in record.items() if name not in fields}
    assert decode(as_row(row)) == {**left, "stream": "audit", "seq": 0}


def test_a_record_of_the_ops_stream_is_one_entry() -> None:
    stored = ops_record(**PERSONAL)
    assert orjson.loads(stored.entry).items() >= PERSONAL.items()
    assert (stored.content, stored.network, stored.content_salt, stored.leaf) == (
        None,
        None,
        None,
        b"",
    )
    assert b"parts" not in stored.entry


def test_columns_repeat_what_the_entry_says() -> None:
    record = finished(timestamp="2026-03-04T05:06:07.000089Z", request_id="r1", level="warning")
    row = row_of(encode(record, Stream.AUDIT), 3)
    assert (row["stream"], row["seq"]) == ("audit", 3)
    assert row["timestamp"] == 1_772_600_767_000_089
    for name in ("id", "level", "event", "request_id"):
        assert row[name] == record[name]


def test_an_entry_that_fits_no_bundle_is_refused() -> None:
    room = MAX_ENTRY - len(audit_record(reason="").entry)
    assert len(audit_record(reason="x" * room).entry) == MAX_ENTRY
    with pytest.raises(ValueError, match="65536 bytes"):
        audit_record(reason="x" * (room + 1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00.000000Z", 0),
        ("1970-01-01T00:00:00.000001Z", 1),
        ("2001-09-09T01:46:40.000000Z", 1_000_000_000_000_000),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
    ],
)
def test_microseconds_are_exact(text: str, expected: int) -> None:
    assert microseconds(text) == expected


@pytest.mark.parametrize("part", ["entry", "content", "network"])
@pytest.mark.parametrize("bytes_", [b"", b"{", b"[1]", b"\xff", b"null", b"17"])
def test_a_damaged_row_is_shown_as_far_as_it_can_be_read(part: str, bytes_: bytes) -> None:
    """Else one altered byte would hide every record on its page."""
    row = row_of(audit_record(filename="a.txt", ip_address="192.0.2.1"), 5) | {part: bytes_}
    record = decode(as_row(row))
    assert (record["stream"], record["seq"], record["id"]) == ("audit", 5, row["id"])
    assert record["extra"]["damaged"] == ([part] if bytes_ else [])
    assert record.get("filename") == (None if part == "content" else "a.txt")
    assert record.get("ip_address") == (None if part == "network" else "192.0.2.1")
    assert record["timestamp"].endswith("Z")


def test_no_salt_is_given_out_twice() -> None:
    """Not to another thread, and not to a child: who knows one record would guess the other."""
    drawn: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: drawn.extend(new_salt() for _ in range(1000)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drawn.append(new_salt())
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, b"".join(new_salt() for _ in range(100)))
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    drawn += [new_salt() for _ in range(1000)]
    with os.fdopen(read, "rb") as pipe:
        childs = pipe.read()
    drawn += [childs[at : at + 16] for at in range(0, len(childs), 16)]
    assert len(childs) == 1600
    assert len(set(drawn)) == len(drawn) == 9101
    assert {len(salt) for salt in drawn} == {16}

"""The stored record: an entry that is never forgotten, and two parts that can be.

``entry`` is the leaf of the ledger: canonical JSON (sorted keys, UTF-8, no spaces) of
enumerations, numbers and opaque ids, with the digest of each part. A part's digest is
``SHA-256(salt ‖ part)`` in base64url without padding; dropping the part with its salt leaves a
digest that nobody can guess back. Records of the ops stream are one entry without parts.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Protocol

import orjson

from strongroom.audit.events.event import Stream
from strongroom.audit.events.fields import ENTRY_FIELDS, NETWORK_FIELDS
from strongroom.audit.journal.salts import new_salt
from strongroom.audit.merkle import leaf_hash

MAX_ENTRY: Final = 65_535
"""Bytes: an entry bundle of tlog-tiles gives each entry's length in 16 bits."""

Record = dict[str, Any]
"""Flat, with the field names of the vocabulary; ready for JSON."""


@dataclass(slots=True)
class StoredRecord:
    """A record as exact bytes, before it has a place in its stream. Not to be changed.

    :param timestamp: microseconds since 1970-01-01 UTC
    :param leaf: leaf hash of ``entry``; empty in streams without a ledger
    """

    stream: Stream
    id: str
    timestamp: int
    level: str
    event: str
    request_id: str | None
    entry: bytes
    content: bytes | None = None
    content_salt: bytes | None = None
    network: bytes | None = None
    network_salt: bytes | None = None
    leaf: bytes = b""
    record: Record = field(default_factory=dict, compare=False, repr=False)
    """The same, flat, for the console; not stored."""

    def row(self, stream: str, seq: int) -> tuple[Any, ...]:
        """The row of the journal at this place in the stream, in the order of its columns."""
        return (
            stream,
            seq,
            self.id,
            self.timestamp,
            self.level,
            self.event,
            self.request_id,
            self.entry,
            self.content,
            self.content_salt,
            self.network,
            self.network_salt,
        )


def encode(record: Record, stream: Stream) -> StoredRecord:
    """Turn a finished record into the bytes that are hashed and stored.

    :raises ValueError: when the entry would exceed :data:`MAX_ENTRY`
    """
    entry: Record = {}
    content: Record = {}
    network: Record = {}
    if stream is Stream.AUDIT:
        for name, value in record.items():
            if name in ENTRY_FIELDS:
                entry[name] = value
            elif name in NETWORK_FIELDS:
                network[name] = value
            else:
                content[name] = value
        return _audit(record, entry, content, network)
    return StoredRecord(
        stream=stream,
        id=record["id"],
        timestamp=microseconds(record["timestamp"]),
        level=record["level"],
        event=record["event"],
        request_id=record.get("request_id"),
        entry=canonical(record),
        record=record,
    )


def _audit(record: Record, entry: Record, content: Record, net: Record) -> StoredRecord:
    content_salt, network_salt = new_salt(), new_salt()
    content_bytes, network_bytes = canonical(content), canonical(net)
    entry["parts"] = {
        "content": part_digest(content_salt, content_bytes),
        "network": part_digest(network_salt, network_bytes),
    }
    entry_bytes = canonical(entry)
    if len(entry_bytes) > MAX_ENTRY:
        raise ValueError(f"entry of {len(entry_bytes)} bytes; at most {MAX_ENTRY}")
    return StoredRecord(
        stream=Stream.AUDIT,
        id=record["id"],
        timestamp=microseconds(record["timestamp"]),
        level=record["level"],
        event=record["event"],
        request_id=record.get("request_id"),
        entry=entry_bytes,
        content=content_bytes,
        content_salt=content_salt,
        network=network_bytes,
        network_salt=network_salt,
        leaf=leaf_hash(entry_bytes),
        record=record,
    )


class JournalRow(Protocol):
    """A record as its row of the journal has it, wherever that row is kept now."""

    @property
    def stream(self) -> str: ...
    @property
    def seq(self) -> int: ...
    @property
    def id(self) -> str: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def level(self) -> str: ...
    @property
    def event(self) -> str: ...
    @property
    def request_id(self) -> str | None: ...
    @property
    def entry(self) -> bytes: ...
    @property
    def content(self) -> bytes | None: ...
    @property
    def content_salt(self) -> bytes | None: ...
    @property
    def network(self) -> bytes | None: ...
    @property
    def network_salt(self) -> bytes | None: ...


def decode(row: JournalRow) -> Record:
    """The flat record in a row of the journal, with its ``stream`` and ``seq``.

    A part that was forgotten is simply absent. A row that somebody damaged is still shown, as far as
    it can be read, and names what cannot be under ``extra.damaged``: it must not hide the others.
    """
    try:
        return decode_sound(row)
    except (ValueError, TypeError, AttributeError):
        record = _damaged(row)
    record["stream"] = row.stream
    record["seq"] = row.seq
    return record


def decode_sound(row: JournalRow) -> Record:
    """The same, of a row that nobody damaged.

    :raises ValueError: when it is no record; a :class:`TypeError` or :class:`AttributeError` as well
    """
    record: Record = orjson.loads(row.entry)
    record.pop("parts", None)
    for part in (row.content, row.network):
        if part is not None:
            record.update(orjson.loads(part))
    record["stream"] = row.stream
    record["seq"] = row.seq
    return record


def _damaged(row: JournalRow) -> Record:
    record: Record = {
        "timestamp": _timestamp_of(row.timestamp),
        "level": str(row.level),
        "event": str(row.event),
        "id": str(row.id),
    }
    if row.request_id is not None:
        record["request_id"] = str(row.request_id)
    damaged = []
    for name in ("entry", "content", "network"):
        try:
            part = orjson.loads(getattr(row, name) or b"{}")
            part.pop("parts", None)
            record |= part
        except (ValueError, TypeError, AttributeError):
            damaged.append(name)
    record["extra"] = {"damaged": damaged}
    return record


def part_digest(salt: bytes, part: bytes) -> str:
    """SHA-256(salt ‖ part), base64url without padding."""
    return urlsafe_b64encode(sha256(salt + part).digest()).rstrip(b"=").decode("ascii")


def canonical(value: Mapping[str, Any]) -> bytes:
    """Canonical JSON: sorted keys, UTF-8, no spaces."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def microseconds(timestamp: str) -> int:
    """Microseconds since 1970-01-01 UTC of an RFC 3339 timestamp."""
    moment = datetime.fromisoformat(timestamp)
    return (moment - _EPOCH) // _MICROSECOND


def timestamp_text(value: int) -> str:
    """The RFC 3339 timestamp of microseconds since 1970-01-01 UTC, as records have it.

    :raises OverflowError: when it is in no year from 1 to 9999
    """
    return (_EPOCH + timedelta(microseconds=value)).isoformat("T", "microseconds")[:-6] + "Z"


def _timestamp_of(value: object) -> str:
    """The text of microseconds that nobody vouches for."""
    try:
        return timestamp_text(int(str(value)))
    except (ValueError, OverflowError):
        return timestamp_text(0)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

"""What must not be found any more: names, addresses, agents and names of files, in all their forms.

A trace is looked for as UTF-8, as JSON and URLs write it, and an address also as the 16 bytes that a
segment has. One of few bytes would be found in any compressed file by chance; it is looked for between
quotation marks only, as JSON writes it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final, Protocol
from urllib.parse import quote

import orjson
from ahocorasick_rs import BytesAhoCorasick

from strongroom.audit.archive.columns import packed_address
from strongroom.audit.events.fields import Part

CONTENT, NETWORK = Part.CONTENT.value, Part.NETWORK.value

ADDRESSES: Final = ("ip_address", "peer_address")

SHORT: Final = 5
"""Bytes that a trace has at least that is looked for without quotation marks: a gigabyte of noise has
one once in a thousand times."""

SAFE: Final = 8
"""The same where there are more than :data:`FEW`."""

FEW: Final = 1_000

MOST: Final = 100_000
"""Traces of one forgetting. What goes beyond is dropped like the rest, but not looked for."""

CHUNK: Final = 1 << 20

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    NETWORK: (*ADDRESSES, "user_agent"),
    CONTENT: ("filename", "previous_filename"),
}
"""The fields whose values are traces, by the part that holds them."""


def traces_in(record: Mapping[str, Any], parts: Collection[str]) -> Iterator[str]:
    """The traces in the parts that a record is to lose."""
    for part in parts:
        for name in FIELDS[part]:
            value = record.get(name)
            if isinstance(value, str) and value:
                yield value


def forms(trace: str, least: int = SHORT) -> set[bytes]:
    """The bytes in which a trace may be stored.

    :param least: bytes that one must have to stand without quotation marks
    """
    plain = trace.encode("utf-8", "surrogatepass")
    text = trace.encode("utf-8", "replace").decode()
    in_json = orjson.dumps(text)[1:-1]
    found = {plain, in_json, _in_ascii(in_json.decode())}
    found |= {quote(plain).encode(), quote(plain, safe="").encode()}
    found = {one if len(one) >= least else b'"' + one + b'"' for one in found}
    packed = packed_address(trace)
    return found if packed is None else found | {packed}


def _in_ascii(text: str) -> bytes:
    """As JSON in ASCII writes it."""
    units = text.encode("utf-16-be", "surrogatepass")
    pairs = (int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2))
    return b"".join(bytes([unit]) if unit < 128 else b"\\u%04x" % unit for unit in pairs)  # ASCII


class Readable(Protocol):
    """Gives bytes, and none at its end."""

    def read(self, size: int, /) -> bytes: ...


class Matcher:
    """Finds traces in bytes, all in one pass whose time does not depend on how many there are."""

    def __init__(self, traces: Collection[str]) -> None:
        self._traces: list[str] = []
        patterns: list[bytes] = []
        least = SHORT if len(traces) <= FEW else SAFE
        for trace in traces:
            for form in forms(trace, least):
                patterns.append(form)
                self._traces.append(trace)
        self._longest = max(map(len, patterns), default=1)
        self._machine = BytesAhoCorasick(patterns) if patterns else None

    def found(self, data: bytes) -> set[str]:
        """The traces in these bytes."""
        if self._machine is None:
            return set()
        found = self._machine.find_matches_as_indexes(data, overlapping=True)
        return {self._traces[pattern] for pattern, _, _ in found}

    def found_in(self, source: Readable) -> set[str]:
        """The traces in what is left of a file; reads a megabyte at a time."""
        found, last = set[str](), b""
        while data := source.read(CHUNK):
            found |= self.found(last + data)
            last = (last + data)[-(self._longest - 1) :] if self._longest > 1 else b""
        return found


def joined(rows: Iterable[Iterable[Any]]) -> bytes:
    """All values of some rows, each between quotation marks, as JSON writes short ones."""
    return b"\n".join(
        b'"' + (value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value) + b'"'
        for row in rows
        for value in row
        if isinstance(value, (str, bytes))
    )

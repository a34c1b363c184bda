"""Which segments may hold a value: a Bloom filter for each of the fields that name one thing.

What can be forgotten has filters of its own, since a filter over names or addresses gives them all
back to whoever guesses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Final

import duckdb
from sqlalchemy import Connection, bindparam, func, select

from strongroom.audit.archive.bloom import BLOCK, Probe, build, probe
from strongroom.audit.archive.columns import COLUMNS, REST, Kind, address_text, packed_address
from strongroom.audit.archive.relation import read_as
from strongroom.audit.archive.tables import segment, segment_filter

FILTERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "file_id": ("file_id",),
        "sha256": ("sha256", "previous_sha256"),
        "user_id": ("user_id", "target_user_id"),
        "session_id": ("session_id",),
        "token_id": ("token_id",),
        "filename": ("filename", "previous_filename"),
        "ip_address": ("ip_address",),
    }
)
"""The fields whose values each filter has, by the filter's name."""

FORGETTABLE: Final = frozenset({"filename", "ip_address"})
"""Filters that are rebuilt or removed when something in the segment is forgotten."""

FILTER_OF: Final[Mapping[str, str]] = MappingProxyType(
    {field: name for name, fields in FILTERS.items() for field in fields}
)
"""The filter to ask about a field's value."""


def build_filters(
    connection: duckdb.DuckDBPyConnection, relation: str, *, has_rest: bool
) -> dict[str, bytes]:
    """All filters of a segment, by name.

    :param relation: the segment in SQL: a table, or ``'file.parquet'``
    """
    return {
        name: build(_values(connection, relation, fields, has_rest=has_rest))
        for name, fields in FILTERS.items()
    }


def _values(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    fields: Collection[str],
    *,
    has_rest: bool,
) -> Iterator[bytes]:
    for field in fields:
        found = f'SELECT DISTINCT {read_as(field)} FROM {relation} WHERE "{field}" IS NOT NULL'  # noqa: S608  # our own names
        for (value,) in connection.execute(found).fetchall():
            yield value if isinstance(value, bytes) else value.encode()
        if has_rest:
            text = f"json_extract_string({REST}, '$.{field}')"
            odd = f"SELECT DISTINCT {text} FROM {relation} WHERE {text} IS NOT NULL"  # noqa: S608  # our own names
            for (value,) in connection.execute(odd).fetchall():
                yield value.encode()


def as_filtered(field: str, value: str) -> bytes:
    """A value as filters have it: an address as its 16 bytes, anything else as its text."""
    if COLUMNS[field].kind is Kind.ADDRESS:
        packed = packed_address(value)
        if packed is not None and address_text(packed) == value:
            return packed
    return value.encode("utf-8", "surrogatepass")


Place = tuple[str, int]
"""A segment: its stream and first sequence number."""


def candidates(connection: Connection, needles: Mapping[str, Collection[str]]) -> set[Place] | None:
    """The segments that may hold a match; None for all, where no filter knows the fields.

    Reads 32 bytes of each segment's filter, in one statement a value. A segment without such a filter
    may hold anything.

    :param needles: fields, and for each the exact values, in text, of which a match has one
    """
    left: set[Place] | None = None
    for field, values in needles.items():
        if field in FILTER_OF:
            found = set[Place]()
            for value in values:
                found |= _may_hold(connection, FILTER_OF[field], probe(as_filtered(field, value)))
            left = found if left is None else left & found
    return left


_blocks = func.length(segment_filter.c.bits) / BLOCK
_at = bindparam("place").op("*")(_blocks).op(">>")(32).op("*")(BLOCK).op("+")(1)
_lookup: Final = select(
    segment.c.stream,
    segment.c.first_seq,
    segment_filter.c.field.is_(None),
    func.substr(segment_filter.c.bits, _at, BLOCK),
).select_from(
    segment.outerjoin(
        segment_filter,
        (segment_filter.c.stream == segment.c.stream)
        & (segment_filter.c.first_seq == segment.c.first_seq)
        & (segment_filter.c.field == bindparam("filter")),
    )
)


def _may_hold(connection: Connection, name: str, wanted: Probe) -> set[Place]:
    rows = connection.execute(_lookup, {"filter": name, "place": wanted.place})
    return {
        (stream, first_seq)
        for stream, first_seq, unknown, block in rows
        if unknown or wanted.fits(block or b"")  # SQLite has NULL for no bytes of a filter of none
    }

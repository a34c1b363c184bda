"""What a segment's columns say, spelt out as the JSON that was stored: by the engine, for all rows at once.

Whether a column says what the record says can be told by comparing values, in Python some thirty a
record; or by writing the record out of its columns once more and comparing bytes. The second needs no
JSON to be read, and the engine does nearly all of it.

Only one spelling is accepted, which is the one that records are stored in: sorted keys, UTF-8, no
spaces. Where the engine's might be another (characters that need ``\\u``, numbers that need an exponent),
or where a value stands in no column of its own, the row is not *plain*: then somebody has to look at it
value by value. So equal bytes prove the columns of a plain row, and unequal ones prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import duckdb

from strongroom.audit.archive.columns import COLUMNS, MORE_TEXT, REST, Kind, address_text
from strongroom.audit.events.event import Stream
from strongroom.audit.events.fields import ENTRY_FIELDS, FIELDS, NETWORK_FIELDS
from strongroom.audit.journal.salts import SALT_SIZE

_ADDRESSES: Final = "spelt_addresses"
_NESTED: Final = (
    REST,
    MORE_TEXT,
    *(name for name, one in COLUMNS.items() if one.kind is Kind.JSON),
)
_BESIDE: Final = frozenset({"stream", "seq"})
"""Fields that say where a record is, and are not stored in it."""

_UUIDV7: Final = "regexp_matches(r.id::VARCHAR, '^.{14}7.{4}[89ab]')"  # RFC 9562, section 5.7
_UNESCAPED: Final = "NOT contains({0}, '\\u')"

_PLAIN_NUMBER: Final = "({0} IS NULL OR {0} = 0 OR abs({0}) BETWEEN 1e-4 AND 1e15)"
"""Whoever writes it, without an exponent."""

_DIGEST: Final = "rtrim(translate(to_base64(unhex(sha256(r.{0}_salt || r.{0}))), '+/', '-_'), '=')"
"""As :func:`~strongroom.audit.journal.stored.part_digest`."""

_DIGESTS: Final = (
    f"""('{{"content":"' || {_DIGEST.format("content")} || '","network":"' """
    f"""|| {_DIGEST.format("network")} || '"}}')"""
)


class Spelling:
    """The SQL that spells the records of one file. Its expressions are of a relation ``r``.

    :param held: the columns in which some record has a value
    :param stream: of the records; those of the audit stream have parts: then the entry has their
        digests, which are computed of the parts' bytes
    """

    def __init__(self, held: Sequence[str], stream: str) -> None:
        parts = stream == Stream.AUDIT.value
        self._names = [name for name in held if name in FIELDS and name not in _BESIDE]
        self._names = sorted(name for name in self._names if name not in _NESTED)
        self._nested = [name for name in _NESTED if name in held]
        self._parts = parts
        self._stream = stream
        self.addresses = [name for name in self._names if COLUMNS[name].kind is Kind.ADDRESS]

        self._content = self._network = "NULL"
        if parts:
            self._entry = self._object(lambda name: name in ENTRY_FIELDS, parts=_DIGESTS)
            self._content = self._object(lambda name: name not in ENTRY_FIELDS | NETWORK_FIELDS)
            self._network = self._object(lambda name: name in NETWORK_FIELDS)
        else:
            self._entry = self._object(lambda _name: True)

    @property
    def entry(self) -> str:
        """The bytes of the entry, as a plain row's columns spell it."""
        return f"encode({self._entry})"

    @property
    def plain(self) -> str:
        """Whether the row can be spelt in one way only, has a UUIDv7, and has its parts, which are
        spelt as they are."""
        conditions = [f"r.stream = '{self._stream}'"]
        conditions += [f'r."{name}" IS NULL' for name in self._nested]
        conditions += [
            _PLAIN_NUMBER.format(f'r."{name}"')
            for name in self._names
            if COLUMNS[name].kind is Kind.NUMBER
        ]
        conditions += [_UUIDV7, _UNESCAPED.format(self._entry)]
        if self._parts:
            for name, spelt in (("content", self._content), ("network", self._network)):
                conditions.append(f"octet_length(r.{name}_salt) = {SALT_SIZE}")
                conditions.append(f"encode({spelt}) = r.{name}")
                conditions.append(_UNESCAPED.format(spelt))
        return f"coalesce({' AND '.join(conditions)}, false)"

    def relation(self, connection: duckdb.DuckDBPyConnection, relation: str) -> str:
        """The relation ``r``, with whatever the expressions need beside it.

        :param connection: gets a table of the texts of all addresses
        """
        if not self.addresses:
            return f"{relation} AS r"
        found = " UNION ".join(f'SELECT "{name}" FROM {relation}' for name in self.addresses)  # noqa: S608  # our own names
        texts = {raw: _address(raw) for (raw,) in connection.execute(found).fetchall()}
        texts = {raw: text for raw, text in texts.items() if text is not None}
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {_ADDRESSES} (raw BLOB, text VARCHAR)")
        connection.execute(
            f"INSERT INTO {_ADDRESSES} SELECT unnest(?::BLOB[]), unnest(?::VARCHAR[])",
            [list(texts), list(texts.values())],
        )
        joins = "".join(
            f' LEFT JOIN {_ADDRESSES} AS "of_{name}" ON "of_{name}".raw = r."{name}"'
            for name in self.addresses
        )
        return f"{relation} AS r{joins}"

    def _object(self, belongs: Callable[[str], bool], **more: str) -> str:
        """The JSON object of some fields; a value that is NULL is left out.

        :param more: members that are no columns, in SQL
        """
        values = {name: _value(name) for name in self._names if belongs(name)} | more
        if not values:
            return "'{}'"
        members = ", ".join(f"',\"{name}\":' || {values[name]}" for name in sorted(values))
        return f"'{{' || substr(concat({members}), 2) || '}}'"


def _value(name: str) -> str:
    """The JSON of a column's value; NULL for one that cannot be spelt."""
    column = f'r."{name}"'
    match COLUMNS[name].kind:
        case Kind.TEXT:
            return f"to_json({column})::VARCHAR"
        case Kind.UUID:
            return f"""('"' || {column}::VARCHAR || '"')"""
        case Kind.ADDRESS:
            return f"""('"' || "of_{name}".text || '"')"""
        case Kind.TIME:
            text = f"make_timestamp(epoch_us({column}))"
            return f"strftime({text}, '\"%Y-%m-%dT%H:%M:%S.%fZ\"')"
        case _:
            return f"{column}::VARCHAR"


def _address(raw: bytes | None) -> str | None:
    """Its text; None for none, and for what is no address."""
    try:
        return None if raw is None else address_text(raw)
    except ValueError:
        return None

"""The formats in which records leave, one object for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

import orjson

from strongroom.audit.export.cells import KINDS, as_json, typed, untyped

Record = Mapping[str, Any]

_ACTIVE: Final = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""What a cell of a formula begins with in some spreadsheet (OWASP, *CSV Injection*); the last
four are the first four in full width."""

_SHIELD: Final = "'"


class Format(Protocol):
    """How a record becomes bytes. Thread-safe."""

    @property
    def name(self) -> str:
        """As people choose it, and how the file's name ends."""

    @property
    def media_type(self) -> str:
        """Of the whole."""

    @property
    def head(self) -> bytes:
        """What comes before the first record."""

    @property
    def whole(self) -> bool:
        """Whether the lines must all be there before the file can be written from them."""

    def line(self, record: Record, timestamp: int) -> bytes:
        """A record.

        :param timestamp: where it stands in time, in microseconds since 1970-01-01 UTC
        """


@dataclass(frozen=True, slots=True)
class Ndjson:
    """A JSON object a line, as the API has it; https://github.com/ndjson/ndjson-spec."""

    name: str = "ndjson"
    media_type: str = "application/x-ndjson"
    head: bytes = b""
    whole: bool = False

    def line(self, record: Record, timestamp: int) -> bytes:  # noqa: ARG002  # the record has it
        """See :meth:`Format.line`."""
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


@dataclass(frozen=True, slots=True)
class Csv:
    """RFC 4180 in UTF-8 with a header. A text is quoted, also the empty one; what is absent is not.

    A text that a spreadsheet might calculate gets a ``'`` before it, and so does one that begins with
    ``'`` itself: taking one away from whatever begins with it gives back what was recorded.
    """

    name: str = "csv"
    media_type: str = "text/csv; charset=utf-8; header=present"
    head: bytes = ",".join(KINDS).encode() + b"\r\n"
    whole: bool = False

    def line(self, record: Record, timestamp: int) -> bytes:  # noqa: ARG002  # the record has it
        """See :meth:`Format.line`."""
        row = untyped(record)
        cells = [_cell(row[name]) if name in row else "" for name in KINDS]
        return (",".join(cells) + "\r\n").encode()


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if value is None:
        return ""
    text = value if isinstance(value, str) else as_json(value)
    if text.startswith((*_ACTIVE, _SHIELD)):
        text = _SHIELD + text
    return '"' + text.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class Parquet:
    """Apache Parquet with typed columns; see :mod:`strongroom.audit.export.parquet`."""

    name: str = "parquet"
    media_type: str = "application/vnd.apache.parquet"
    head: bytes = b""
    whole: bool = True

    def line(self, record: Record, timestamp: int) -> bytes:
        """A line of what :func:`~strongroom.audit.export.parquet.write_parquet` reads."""
        return orjson.dumps(typed(record, timestamp), option=orjson.OPT_APPEND_NEWLINE)


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {kind.name: kind for kind in (Ndjson(), Csv(), Parquet())}
)
"""All formats by name."""

"""Reads lines the way an import does, without a database."""

from __future__ import annotations

import json
from typing import Any

from strongroom.audit.importing import FORMATS, LineReader, Rejected
from strongroom.audit.importing.formats import recognise
from strongroom.audit.importing.identity import Occurrences
from strongroom.audit.importing.lines import Line, parse_object
from strongroom.audit.journal import StoredRecord

LATEST = 4_102_444_800_000_000
"""2100-01-01: nothing in these tests is later."""


def reader(kind: str, **options: Any) -> LineReader:
    """A reader of this format."""
    return LineReader(FORMATS[kind], **{"latest": LATEST, **options})


def read(kind: str, line: object, **options: Any) -> StoredRecord | Rejected:
    """What becomes of one line, given as bytes or as what its JSON holds."""
    text = line if isinstance(line, bytes) else json.dumps(line).encode()
    return reader(kind, **options).read(Line(1, text), Occurrences())


def imported(kind: str, line: object, **options: Any) -> dict[str, Any]:
    """The record that a line becomes, as it is stored."""
    found = read(kind, line, **options)
    assert isinstance(found, StoredRecord), found
    record = parse_object(found.entry)
    assert record is not None
    return record


def reason(kind: str, line: object, **options: Any) -> str:
    """Why a line is rejected."""
    found = read(kind, line, **options)
    assert isinstance(found, Rejected), found
    return found.reason


def recognised(*lines: bytes) -> str | None:
    """The name of the format that these lines have."""
    found = recognise([line for line in map(parse_object, lines) if line is not None])
    return None if found is None else found.name

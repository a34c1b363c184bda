"""Reads an installation from its disk, past the server: what is really there."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from strongroom.audit.journal import decode
from tests.serving import Installation

Record = dict[str, Any]


def database(server: Installation) -> Path:
    """The database file."""
    return server.data / "strongroom.db"


def stored_records(server: Installation) -> list[Record]:
    """Every record of every stream, in the order of its stream."""
    engine = create_engine(f"sqlite:///{database(server)}")
    try:
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT * FROM journal ORDER BY stream, seq"))
            return [decode(row) for row in rows]
    finally:
        engine.dispose()


def by_request(records: list[Record]) -> dict[str, list[Record]]:
    """The records of each request, in the order of their streams."""
    found: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if "request_id" in record:
            found[record["request_id"]].append(record)
    return found


def check_dense(records: list[Record]) -> None:
    """The sequence numbers of each stream are 0, 1, 2 … without a gap, and ids are unique."""
    streams: dict[str, list[int]] = defaultdict(list)
    for record in records:
        streams[record["stream"]].append(record["seq"])
    assert set(streams) == {"audit", "ops"}
    for stream, numbers in streams.items():
        assert numbers == list(range(len(numbers))), stream
    assert len({record["id"] for record in records}) == len(records)


def incoming(server: Installation) -> list[Path]:
    """Files that are arriving, or were left over when that ended badly."""
    return list((server.data / "objects" / "incoming").iterdir())


def check_sound(server: Installation) -> None:
    """``strongroom doctor`` finds nothing to mend, and it did look at everything."""
    found = server.doctor()
    assert [finding for finding in found if finding["state"] == "bad"] == []
    checked = {finding["check"] for finding in found if finding["state"] == "ok"}
    assert checked >= {"database", "journal audit", "journal ops", "content"}

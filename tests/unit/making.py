"""Records and logs to test with, made by the real pipeline and the real encoder."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from sqlalchemy import Row, select
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData

from strongroom.audit.events import Stream
from strongroom.audit.journal import StoredRecord, decode, encode
from strongroom.audit.journal.tables import journal
from strongroom.audit.pipeline import Pipeline, configure_structlog
from strongroom.audit.pipeline.clock import new_id, now
from strongroom.audit.pipeline.context import clear_context
from strongroom.audit.pipeline.render import console_line, json_line, logfmt_line
from strongroom.audit.pipeline.stdlib import capture_stdlib, release_stdlib
from strongroom.store import Store


def finished(**fields: Any) -> dict[str, Any]:
    """A record as the pipeline hands it on; the fields given come on top."""
    stamp = {"timestamp": now(), "level": "info", "event": "file_uploaded", "id": new_id()}
    return {**stamp, **fields}


def audit_record(**fields: Any) -> StoredRecord:
    """A record for the audit stream."""
    return encode(finished(**fields), Stream.AUDIT)


def ops_record(**fields: Any) -> StoredRecord:
    """A record for the ops stream."""
    return encode(finished(**fields), Stream.OPS)


def counts(store: Store, stream: Stream = Stream.AUDIT) -> list[int]:
    """The ``count`` of every record of the stream, in its order."""
    wanted = select(journal).where(journal.c.stream == stream.value).order_by(journal.c.seq)
    with store.read() as connection:
        return [decode(row)["count"] for row in connection.execute(wanted)]


class Capture:
    """A pipeline whose sink keeps what arrives."""

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, Any], Stream]] = []
        self.pipeline = Pipeline(lambda record, stream: self.taken.append((record, stream)))

    @property
    def records(self) -> list[dict[str, Any]]:
        """What arrived, oldest first."""
        return [record for record, _ in self.taken]

    def only(self) -> dict[str, Any]:
        """The one record that arrived."""
        (record,) = self.records
        return record


@contextmanager
def capturing() -> Iterator[Capture]:
    """``structlog.get_logger()`` ends in a capture for the length of the block."""
    capture = Capture()
    configure_structlog(capture.pipeline)
    clear_context()
    try:
        yield capture
    finally:
        clear_context()
        structlog.reset_defaults()


@contextmanager
def capturing_stdlib(pipeline: Pipeline) -> Iterator[None]:
    """The standard library's logging ends in this pipeline, and nowhere else, for the block."""
    root = logging.getLogger()
    level, others = root.level, list(root.handlers)
    root.handlers.clear()  # pytest's own raise where a message and its arguments do not fit
    handler = capture_stdlib(pipeline)
    try:
        yield
    finally:
        release_stdlib(handler)
        root.handlers.extend(others)
        root.setLevel(level)
        logging.captureWarnings(capture=False)


def renderings(record: dict[str, Any]) -> dict[str, str]:
    """The record as every renderer writes it."""
    return {
        "json": json_line(record),
        "logfmt": logfmt_line(record),
        "console": console_line(record, colours=False),
        "console in colour": console_line(record, colours=True),
    }


def stored_bytes(record: dict[str, Any]) -> bytes:
    """All bytes that are stored of the record, whichever stream it goes to."""
    audit, ops = encode(record, Stream.AUDIT), encode(record, Stream.OPS)
    return b"\n".join([audit.entry, audit.content or b"", audit.network or b"", ops.entry])


def row_of(stored: StoredRecord, seq: int) -> dict[str, Any]:
    """The columns of its row at this place in its stream."""
    return dict(zip(journal.c.keys(), stored.row(stored.stream.value, seq), strict=True))


def as_row(values: dict[str, Any]) -> Row[Any]:
    """These values as the database would hand them back."""
    names = SimpleResultMetaData(list(values))
    result: IteratorResult[Any] = IteratorResult(names, iter([tuple(values.values())]))
    row: Row[Any] = result.one()
    return row

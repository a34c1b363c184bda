"""Writes what was read, in batches that are whole or absent, each line once however often it runs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from itertools import chain, islice
from typing import BinaryIO, Final

from sqlalchemy import Connection, bindparam, select

from strongroom.audit.events import Event, Stream
from strongroom.audit.events.system import ImportStarted
from strongroom.audit.importing.formats import Format, recognise
from strongroom.audit.importing.identity import Occurrences
from strongroom.audit.importing.lines import Line, parse_object, read_lines
from strongroom.audit.importing.reading import LineReader, Rejected, check_mapping
from strongroom.audit.journal import Journal, StoredRecord
from strongroom.audit.journal.tables import journal as journal_table
from strongroom.store import Store

BATCH: Final = 1_000
"""Records of one transaction: nobody else can write while it lasts, some 20 ms."""

BATCH_BYTES: Final = 2 * 1024 * 1024
"""Bytes of the records of one transaction, for the same reason, and so that memory stays flat."""

SAMPLE: Final = 20
"""Lines that are looked at to recognise a format."""

FUTURE_SECONDS: Final = 24 * 60 * 60
"""How far ahead of ours another machine's clock may be."""

_present = select(journal_table.c.id).where(
    journal_table.c.id.in_(bindparam("wanted", expanding=True))
)


class Unrecognised(ValueError):
    """The first lines are of no format that we know."""


@dataclass(slots=True)
class SourceReport:
    """What became of the lines of one file. Grows while it is read.

    :param added: records that are new, and on disk
    :param present: lines that an earlier import had added already
    :param reasons: how many lines were rejected for each reason
    """

    name: str
    format: str | None = None
    added: int = 0
    present: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def rejected(self) -> int:
        """Lines that did not become records."""
        return self.reasons.total()


class Importer:
    """Imports files into the stream ``imported`` of one journal. Use from one thread.

    Whatever :attr:`SourceReport.added` counts has reached the disk. A batch is one transaction: an
    import that was killed has added whole batches, and the next run adds the rest. Several imports
    may run at once, also of the same file, and beside a running server.

    :param log: logs an event of ours; ``import_started`` commits with the first batch
    :param kind: the format of all files; None to recognise each one's
    :param mapping: see :class:`LineReader`, as the other three
    :param on_rejected: called for each rejected line with the file's name and the line's number
    :raises Refused: when the mapping names a field that there is not
    """

    def __init__(
        self,
        store: Store,
        journal: Journal,
        log: Callable[[Event], None],
        *,
        kind: Format | None = None,
        mapping: Mapping[str, str] | None = None,
        app: str = "",
        zone: tzinfo = UTC,
        reserved: Container[str] = (),
        on_rejected: Callable[[str, int, str], None] = lambda *_: None,
    ) -> None:
        self._store = store
        self._journal = journal
        self._log = log
        self._kind = kind
        self._mapping = check_mapping(mapping or {})
        self._app = app
        self._zone = zone
        self._reserved = reserved
        self._on_rejected = on_rejected
        self._started = False
        self.reports: list[SourceReport] = []

    def run(
        self,
        name: str,
        stream: BinaryIO,
        *,
        on_format: Callable[[SourceReport], None] = lambda _: None,
        on_batch: Callable[[], None] = lambda: None,
    ) -> SourceReport:
        """Import one file to its end.

        :param name: for messages
        :param on_format: called once the format is known
        :param on_batch: called after each transaction
        :raises Unrecognised: when the first lines are of no known format; nothing was added
        :raises OSError: when it cannot be read on; what came before is added
        :raises Unavailable: when the journal cannot be written
        """
        report = SourceReport(name)
        self.reports.append(report)
        sample, lines = _sampled(read_lines(stream))
        kind = self._kind or _recognised(sample)
        if kind is None:
            return report
        report.format = kind.name
        on_format(report)
        reader = LineReader(
            kind,
            mapping=self._mapping,
            app=self._app,
            zone=self._zone,
            latest=(int(time.time()) + FUTURE_SECONDS) * 1_000_000,
            reserved=self._reserved,
        )
        with closing(Occurrences()) as occurrences:
            records = self._records(report, reader, chain(sample, lines), occurrences)
            for batch in _batches(records):
                self._add(report, batch)
                on_batch()
        return report

    def _records(
        self, report: SourceReport, reader: LineReader, lines: Iterator[Line], seen: Occurrences
    ) -> Iterator[StoredRecord]:
        for line in lines:
            found = reader.read(line, seen)
            if isinstance(found, Rejected):
                report.reasons[found.reason] += 1
                self._on_rejected(report.name, line.number, found.reason)
            else:
                yield found

    def _add(self, report: SourceReport, batch: Sequence[StoredRecord]) -> None:
        # Two lines whose hashes collide must not fail the batch.
        records = {record.id: record for record in batch}

        def unit(connection: Connection) -> int:
            found = connection.execute(_present, {"wanted": list(records)})
            present = set(found.scalars())
            fresh = [record for name, record in records.items() if name not in present]
            if fresh:
                if not self._started:
                    self._log(ImportStarted(extra={"by": "command line", "file": report.name}))
                self._journal.append_within(connection, Stream.IMPORTED, fresh)
            return len(fresh)

        added = self._store.write(unit)
        self._started = self._started or added > 0
        report.added += added
        report.present += len(batch) - added


def _sampled(lines: Iterator[Line]) -> tuple[Sequence[Line], Iterator[Line]]:
    """The first lines, and the rest; an error among the first comes after them."""
    sample: list[Line] = []
    try:
        sample.extend(islice(lines, SAMPLE))
    except Exception as error:  # noqa: BLE001  # raised when its turn has come
        return sample, _failing(error)
    return sample, lines


def _failing(error: Exception) -> Iterator[Line]:
    yield from ()
    raise error


def _recognised(sample: Sequence[Line]) -> Format | None:
    """The format of these lines; None where there are none.

    :raises Unrecognised: when there are some, and they are of no known format
    """
    objects = (parse_object(line.text) for line in sample)
    kind = recognise(found for found in objects if found is not None)
    if kind is None and sample:
        raise Unrecognised
    return kind


def _batches(records: Iterator[StoredRecord]) -> Iterator[Sequence[StoredRecord]]:
    """The records in batches; what came before an error is a batch too."""
    batch: list[StoredRecord] = []
    size = 0
    try:
        for record in records:
            batch.append(record)
            size += len(record.entry)
            if len(batch) == BATCH or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
    except Exception:
        if batch:
            yield batch
        raise
    if batch:
        yield batch

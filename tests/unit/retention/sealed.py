"""A sealed history in small segments, and rules that apply to it tomorrow."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select

from strongroom.audit.archive.index import Segment, segments
from strongroom.audit.archive.places import archive_folder
from strongroom.audit.archive.reading import ArchiveReader
from strongroom.audit.events import Stream
from strongroom.audit.journal import decode
from strongroom.audit.journal.tables import journal
from strongroom.audit.ledger.verify import Report, Trust, verify
from strongroom.audit.retention import Pruner, Rules
from strongroom.audit.retention.plan import Going
from tests.unit.sealing.sealed import KEY, Log

DAY = 24 * 3600
TRUST = Trust.given([KEY.verifier])
SPANS = {
    Stream.AUDIT: [(0, 255), (256, 511), (512, 767)],
    Stream.OPS: [(0, 29), (30, 59), (60, 89)],
}
"""What the segments of :func:`history` hold; more audit records are in the journal."""


def history(folder: Path) -> Log:
    """Three segments of each stream."""
    log = Log(f"sqlite:///{folder / 'log.db'}")
    for _ in range(3):
        log.fill(300, 30)
        log.seal_all()
        log.sign()
    return log


def tomorrow() -> int:
    """When everything is more than a day old."""
    return time.time_ns() // 1000 + 2 * DAY * 10**6


def pruner(log: Log, rules: Rules) -> Pruner:
    """Applies rules tomorrow."""
    return Pruner(log.store, log.record, rules, now=tomorrow)


def prune(log: Log, rules: Rules) -> list[Going]:
    """Apply rules tomorrow, and sign what is recorded of it."""
    done = pruner(log, rules).run()
    log.sign()
    return done


def of(stream: Stream, seconds: int = DAY) -> Rules:
    """All that is older than a day."""
    return Rules(max_age={stream: seconds})


def left(log: Log, stream: Stream) -> list[Segment]:
    """The segments that are there."""
    with log.store.read() as connection:
        return segments(connection, stream.value)


def spans(found: Sequence[Segment]) -> list[tuple[int, int]]:
    """The numbers that they hold."""
    return [(about.first_seq, about.last_seq) for about in found]


def files(log: Log) -> list[str]:
    """The files of the archive."""
    folder = archive_folder(log.store)
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def verified(log: Log) -> Report:
    """Everything recomputed."""
    return verify(log.store, trust=TRUST)


def failed(log: Log) -> set[str]:
    """The checks that fail."""
    return {verdict.name for verdict in verified(log).failed}


def held(log: Log, stream: Stream) -> list[dict[str, Any]]:
    """All records of a stream that are held."""
    with log.store.read() as connection, ArchiveReader(archive_folder(log.store)) as reader:
        found = []
        for about in segments(connection, stream.value):
            found += [decode(row) for row in reader.rows(about, 0, about.last_seq + 1)]
        wanted = select(journal).where(journal.c.stream == stream.value).order_by(journal.c.seq)
        return found + [decode(row) for row in connection.execute(wanted)]

"""How the records stand, read from the database when somebody asks: a few rows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from strongroom.audit.alerting.tables import alert_waiting
from strongroom.audit.archive.tables import archive_head, segment
from strongroom.audit.events import Stream
from strongroom.audit.journal.tables import journal, journal_head
from strongroom.audit.ledger.tables import ledger_checkpoint, ledger_copy, ledger_verdict
from strongroom.audit.ledger.verdict import Looked
from strongroom.store import Store


def standing(store: Store) -> Iterator[Metric]:
    """What the database tells, and whether it could be read. Never raises for its trouble."""
    now = time.time()
    try:
        with store.read() as connection:
            found = [
                *_streams(connection, now),
                *_ledger(connection, now),
                *_verdicts(connection, now),
                *_archive(connection),
                *_alerts(connection),
            ]
    except (DBAPIError, OSError, ValueError, TypeError):  # the last two of values that were altered
        found = []
    yield from found
    readable = "Whether the database could be read just now."
    yield _gauge("strongroom_database_readable", readable, float(bool(found)))
    size = GaugeMetricFamily(
        "strongroom_database_size_bytes", "Size of the database's files.", labels=["file"]
    )
    for name, path in (("database", store.path), ("wal", Path(f"{store.path}-wal"))):
        size.add_metric([name], float(path.stat().st_size) if path.is_file() else 0.0)
    yield size


def _streams(connection: Connection, now: float) -> Iterator[Metric]:
    records = CounterMetricFamily(
        "strongroom_records", "Records of each stream, ever.", labels=["stream"]
    )
    unsealed = GaugeMetricFamily(
        "strongroom_unsealed_records",
        "Records that are in the journal still, not in the archive.",
        labels=["stream"],
    )
    lag = GaugeMetricFamily(
        "strongroom_seal_lag_seconds",
        "Age of the oldest record that is in the journal still; 0 for none.",
        labels=["stream"],
    )
    rows = connection.execute(select(archive_head)).all()
    sealed = {row.stream: row.sealed_through for row in rows}
    heads = select(journal_head.c.stream, journal_head.c.next_seq)
    for stream, next_seq in connection.execute(heads):
        boundary = sealed.get(stream, 0)
        records.add_metric([stream], next_seq)
        unsealed.add_metric([stream], next_seq - boundary)
        if stream == Stream.IMPORTED.value:
            continue  # their times are those of other programs
        oldest = select(journal.c.timestamp).where(
            journal.c.stream == stream, journal.c.seq == boundary
        )
        lag.add_metric([stream], _age(connection.execute(oldest).scalar(), now))
    yield from (records, unsealed, lag)


def _ledger(connection: Connection, now: float) -> Iterator[Metric]:
    newest = connection.execute(
        select(ledger_checkpoint.c.size, ledger_checkpoint.c.signed_at)
        .order_by(ledger_checkpoint.c.size.desc())
        .limit(1)
    ).first()
    head = select(journal_head.c.next_seq).where(journal_head.c.stream == Stream.AUDIT.value)
    entries = int(connection.execute(head).scalar() or 0)
    yield _gauge(
        "strongroom_checkpoint_records",
        "Audit records that the newest signed checkpoint covers.",
        0 if newest is None else newest.size,
    )
    yield _gauge(
        "strongroom_unsigned_records",
        "Audit records that no signed checkpoint covers yet.",
        entries - (0 if newest is None else newest.size),
    )
    if newest is not None:  # an age of nothing would look like one just signed
        yield _gauge(
            "strongroom_checkpoint_age_seconds",
            "Since the newest checkpoint was signed; an hour at most where all is well.",
            _age(newest.signed_at, now),
        )
    copied = connection.execute(select(func.max(ledger_copy.c.copied_at))).scalar()
    if copied is not None:
        yield _gauge(
            "strongroom_checkpoint_copy_age_seconds",
            "Since a place for copies took the newest one.",
            _age(copied, now),
        )


def _verdicts(connection: Connection, now: float) -> Iterator[Metric]:
    holds = GaugeMetricFamily(
        "strongroom_evidence_holds",
        "1 where the evidence held when it was last looked at by this check, 0 where it did not.",
        labels=["check"],
    )
    age = GaugeMetricFamily(
        "strongroom_evidence_checked_age_seconds",
        "Since this check last said something.",
        labels=["check"],
    )
    for row in connection.execute(select(ledger_verdict)):
        check = Looked(row.number).name.lower()
        holds.add_metric([check], float(row.failure is None))
        age.add_metric([check], _age(row.checked_at, now))
    yield from (holds, age)


def _archive(connection: Connection) -> Iterator[Metric]:
    size = GaugeMetricFamily(
        "strongroom_archive_size_bytes", "Size of the archive's segments.", labels=["stream"]
    )
    count = GaugeMetricFamily(
        "strongroom_archive_segments", "Segments of the archive.", labels=["stream"]
    )
    found = select(segment.c.stream, func.count(), func.sum(segment.c.bytes))
    for stream, segments, octets in connection.execute(found.group_by(segment.c.stream)):
        count.add_metric([stream], segments)
        size.add_metric([stream], float(octets or 0))
    yield from (count, size)


def _alerts(connection: Connection) -> Iterator[Metric]:
    waiting = GaugeMetricFamily(
        "strongroom_alerts_waiting",
        "Critical records that a destination of alerts has not taken yet.",
        labels=["destination"],
    )
    found = select(alert_waiting.c.destination, func.count())
    rows: Sequence[tuple[str, int]] = [
        (name, count)
        for name, count in connection.execute(found.group_by(alert_waiting.c.destination))
    ]
    for name, count in rows:
        waiting.add_metric([name], count)
    yield waiting


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=value)


def _age(moment: int | None, now: float) -> float:
    """Seconds since a moment in microseconds since 1970-01-01 UTC; 0 without one."""
    return 0.0 if moment is None else max(now - moment / 1e6, 0.0)

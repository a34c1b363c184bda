"""The audit log of an application: what a log call promises, and what it never does."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import Connection

from strongroom.audit.events import Catalogue, Event, Level, Outcome, Stream, declare
from strongroom.audit.events.system import ApplicationStarted, LogsViewed
from strongroom.audit.extension import AuditFailure, AuditLog
from strongroom.audit.journal.check import check_stream
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.audit.pipeline import configure_structlog
from strongroom.audit.pipeline.context import bind_context, clear_context
from strongroom.audit.pipeline.output import Output
from strongroom.audit.query import Window, parse
from strongroom.errors import Unavailable
from strongroom.store import Store
from strongroom.store.migrate import migrate

MakeAudit = Callable[..., AuditLog]


@declare(
    "order_shipped",
    stream=Stream.OPS,
    levels={Outcome.SUCCESS: Level.INFO, Outcome.DENIED: Level.ERROR},
)
class OrderShipped(Event):
    """An order left the house."""

    outcome: Outcome


@pytest.fixture
def make_audit(store: Store) -> Iterator[MakeAudit]:
    """An audit log on the store that prints JSON; ``structlog.get_logger()`` ends in it."""
    migrate(store, AUDIT_SCHEMA)

    def make(failure: AuditFailure = "refuse") -> AuditLog:
        audit = AuditLog(
            store=store,
            viewer=None,
            output=Output("json", "stderr"),
            audit_failure=failure,
            catalogue=Catalogue(OrderShipped),
        )
        configure_structlog(audit.pipeline)
        return audit

    yield make
    clear_context()
    structlog.reset_defaults()


def records(audit: AuditLog) -> list[dict[str, Any]]:
    """Everything that is stored, oldest first."""
    audit.store.close()
    return list(audit.search.page(parse(""), Window(), limit=10_000).records)[::-1]


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def rename(path: Path, table: str, to: str) -> None:
    other = sqlite3.connect(path)
    other.execute(f"alter table {table} rename to {to}")
    other.close()


def test_a_record_says_where_it_was_logged(make_audit: MakeAudit) -> None:
    audit = make_audit()
    bind_context(request_id="r1", ip_address="192.0.2.1")
    audit.log(LogsViewed(count=1))
    structlog.get_logger().info("cache_warmed", invoice=7)
    viewed, warmed = records(audit)
    for record in (viewed, warmed):
        assert record["request_id"] == "r1"
        assert record["ip_address"] == "192.0.2.1"
        assert {"host", "pid", "id", "timestamp", "level"} <= record.keys()
    assert (viewed["stream"], warmed["stream"]) == ("audit", "ops")
    assert warmed["extra"] == {"invoice": 7}


def test_what_is_printed_is_what_is_stored(
    make_audit: MakeAudit, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = make_audit()
    audit.log(LogsViewed(count=1, extra={"query": "a"}))
    audit.log(ApplicationStarted())
    audit.store.write(lambda _: audit.log(LogsViewed(count=2)))
    stored = [
        {name: value for name, value in record.items() if name not in ("stream", "seq")}
        for record in records(audit)
    ]
    assert sorted(printed(capsys), key=lambda r: str(r["id"])) == stored


def test_what_a_failed_unit_logged_is_not_printed_either(
    make_audit: MakeAudit, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = make_audit()

    def unit(_connection: Connection) -> None:
        audit.log(LogsViewed(count=1))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        audit.store.write(unit)
    assert printed(capsys) == []
    assert records(audit) == []


def test_a_record_of_a_unit_has_the_callers_context(make_audit: MakeAudit) -> None:
    audit = make_audit()
    bind_context(request_id="r1")
    audit.store.write(lambda _: audit.log(LogsViewed(count=1)))
    (record,) = records(audit)
    assert record["request_id"] == "r1"


@pytest.mark.parametrize("failure", ["refuse", "continue"])
def test_while_the_journal_cannot_be_written(
    make_audit: MakeAudit,
    store: Store,
    capsys: pytest.CaptureFixture[str],
    failure: AuditFailure,
) -> None:
    audit = make_audit(failure)
    rename(store.path, "journal", "journal_away")
    if failure == "refuse":
        with pytest.raises(Unavailable):
            audit.log(LogsViewed(count=1))
    else:
        audit.log(LogsViewed(count=1))
    structlog.get_logger().info("cache_warmed")
    rename(store.path, "journal_away", "journal")
    audit.log(LogsViewed(count=2))
    events = [(record["event"], record.get("count")) for record in records(audit)]
    assert sorted(events, key=str) == [("cache_warmed", None), ("logs_viewed", 2)]
    counts = [record.get("count") for record in printed(capsys)]
    assert (1 in counts) is (failure == "continue")


def test_a_loss_is_recorded(make_audit: MakeAudit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strongroom.audit.journal.journal.QUEUE_SIZE", 3)
    monkeypatch.setattr("strongroom.audit.journal.journal.FULL_WAIT_SECONDS", 0.01)
    audit = make_audit()
    rename(audit.store.path, "journal", "journal_away")
    for number in range(30):
        structlog.get_logger().info("cache_warmed", count=number)
    rename(audit.store.path, "journal_away", "journal")
    audit.log(LogsViewed(count=0))
    found = records(audit)
    kept = [record["count"] for record in found if record["event"] == "cache_warmed"]
    (lost,) = [record for record in found if record["event"] == "records_dropped"]
    assert kept[:3] == [0, 1, 2]
    assert len(kept) + lost["count"] == 30
    assert lost["level"] == "error"


def test_a_log_call_of_the_ops_stream_never_raises(make_audit: MakeAudit, tmp_path: Path) -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise RuntimeError("no text")

    class Odd(str):
        """Text that cannot be compared, looked up, measured or cut."""

        __slots__ = ()

        def __hash__(self) -> int:
            raise RuntimeError("no hash")

        def __eq__(self, _other: object) -> bool:
            raise RuntimeError("no comparison")

        def __str__(self) -> str:
            raise RuntimeError("no text")

    class Undecided:
        """Like an array: its comparison has no truth value."""

        def __eq__(self, _other: object) -> bool:
            raise RuntimeError("neither true nor false")

        __hash__ = None  # type: ignore[assignment]  # as it is without __eq__

    audit = make_audit()
    log = structlog.get_logger()
    log.info(Odd("cache_warmed"))
    log.info(Odd("order_shipped"))
    for outcome in (Odd("denied"), Undecided(), "nonsense"):
        log.info("order_shipped", outcome=outcome)
        audit.log(OrderShipped(outcome=outcome))  # type: ignore[arg-type]  # that is the mistake
    for value in (Hostile(), [Hostile()], {Hostile(): Hostile()}, object(), 10**400, "\ud800"):
        log.info("cache_warmed", value=value, exception=value, exc_info=value, extra=value)
        log.info("cache_warmed", outcome=value, event_name=value, filename=value)
        log.info("%d", value)
    audit.store.close()
    audit.store.path.parent.rename(tmp_path.with_name("moved"))
    try:
        log.info("cache_warmed")
        audit.log(ApplicationStarted())
        with pytest.raises(Unavailable):
            audit.log(LogsViewed(count=1))
    finally:
        tmp_path.with_name("moved").rename(audit.store.path.parent)
    audit.log(LogsViewed(count=2))
    found = records(audit)
    assert len([record for record in found if record["event"] == "cache_warmed"]) >= 13
    shipped = [record for record in found if record["event"] == "order_shipped"]
    assert [r.get("outcome") for r in shipped] == [None, "denied", "denied"] + [None] * 4
    assert [r["level"] for r in shipped] == ["info"] + ["error"] * 2 + ["info", "warning"] * 2
    assert check_stream(audit.store, Stream.AUDIT) == 1

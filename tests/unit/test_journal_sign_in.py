"""What cannot be recorded must not keep out who has to mend it, nor let in anybody else."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
import structlog
from sqlalchemy import Connection, text

from strongroom.audit.events import Stream
from strongroom.audit.journal import Journal
from strongroom.audit.journal.check import check_stream
from strongroom.errors import Unavailable
from strongroom.store import Store
from tests.unit.accounts import HERE, PASSWORD, House, house
from tests.unit.making import audit_record, counts, ops_record

__all__ = ["house"]

PATIENCE_SECONDS = 30


@contextmanager
def refusing(store: Store, when: str = "") -> Iterator[None]:
    """The journal takes no rows, or none of these; all else can be written."""
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA busy_timeout = 30000")
        connection.execute(
            f"CREATE TRIGGER refuse BEFORE INSERT ON journal {when} "
            "BEGIN SELECT RAISE(ABORT, 'the disk is on fire'); END"
        )
        try:
            yield
        finally:
            connection.execute("DROP TRIGGER refuse")


def until(condition: Callable[[], object]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def note(store: Store, number: int) -> None:
    """A row of somebody's."""
    insert = text("insert into note values (:number)")
    store.write(lambda connection: connection.execute(insert, {"number": number}))


@pytest.fixture
def notes(store: Store) -> Callable[[], list[int]]:
    """A table beside the journal; what it holds."""
    store.write(lambda c: c.execute(text("create table note (number integer)")))

    def read() -> list[int]:
        with store.read() as connection:
            return list(connection.scalars(text("select number from note")))

    return read


def test_an_administrator_comes_in_and_a_member_does_not(house: House) -> None:
    house.ada()
    house.bob()
    with refusing(house.store):
        for _ in range(3):
            structlog.get_logger().info("cache_warmed")
            signed = house.accounts.sign_in("Ada", PASSWORD, where=HERE)
            assert house.who(signed) is not None
            with pytest.raises(Unavailable):
                house.accounts.sign_in("Bob", PASSWORD, where=HERE)
    found = [(r["event"], r.get("outcome")) for r in house.audit.records("login_unrecorded")]
    assert found == [("login_unrecorded", "failed"), ("login_unrecorded", "denied")] * 3


def test_queued_records_undo_nobodys_rows_and_come_later(
    store: Store, journal: Journal, notes: Callable[[], list[int]]
) -> None:
    with refusing(store):
        for number in range(20):
            journal.enqueue(ops_record(count=number))
            note(store, number)
    assert notes() == list(range(20))
    until(lambda: len(counts(store, Stream.OPS)) == 20)
    assert counts(store, Stream.OPS) == list(range(20))
    assert check_stream(store, Stream.OPS) == 20


def test_evidence_in_the_same_transaction_is_kept(store: Store, journal: Journal) -> None:
    with refusing(store, "WHEN NEW.stream = 'ops'"):
        journal.enqueue(ops_record(count=1))
        journal.append([audit_record(count=1)])
        journal.enqueue(ops_record(count=2))
        store.write(lambda _: journal.append([audit_record(count=2)]))
    assert counts(store) == [1, 2]
    assert check_stream(store, Stream.AUDIT) == 2
    until(lambda: counts(store, Stream.OPS) == [1, 2])


def test_a_head_that_cannot_be_written_undoes_only_its_stream(
    store: Store, journal: Journal
) -> None:
    store.write(
        lambda c: c.execute(
            text(
                "CREATE TRIGGER refuse BEFORE UPDATE ON journal_head WHEN NEW.stream = 'ops' "
                "BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        )
    )
    journal.enqueue(ops_record(count=1))
    store.write(lambda _: journal.append([audit_record(count=1)]))
    assert (counts(store), counts(store, Stream.OPS)) == ([1], [])
    assert check_stream(store, Stream.AUDIT) == 1
    store.write(lambda c: c.execute(text("DROP TRIGGER refuse")))
    until(lambda: counts(store, Stream.OPS) == [1])
    assert check_stream(store, Stream.OPS) == 1


def test_a_head_that_is_damaged_undoes_only_its_stream(
    store: Store, journal: Journal, notes: Callable[[], list[int]]
) -> None:
    store.write(lambda c: c.execute(text("delete from journal_head where stream = 'ops'")))
    journal.enqueue(ops_record(count=1))
    note(store, 1)
    assert notes() == [1]


def test_who_only_asks_hears_that_nothing_can_be_written(store: Store, journal: Journal) -> None:
    """What reads back what was logged must not take the queue for written."""
    with refusing(store):
        journal.enqueue(ops_record(count=1))
        with pytest.raises(Unavailable):
            store.write(lambda _: None)
    store.close()
    assert counts(store, Stream.OPS) == [1]


def test_a_unit_that_fails_beside_them_fails_alone(
    store: Store, journal: Journal, notes: Callable[[], list[int]]
) -> None:
    def unit(connection: Connection) -> None:
        connection.execute(text("insert into note values (1)"))
        raise LookupError

    with refusing(store):
        journal.enqueue(ops_record(count=1))
        with pytest.raises(LookupError):
            store.write(unit)
        note(store, 2)
    assert notes() == [2]
    until(lambda: counts(store, Stream.OPS) == [1])


def test_what_is_lost_meanwhile_is_owned_up_to_once_it_works(
    store: Store,
    journal: Journal,
    notes: Callable[[], list[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("strongroom.audit.journal.journal.QUEUE_SIZE", 5)
    monkeypatch.setattr("strongroom.audit.journal.journal.FULL_WAIT_SECONDS", 0.01)
    lost: list[int] = []
    journal.on_dropped = lost.append
    with refusing(store):
        for number in range(30):
            journal.enqueue(ops_record(count=number))
            note(store, number)
        assert lost == []
    until(lambda: lost)
    store.close()
    assert notes() == list(range(30))
    kept = counts(store, Stream.OPS)
    assert kept[:5] == [0, 1, 2, 3, 4]
    assert len(kept) + sum(lost) == 30


def test_closing_does_not_begin_anew(
    store: Store, journal: Journal, notes: Callable[[], list[int]]
) -> None:
    with refusing(store):
        journal.enqueue(ops_record(count=1))
        note(store, 1)
        store.close()
        assert store._writer is None
    note(store, 2)
    assert notes() == [1, 2]
    until(lambda: counts(store, Stream.OPS) == [1])

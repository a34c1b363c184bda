"""The journal: dense sequences in commit order, atomic with the unit of work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import IntegrityError

from strongroom.audit.events import Stream
from strongroom.audit.journal import Journal, StoredRecord
from strongroom.audit.journal.check import check_stream
from strongroom.audit.journal.tables import journal as rows
from strongroom.audit.journal.tables import journal_head
from strongroom.audit.merkle import EMPTY_ROOT, CompactRange
from strongroom.errors import Corrupt, Refused, Unavailable
from strongroom.store import Store
from tests.unit.making import audit_record, counts, ops_record, row_of
from tests.unit.queueing import in_one_batch


def head(store: Store, stream: Stream = Stream.AUDIT) -> tuple[int, bytes]:
    wanted = select(journal_head.c.next_seq, journal_head.c.edge)
    with store.read() as connection:
        row = connection.execute(wanted.where(journal_head.c.stream == stream.value)).one()
    return row.next_seq, row.edge


def logging_unit(journal: Journal, *numbers: int) -> Callable[[Connection], str]:
    """A unit that changes a row and logs a record for each number."""

    def unit(connection: Connection) -> str:
        for number in numbers:
            connection.execute(text("insert into note values (:number)"), {"number": number})
            assert journal.append([audit_record(count=number)]) is False
        return f"did {numbers}"

    return unit


@pytest.fixture
def notes(store: Store, journal: Journal) -> Callable[[], list[int]]:
    """A table of the application, beside the journal; its rows."""
    store.write(lambda c: c.execute(text("create table note (number integer primary key)")))

    def read() -> list[int]:
        with store.read() as connection:
            return list(connection.execute(text("select number from note")).scalars())

    return read


def test_an_empty_journal(store: Store, journal: Journal) -> None:
    assert check_stream(store, Stream.AUDIT) == check_stream(store, Stream.OPS) == 0
    assert CompactRange.from_bytes(*head(store)).root() == EMPTY_ROOT


def test_appended_records_are_there_when_append_returns(store: Store, journal: Journal) -> None:
    made = [audit_record(count=number) for number in range(5)]
    assert journal.append(made[:1]) is True
    assert journal.append(made[1:]) is True
    assert counts(store) == [0, 1, 2, 3, 4]
    expected = CompactRange().extend(record.leaf for record in made)
    assert head(store) == (5, expected.to_bytes())
    assert check_stream(store, Stream.AUDIT) == 5


def test_stored_bytes_are_those_that_were_hashed(store: Store, journal: Journal) -> None:
    made = audit_record(filename="a", ip_address="192.0.2.1")
    journal.append([made])
    with store.read() as connection:
        row = connection.execute(select(rows)).one()
    assert dict(row._mapping) == row_of(made, 0)


def test_records_commit_with_their_unit(
    store: Store, journal: Journal, notes: Callable[[], list[int]]
) -> None:
    assert store.write(logging_unit(journal, 1, 2)) == "did (1, 2)"
    assert notes() == counts(store) == [1, 2]
    assert check_stream(store, Stream.AUDIT) == 2


@pytest.mark.parametrize("error", [ValueError("no"), Refused("no", "No.")])
def test_records_of_a_failed_unit_never_were(
    store: Store, journal: Journal, notes: Callable[[], list[int]], error: Exception
) -> None:
    journal.append([audit_record(count=0)])

    def unit(connection: Connection) -> None:
        logging_unit(journal, 1, 2)(connection)
        raise error

    with pytest.raises(type(error)) as raised:
        store.write(unit)
    assert raised.value is error
    journal.append([audit_record(count=3)])
    assert notes() == []
    assert counts(store) == [0, 3]
    assert check_stream(store, Stream.AUDIT) == 2


def test_a_failing_unit_in_the_middle_of_a_batch(
    store: Store, journal: Journal, notes: Callable[[], list[int]]
) -> None:
    def broken(connection: Connection) -> None:
        logging_unit(journal, 30, 31)(connection)
        raise ValueError("no")

    def duplicate(connection: Connection) -> None:
        logging_unit(journal, 40, 1)(connection)

    batch = in_one_batch(
        store,
        logging_unit(journal, 1, 2),
        broken,
        logging_unit(journal, 5),
        duplicate,
        logging_unit(journal, 6, 7),
    )
    first, second, third, fourth, fifth = batch
    assert (first.result(), third.result(), fifth.result()) == (
        "did (1, 2)",
        "did (5,)",
        "did (6, 7)",
    )
    assert isinstance(second.exception(), ValueError)
    assert isinstance(fourth.exception(), IntegrityError)
    assert notes() == counts(store) == [1, 2, 5, 6, 7]
    assert check_stream(store, Stream.AUDIT) == 5


def test_a_batch_whose_first_unit_fails(
    store: Store, journal: Journal, notes: Callable[[], list[int]]
) -> None:
    def broken(connection: Connection) -> None:
        logging_unit(journal, 1)(connection)
        raise ValueError("no")

    batch = in_one_batch(store, broken, broken, logging_unit(journal, 2))
    assert [future.exception() is None for future in batch] == [False, False, True]
    assert notes() == counts(store) == [2]
    assert check_stream(store, Stream.AUDIT) == 1


def test_committed_records_are_handed_over_failed_ones_are_not(
    store: Store, journal: Journal, notes: Callable[[], list[int]]
) -> None:
    handed: list[StoredRecord] = []
    threads = set()

    def committed(records: Any) -> None:
        handed.extend(records)
        threads.add(threading.current_thread())

    journal.on_committed = committed

    def broken(connection: Connection) -> None:
        logging_unit(journal, 2)(connection)
        raise ValueError("no")

    store.write(logging_unit(journal, 1))
    with pytest.raises(ValueError, match="no"):
        store.write(broken)
    store.write(logging_unit(journal, 3))
    assert [stored.record["count"] for stored in handed] == [1, 3]
    assert threads == {threading.current_thread()}


def test_threads_share_one_dense_sequence(
    store: Store, journal: Journal, notes: Callable[[], list[int]]
) -> None:
    def thread(first: int) -> None:
        for number in range(first, first + 50):
            match number % 4:
                case 0:
                    journal.append([audit_record(count=number)])
                case 1:
                    store.write(logging_unit(journal, number))
                case 2:
                    journal.enqueue(ops_record(count=number))
                case _:
                    with pytest.raises(ZeroDivisionError):
                        store.write(lambda c: logging_unit(journal, -1)(c) and 1 // 0)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(thread, range(0, 1_600, 100)))
    store.close()
    numbers = [first + offset for first in range(0, 1_600, 100) for offset in range(50)]
    found = counts(store)
    assert sorted(found) == [number for number in numbers if number % 4 < 2]
    assert sorted(notes()) == [number for number in numbers if number % 4 == 1]
    assert sorted(counts(store, Stream.OPS)) == [n for n in numbers if n % 4 == 2]
    assert check_stream(store, Stream.AUDIT) == 416
    assert check_stream(store, Stream.OPS) == 192
    for first in range(0, 1_600, 100):
        own = [number for number in found if first <= number < first + 100]
        assert own == sorted(own)


@pytest.mark.parametrize(
    "damage",
    [
        "delete from journal where seq = 3",
        "delete from journal where seq = 0",
        "delete from journal where seq = 9",
        "update journal set entry = cast(replace(entry, 'info', 'Info') as blob) where seq = 5",
        "update journal set seq = 20 where seq = 9",
        "update journal set seq = -seq where seq in (3, 4)",
        "update journal_head set next_seq = 9 where stream = 'audit'",
        "update journal_head set edge = x'00' where stream = 'audit'",
        "update journal_head set edge = zeroblob(64) where stream = 'audit'",
        "delete from journal_head where stream = 'audit'",
    ],
)
def test_the_check_finds_damage(store: Store, journal: Journal, damage: str) -> None:
    journal.append([audit_record(count=number) for number in range(10)])
    assert check_stream(store, Stream.AUDIT) == 10
    store.write(lambda connection: connection.execute(text(damage)))
    with pytest.raises(Corrupt):
        check_stream(store, Stream.AUDIT)


def test_two_entries_that_changed_places(store: Store, journal: Journal) -> None:
    journal.append([audit_record(count=number) for number in range(10)])
    swap = "update journal set seq = case seq when -1 then 4 when 4 then 3 else -1 end"

    def unit(connection: Connection) -> None:
        for place in (3, 4, -1):
            connection.execute(text(f"{swap} where seq = {place}"))

    store.write(unit)
    assert counts(store) == [0, 1, 2, 4, 3, 5, 6, 7, 8, 9]
    with pytest.raises(Corrupt, match="root"):
        check_stream(store, Stream.AUDIT)


def test_a_damaged_head_stops_writing(store: Store, journal: Journal) -> None:
    journal.append([audit_record(count=0)])
    store.write(lambda c: c.execute(text("update journal_head set edge = x'00'")))
    with pytest.raises(Corrupt, match="journal_head"):
        journal.append([audit_record(count=1)])
    assert counts(store) == [0]


def test_probing_changes_nothing(store: Store, journal: Journal) -> None:
    journal.append([audit_record(count=0)])
    journal.enqueue(ops_record(count=0))
    before = head(store)
    journal.probe()
    assert head(store) == before
    store.close()
    assert (check_stream(store, Stream.AUDIT), check_stream(store, Stream.OPS)) == (1, 1)


def test_probing_finds_that_no_record_can_be_added(store: Store, journal: Journal) -> None:
    journal.append([audit_record(count=0)])
    refuse = "CREATE TRIGGER refuse BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'no'); END"
    store.write(lambda connection: connection.execute(text(refuse)))
    with pytest.raises(Unavailable):
        journal.probe()
    store.write(lambda connection: connection.execute(text("DROP TRIGGER refuse")))
    journal.probe()
    assert counts(store) == [0]

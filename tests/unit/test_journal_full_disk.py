"""A disk that fills up in the middle of a transaction.

SQLite answers some failures, a full disk among them, by undoing the whole transaction at once
(https://sqlite.org/lang_transaction.html, "Response To Errors Within A Transaction").
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from sqlalchemy import Connection, event, text

from strongroom.audit.events import Stream
from strongroom.audit.journal import Journal
from strongroom.audit.journal.check import check_stream
from strongroom.errors import Unavailable
from strongroom.store import Store
from tests.unit.making import audit_record, counts, ops_record
from tests.unit.queueing import in_one_batch


@pytest.fixture
def store(store: Store) -> Store:
    """A database that cannot grow beyond 800 KB, with a table of the application."""
    event.listen(store.engine, "connect", lambda c, _: c.execute("PRAGMA max_page_count=200"))
    store.write(lambda c: c.execute(text("create table note (number integer, bulk blob)")))
    return store


def test_a_disk_that_fills_up_in_the_middle_of_a_batch(store: Store, journal: Journal) -> None:
    def unit(number: int, size: int) -> Callable[[Connection], None]:
        def work(connection: Connection) -> None:
            values = {"number": number, "size": size}
            connection.execute(text("insert into note values (:number, zeroblob(:size))"), values)
            journal.append([audit_record(count=number)])

        return work

    store.write(unit(0, 10))
    journal.enqueue(ops_record(count=0))
    batch = in_one_batch(store, unit(1, 10), unit(2, 2_000_000), unit(3, 10))
    journal.append([audit_record(count=4)])
    store.close()

    promised = [number for number, future in enumerate(batch, 1) if future.exception() is None]
    assert 2 not in promised
    with store.read() as connection:
        notes = list(connection.execute(text("select number from note")).scalars())
    assert notes == [0, *promised]
    assert counts(store, Stream.AUDIT) == [0, *promised, 4]
    assert counts(store, Stream.OPS) == [0]
    assert check_stream(store, Stream.AUDIT) == len(promised) + 2


def test_a_unit_that_hides_a_full_disk(store: Store, journal: Journal) -> None:
    """What it does afterwards must not be committed statement by statement."""

    def unit(connection: Connection) -> None:
        with suppress(Exception):
            connection.execute(text("insert into note values (1, zeroblob(2000000))"))
        with suppress(Exception):
            connection.execute(text("insert into note values (1, null)"))
        journal.append([audit_record(count=1)])

    with pytest.raises(Unavailable):
        store.write(unit)
    journal.append([audit_record(count=2)])
    with store.read() as connection:
        assert connection.execute(text("select count(*) from note")).scalar_one() == 0
    assert counts(store, Stream.AUDIT) == [2]
    assert check_stream(store, Stream.AUDIT) == 1

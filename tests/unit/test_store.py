"""Units of work: all or nothing, one after the other, on disk when ``write`` returns."""

from __future__ import annotations

import contextvars
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from strongroom.audit.events import Stream
from strongroom.audit.journal import Journal
from strongroom.audit.journal.check import check_stream
from strongroom.errors import Refused, SettingsError, Unavailable
from strongroom.store import Store, engine
from tests.unit.making import audit_record
from tests.unit.queueing import in_one_batch


def insert(connection: Connection, number: int) -> None:
    connection.execute(text("insert into note values (:number)"), {"number": number})


def notes(store: Store) -> list[int]:
    with store.read() as connection:
        return list(connection.execute(text("select number from note order by rowid")).scalars())


@pytest.fixture
def store(store: Store) -> Store:
    """A store with a table to write to."""
    store.write(lambda c: c.execute(text("create table note (number integer unique)")))
    return store


def test_write_gives_what_the_unit_gives(store: Store) -> None:
    assert store.write(lambda c: c.execute(text("select 6 * 7")).scalar_one()) == 42
    store.write(lambda c: insert(c, 1))
    assert notes(store) == [1]


def test_what_was_written_is_on_disk_for_everyone(store: Store) -> None:
    store.write(lambda c: insert(c, 1))
    other = sqlite3.connect(store.path)
    assert other.execute("select number from note").fetchall() == [(1,)]
    assert other.execute("pragma journal_mode").fetchone() == ("wal",)
    other.close()


@pytest.mark.parametrize("error", [ValueError("no"), Refused("no", "No."), Unavailable("no")])
def test_the_units_exception_is_raised_and_its_rows_are_gone(
    store: Store, error: Exception
) -> None:
    def unit(connection: Connection) -> None:
        insert(connection, 1)
        raise error

    with pytest.raises(type(error)) as raised:
        store.write(unit)
    assert raised.value is error
    assert notes(store) == []


def test_a_constraint_is_the_units_own_affair(store: Store) -> None:
    store.write(lambda c: insert(c, 1))
    with pytest.raises(IntegrityError):
        store.write(lambda c: c.execute(text("insert into note values (2), (1)")))
    assert notes(store) == [1]


def test_a_unit_that_gives_up_the_process_only_fails(store: Store) -> None:
    def unit(connection: Connection) -> None:
        insert(connection, 1)
        raise SystemExit(3)

    with pytest.raises((SystemExit, Unavailable)):
        store.write(unit)
    store.write(lambda c: insert(c, 2))
    assert notes(store) == [2]


def test_a_nested_write_is_part_of_the_outer_one(store: Store) -> None:
    def outer(connection: Connection) -> None:
        insert(connection, 1)
        assert store.write(lambda inner: inner is connection) is True
        store.write(lambda inner: insert(inner, 2))
        raise ValueError("both")

    with pytest.raises(ValueError, match="both"):
        store.write(outer)
    assert notes(store) == []


def test_a_unit_may_write_to_another_store(store: Store, tmp_path: Path) -> None:
    other = Store(f"sqlite:///{tmp_path / 'other.db'}")
    other.write(lambda c: c.execute(text("create table note (number integer)")))

    def unit(connection: Connection) -> None:
        insert(connection, 1)
        other.write(lambda c: insert(c, 2))

    store.write(unit)
    assert (notes(store), notes(other)) == ([1], [2])
    other.close()


def test_a_unit_runs_in_the_callers_context(store: Store) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="nothing")
    variable.set("the caller's")

    def unit(_connection: Connection) -> str:
        found = variable.get()
        variable.set("the unit's")
        return found

    assert store.write(unit) == "the caller's"
    assert variable.get() == "the caller's"


def test_readers_see_one_state_and_wait_for_nobody(store: Store) -> None:
    store.write(lambda c: insert(c, 1))
    with store.read() as reader:
        count = text("select count(*) from note")
        assert reader.execute(count).scalar_one() == 1
        store.write(lambda c: insert(c, 2))
        assert reader.execute(count).scalar_one() == 1
        inside = threading.Event()

        def unit(connection: Connection) -> None:
            insert(connection, 3)
            inside.set()
            assert notes(store) == [1, 2]  # on a connection of its own

        store.write(unit)
        assert inside.is_set()
        assert reader.execute(count).scalar_one() == 1
    assert notes(store) == [1, 2, 3]


def test_units_run_in_the_order_in_which_they_queued(store: Store) -> None:
    batch = in_one_batch(store, *[partial(insert, number=n) for n in range(40)])
    assert all(future.exception() is None for future in batch)
    assert notes(store) == list(range(40))


def test_many_threads(store: Store) -> None:
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda n: store.write(lambda c: insert(c, n)), range(1_000)))
    assert sorted(notes(store)) == list(range(1_000))


def test_closing_drains_what_is_queued(store: Store) -> None:
    started, go_on = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        started.set()
        go_on.wait()
        insert(connection, 0)

    with ThreadPoolExecutor(10) as pool:
        first = pool.submit(store.write, slow)
        started.wait()
        writer = store._writer
        assert writer is not None
        rest = [pool.submit(store.write, partial(insert, number=n)) for n in range(1, 6)]
        while len(writer._queue) < len(rest):
            pass
        closing = pool.submit(store.close)
        while not writer._closing:
            pass
        go_on.set()
        closing.result()
        for future in (first, *rest):
            assert future.exception() is None
    assert sorted(notes(store)) == [0, 1, 2, 3, 4, 5]


def test_a_closed_store_can_be_used_again(store: Store) -> None:
    for number in range(3):
        store.write(partial(insert, number=number))
        store.close()
        store.close()
    assert notes(store) == [0, 1, 2]


def test_an_exclusive_transaction_is_kept_or_undone(store: Store) -> None:
    with store.exclusively() as connection:
        insert(connection, 1)
    with pytest.raises(IntegrityError), store.exclusively() as connection:
        connection.execute(text("insert into note values (2), (1)"))
    store.write(lambda c: insert(c, 3))
    assert notes(store) == [1, 3]


def test_a_lock_of_another_program_is_waited_for(store: Store) -> None:
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("begin immediate")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(store.write, lambda c: insert(c, 1))
        other.execute("insert into note values (0)")
        other.execute("commit")
        waiting.result()
    other.close()
    assert notes(store) == [0, 1]


def test_a_lock_that_never_ends_makes_it_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 50)
    store = Store(f"sqlite:///{tmp_path / 'impatient.db'}")
    store.write(lambda c: c.execute(text("create table note (number integer)")))
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(Unavailable, match="locked"):
        store.write(lambda c: insert(c, 1))
    other.execute("rollback")
    other.close()
    store.write(lambda c: insert(c, 2))
    assert notes(store) == [2]
    store.close()


def test_an_append_cannot_land_in_another_stores_unit(
    store: Store, tmp_path: Path, journal: Journal
) -> None:
    """An application with a database of its own logs from inside its own unit."""
    other = Store(f"sqlite:///{tmp_path / 'application.db'}")
    other.write(lambda _: journal.append([audit_record(count=1)]))
    other.close()
    assert check_stream(store, Stream.AUDIT) == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "not a database URL"),
        ("", "not a database URL"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("postgresql://host/db", "postgresql is not supported yet"),
        ("nosuchthing://host/db", "not supported"),
    ],
)
def test_a_database_that_cannot_be_used(url: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as raised:
        Store(url)
    assert str(raised.value).startswith("database: ")


def test_folders_of_the_database_are_made(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'a' / 'b' / 'test.db'}")
    store.write(lambda c: c.execute(text("select 1")))
    store.close()
    assert (tmp_path / "a" / "b" / "test.db").is_file()

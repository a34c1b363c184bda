"""Records that commit with an application's rows: both or neither, dense, whoever else writes."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing as closed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, event, text

from strongroom import AuditLog
from strongroom.audit.events import Stream
from strongroom.audit.events.system import LogsViewed
from strongroom.audit.journal.check import check_stream
from strongroom.errors import Unavailable
from tests.examples.conftest import Closing
from tests.examples.running import ROOT, named, stored

INSERT = "insert into invoice values (1)"
KINDS = ["sqlite3", "sqlite3, autocommit with BEGIN", "SQLAlchemy", "SQLAlchemy, immediate"]


@pytest.fixture
def audit(tmp_path: Path, closing: Closing) -> AuditLog:
    """An audit log in the database ``app.db``, beside a table of the application."""
    log = AuditLog(database=f"sqlite:///{tmp_path / 'app.db'}", viewer=None)
    closing(log)
    log.init_app(Flask("app", instance_path=str(tmp_path)))
    with closed(sqlite3.connect(tmp_path / "app.db")) as connection:
        connection.execute("create table invoice (number int)")
    return log


@contextmanager
def connected(kind: str, path: Path) -> Iterator[Any]:
    """A connection in a transaction of this kind; commits, or rolls back when the block raises."""
    if kind.startswith("sqlite3"):
        with closed(sqlite3.connect(path)) as connection:
            if "BEGIN" in kind:
                connection.isolation_level = None
            connection.row_factory = sqlite3.Row
            if "BEGIN" in kind:
                connection.execute("begin")
            with connection:
                yield connection
        return
    engine = immediate(path) if "immediate" in kind else create_engine(f"sqlite:///{path}")
    try:
        with engine.begin() as begun:
            yield begun
    finally:
        engine.dispose()


def immediate(path: Path) -> Engine:
    """As SQLAlchemy's documentation advises for SQLite: BEGIN is sent, and takes the lock."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"isolation_level": None})
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def execute(connection: Any, sql: str) -> None:
    connection.execute(sql if isinstance(connection, sqlite3.Connection) else text(sql))


def found(path: Path) -> tuple[int, int]:
    """How many rows and how many audit records there are."""
    with closed(sqlite3.connect(path)) as connection:
        (rows,) = connection.execute("select count(*) from invoice").fetchone()
    return rows, len(named(stored(path), "logs_viewed"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_commit_leaves_both(audit: AuditLog, kind: str) -> None:
    with connected(kind, audit.store.path) as connection:
        with audit.transaction(connection):
            execute(connection, INSERT)
            audit.log(LogsViewed(count=1))
            audit.log(LogsViewed(count=2))
        assert found(audit.store.path) == (0, 0)  # nobody else sees either yet
    audit.log(LogsViewed(count=3))
    assert found(audit.store.path) == (1, 3)
    counts = [record["count"] for record in named(stored(audit.store.path), "logs_viewed")]
    assert counts == [1, 2, 3]
    assert check_stream(audit.store, Stream.AUDIT) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_rollback_leaves_neither(audit: AuditLog, kind: str) -> None:
    with pytest.raises(ZeroDivisionError), connected(kind, audit.store.path) as connection:  # noqa: PT012  # as in an application
        with audit.transaction(connection):
            execute(connection, INSERT)
            audit.log(LogsViewed(count=1))
        raise ZeroDivisionError
    audit.log(LogsViewed(count=2))
    assert found(audit.store.path) == (0, 1)
    assert check_stream(audit.store, Stream.AUDIT) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_block_that_raises_is_undone_even_if_the_rest_commits(audit: AuditLog, kind: str) -> None:
    with connected(kind, audit.store.path) as connection:
        execute(connection, INSERT)
        with pytest.raises(ZeroDivisionError), audit.transaction(connection):  # noqa: PT012  # what came before is what is undone
            execute(connection, INSERT)
            audit.log(LogsViewed(count=1))
            raise ZeroDivisionError
        with audit.transaction(connection):
            with audit.transaction(connection):  # inside another one it is a part of that
                audit.log(LogsViewed(count=2))
            audit.log(LogsViewed(count=3))
    assert found(audit.store.path) == (1, 2)
    assert check_stream(audit.store, Stream.AUDIT) == 2


def refuse(audit: AuditLog, connection: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        audit.transaction(connection).__enter__()


@pytest.mark.parametrize("place", ["other.db", ":memory:"])
def test_a_connection_elsewhere_is_refused(audit: AuditLog, tmp_path: Path, place: str) -> None:
    path = place if place == ":memory:" else tmp_path / place
    with closed(sqlite3.connect(path)) as other:
        refuse(audit, other, "the journal is in")
    refuse(audit, "a name", "needed, not str")


def test_a_connection_that_would_break_the_promise_is_refused(audit: AuditLog) -> None:
    path = audit.store.path
    with closed(sqlite3.connect(path, isolation_level=None)) as autocommit:
        refuse(audit, autocommit, "commits each statement")
    with closed(sqlite3.connect(path)) as careless:
        careless.execute("pragma synchronous=normal")
        refuse(audit, careless, "synchronous=FULL")
    one, two = sqlite3.connect(path), sqlite3.connect(path)
    with closed(one), closed(two), audit.transaction(one):
        refuse(audit, two, "another connection")


@pytest.mark.parametrize("again", [False, True])
def test_a_commit_inside_the_block_is_found_out(audit: AuditLog, again: bool) -> None:
    with closed(sqlite3.connect(audit.store.path)) as connection:
        with pytest.raises(ValueError, match="ended inside"), audit.transaction(connection):  # noqa: PT012  # as above
            connection.execute(INSERT)
            audit.log(LogsViewed(count=1))
            connection.commit()
            if again:
                connection.execute(INSERT)
        connection.commit()
    assert found(audit.store.path) == (1, 0)
    audit.log(LogsViewed(count=2))
    assert check_stream(audit.store, Stream.AUDIT) == 1


def test_one_that_has_read_before_somebody_wrote_is_told_to_try_again(audit: AuditLog) -> None:
    with closed(sqlite3.connect(audit.store.path, isolation_level=None)) as connection:
        connection.execute("begin")
        connection.execute("select * from journal_head").fetchall()
        audit.log(LogsViewed(count=1))
        with pytest.raises(Unavailable, match="try again"):
            audit.transaction(connection).__enter__()
        connection.execute("rollback")
        connection.execute("begin")
        with audit.transaction(connection):
            audit.log(LogsViewed(count=2))
        connection.execute("commit")
    assert check_stream(audit.store, Stream.AUDIT) == 2


def test_one_that_holds_the_lock_already_does_not_queue_behind_those_who_wait_for_it(
    audit: AuditLog,
) -> None:
    with closed(sqlite3.connect(audit.store.path)) as connection:
        connection.execute(INSERT)  # the lock is ours, and the writer has to wait for it
        waiting = threading.Thread(target=audit.log, args=(LogsViewed(count=1),))
        waiting.start()
        with audit.transaction(connection):
            audit.log(LogsViewed(count=2))
        assert waiting.is_alive()
        connection.commit()
        waiting.join()
    assert check_stream(audit.store, Stream.AUDIT) == 2


MIXED = """
import sqlite3, sys, threading
from flask import Flask
from strongroom import AuditLog
from strongroom.audit.events.system import LogsViewed
audit = AuditLog(Flask("app"), database=f"sqlite:///{sys.argv[1]}", viewer=None)

def work(number):
    for count in range(20):
        if (number + count) % 2:
            audit.log(LogsViewed(count=count))
            continue
        connection = sqlite3.connect(sys.argv[1], timeout=60)
        try:
            with connection, audit.transaction(connection):
                connection.execute("insert into invoice values (1)")
                audit.log(LogsViewed(count=count))
                if count % 5 == 0:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        finally:
            connection.close()

threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""

KILLED = """
import os, signal, sqlite3, sys
from flask import Flask
from strongroom import AuditLog
from strongroom.audit.events.system import LogsViewed
audit = AuditLog(Flask("app"), database=f"sqlite:///{sys.argv[1]}", viewer=None)
connection = sqlite3.connect(sys.argv[1])
with audit.transaction(connection):
    connection.execute("insert into invoice values (1)")
    audit.log(LogsViewed(count=1))
    if sys.argv[2] == "inside":
        os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "committed":
    connection.commit()
os.kill(os.getpid(), signal.SIGKILL)
"""


def started(script: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", script, *arguments], cwd=ROOT, env=os.environ)


def test_processes_and_threads_mixed_with_the_ordinary_writer(audit: AuditLog) -> None:
    path = audit.store.path
    processes = [started(MIXED, str(path)) for _ in range(2)]
    for count in range(50):
        audit.log(LogsViewed(count=count))
    assert [process.wait(timeout=100) for process in processes] == [0, 0]
    # Of 20 rounds a thread has 10 transactions, two of which raise: its rounds 0 and 10, or 5 and 15.
    rows = 2 * 4 * 8
    assert found(path) == (rows, 50 + 2 * 4 * 10 + rows)
    assert check_stream(audit.store, Stream.AUDIT) == 50 + 2 * 4 * 10 + rows
    check_stream(audit.store, Stream.OPS)


@pytest.mark.parametrize(
    ("moment", "expected"), [("inside", 0), ("before the commit", 0), ("committed", 1)]
)
def test_killed_in_the_middle(audit: AuditLog, moment: str, expected: int) -> None:
    process = started(KILLED, str(audit.store.path), moment)
    assert process.wait(timeout=60) == -signal.SIGKILL
    assert found(audit.store.path) == (expected, expected)
    audit.log(LogsViewed(count=2))
    assert check_stream(audit.store, Stream.AUDIT) == expected + 1


@pytest.mark.parametrize("kind", ["SQLAlchemy", "SQLAlchemy, immediate"])
def test_a_savepoint_inside_takes_back_rows_only(
    tmp_path: Path, audit: AuditLog, kind: str
) -> None:
    """As the documentation warns: the records are kept apart until the end of the block."""
    with connected(kind, tmp_path / "app.db") as connection, audit.transaction(connection):
        savepoint = connection.begin_nested()
        execute(connection, INSERT)
        audit.log(LogsViewed(count=1))
        savepoint.rollback()
    assert found(tmp_path / "app.db") == (0, 1)

"""``fork``: a child opens connections and a writer of its own, and nothing is lost or doubled.

Each scenario runs in a process of its own, which forks: it starts with no threads but its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from strongroom.audit.events import Stream
from strongroom.audit.journal.check import check_stream
from strongroom.store import Store

BEGINNING = """
import os, sys, threading
from strongroom.store import Store, engine
from strongroom.store.migrate import migrate
from strongroom.audit.journal import Journal
from strongroom.audit.migrations import AUDIT_SCHEMA
from tests.unit.making import audit_record, ops_record

engine.BUSY_TIMEOUT_MS = 3_000
store = Store(sys.argv[1])
migrate(store, AUDIT_SCHEMA)
journal = Journal(store)

def forked(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:
            print("in the child:", repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return pid

def wait(pid):
    assert os.waitpid(pid, 0)[1] == 0
"""

OPEN_IN_BOTH = """
{before}
to_child, from_parent = os.pipe()
to_parent, from_child = os.pipe()

def child():
    journal.append([audit_record(count=1)])
    os.write(from_child, b"1")
    os.read(to_child, 1)
    journal.append([audit_record(count=2)])
    store.close()

pid = forked(child)
os.read(to_parent, 1)
{meanwhile}
os.write(from_parent, b"2")
wait(pid)
"""

WHILE_WRITING = """
writing = True

def write():
    while writing:
        journal.append([audit_record(count=number) for number in range(50)])

threads = [threading.Thread(target=write) for _ in range(2)]
for thread in threads:
    thread.start()

def child():
    journal.append([audit_record(count=-1)])
    store.close()

children = [forked(child) for _ in range(10)]
for pid in children:
    wait(pid)
writing = False
for thread in threads:
    thread.join()
store.close()
"""

WHILE_QUEUED = """
journal.append([audit_record(count=0)])

def child():
    journal.enqueue(ops_record(count=100))
    journal.append([audit_record(count=1)])
    store.close()

for number in range(5):
    journal.enqueue(ops_record(count=number))
wait(forked(child))
journal.append([audit_record(count=2)])
store.close()
"""

EXCLUSIVELY = """
from sqlalchemy import text
journal.append([audit_record(count=0)])

def child():
    with store.exclusively() as connection:
        connection.execute(text("create table note (number integer)"))
    journal.append([audit_record(count=1)])
    store.close()

wait(forked(child))
journal.append([audit_record(count=2)])
store.close()
"""


def run(scenario: str, database: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", BEGINNING + scenario, database],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert finished.returncode == 0, finished.stderr[-2_000:]


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'forked.db'}"


def length(database: str, stream: Stream = Stream.AUDIT) -> int:
    """How many records the stream has; it must be whole."""
    store = Store(database)
    with store.read() as connection:
        assert connection.exec_driver_sql("pragma integrity_check").scalar_one() == "ok"
    found = check_stream(store, stream)
    store.close()
    return found


APPEND = "journal.append([audit_record(count=0)])"
READ = "with store.read(): pass"
CLOSE = "store.close()"


@pytest.mark.parametrize(
    ("before", "meanwhile", "records"),
    [
        pytest.param("", "", 2, id="idle parent"),
        pytest.param(APPEND, APPEND, 4, id="parent goes on"),
        pytest.param(APPEND, CLOSE, 3, id="parent closes meanwhile"),
        pytest.param(READ, CLOSE, 2, id="parent had only read"),
        pytest.param(f"{APPEND}; {CLOSE}", CLOSE, 3, id="parent had closed before"),
    ],
)
def test_what_either_was_promised_is_there(
    database: str, before: str, meanwhile: str, records: int
) -> None:
    run(OPEN_IN_BOTH.format(before=before, meanwhile=meanwhile), database)
    assert length(database) == records


def test_forking_in_the_middle_of_writing(database: str) -> None:
    run(WHILE_WRITING, database)
    assert length(database) % 50 == 10


def test_what_is_queued_at_the_fork_is_committed_once(database: str) -> None:
    run(WHILE_QUEUED, database)
    assert length(database) == 3
    assert length(database, Stream.OPS) == 6


def test_a_migration_in_the_child(database: str) -> None:
    run(EXCLUSIVELY, database)
    assert length(database) == 3

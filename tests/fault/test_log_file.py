"""One log file, many processes: rotated hundreds of times, killed at any moment, nothing lost."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.fault.stored import stored_records
from tests.logged import log_file, logged, logged_lines, rotated
from tests.serving import Installation
from tests.web.wire import api, put, send

pytestmark = pytest.mark.fault

PAIRS = 8 if os.environ.get("STRONGROOM_SOAK") else 4
"""Of writers that are killed."""

PROCESSES = 4
THREADS = 4
ROOT = Path(__file__).parents[2]

WRITER = """
import json, os, sys, threading
from pathlib import Path
from tests.logged import log_file

path, name, records, pause = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
file = log_file(path, max_bytes=20_000)
rest = threading.Event()

def write(thread):
    for number in range(records):
        id = f"{name}-{thread}-{number}"
        # Some are longer than a page, so that a kill can cut them.
        filler = "x" * (15_000 if number % 50 == 49 else 150)
        file.write(json.dumps({"id": id, "filler": filler}).encode() + b"\\n")
        os.write(1, id.encode() + b"\\n")
        if pause:
            rest.wait(pause)

threads = [threading.Thread(target=write, args=(number,)) for number in range(int(sys.argv[5]))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not file.troubles, file.troubles
file.close()
"""
"""Writes records, and to standard output the id of each that was written."""


@contextmanager
def writer(
    path: Path, name: str, records: int, *, pause: float = 0.0
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that writes so many records from each of its threads."""
    acknowledged = path.with_name(f"acknowledged-{name}")
    with acknowledged.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, path, name, str(records), str(pause), str(THREADS)],
            cwd=ROOT,
            stdout=said,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def acknowledged(folder: Path, name: str = "*") -> list[str]:
    """The ids that this writer, or all of them, know to be written."""
    said = [file.read_text() for file in folder.glob(f"acknowledged-{name}")]
    return [line for text in said for line in text.splitlines()]


def test_every_record_once_whoever_rotates(tmp_path: Path) -> None:
    path = tmp_path / "log" / "records.jsonl"
    path.parent.mkdir()
    records = 1_000
    with ExitStack() as stack:
        processes = [
            stack.enter_context(writer(path, str(number), records)) for number in range(PROCESSES)
        ]
        for process in processes:
            assert process.wait(60) == 0
    assert len(rotated(path)) > 300
    assert {file.suffix for file in rotated(path)} == {".gz"}
    found = Counter(record["id"] for record in logged(path))
    assert set(found.values()) == {1}
    assert len(found) == PROCESSES * THREADS * records
    assert found.keys() == set(acknowledged(path.parent))


def test_every_acknowledged_record_once_though_writers_are_killed(tmp_path: Path) -> None:
    path = tmp_path / "log" / "records.jsonl"
    path.parent.mkdir()
    chance = random.Random(17)
    names = [(f"{number}a", f"{number}b") for number in range(PAIRS)]
    for one, two in names:
        with (
            writer(path, one, 100_000, pause=0.001) as first,
            writer(path, two, 100_000, pause=0.001) as second,
        ):
            for name in (one, two):
                while len(acknowledged(path.parent, name)) < 200:
                    time.sleep(0.01)
            time.sleep(chance.random() / 3)
            for process in (first, second):
                assert process.poll() is None
                os.kill(process.pid, signal.SIGKILL)
    last = log_file(path, max_bytes=20_000)
    last.write(b'{"id": "last"}\n')
    last.close()
    assert {file.suffix for file in rotated(path)} == {".gz"}

    whole, torn = Counter[str](), 0
    for line in logged_lines(path):
        try:
            whole[json.loads(line)["id"]] += 1
        except json.JSONDecodeError:
            torn += 1
            assert line.count(b'{"id"') <= 1
    written = acknowledged(path.parent)
    assert set(whole.values()) == {1}
    assert set(written) <= whole.keys()
    assert torn <= 2 * len(names)


def test_both_workers_write_the_log_file_without_addresses(
    serve: Callable[..., Installation], tmp_path: Path
) -> None:
    path = tmp_path / "records.jsonl"
    server = serve(
        workers=2,
        log_output="none",
        log_file=path,
        log_file_max_bytes=10_000,
        log_file_keep=1_000,
    )
    for number in range(60):
        put(server, f"{number}.txt", b"content")
        send(server, "GET", api(f"{number}.txt"))
    while len(server.records("event:application_started")) < 2:
        time.sleep(0.02)  # the second worker may be late
    server.stop()
    written = logged(path)
    assert len(rotated(path)) > 5
    assert not [r for r in written if {"ip_address", "peer_address", "user_agent"} & r.keys()]
    stored = stored_records(server)
    assert any("ip_address" in record for record in stored)
    pids = {record["pid"] for record in stored}
    assert len(pids) == 2
    ours = Counter(record["id"] for record in written if record.get("pid") in pids)
    assert ours == Counter(record["id"] for record in stored)

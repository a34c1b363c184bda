"""What requests notice of a sealing: their times while one runs, and while none does.

A real server with two workers, and clients that each ask a few times a second, as people do: a page,
a download, an upload. Whether something is being sealed is seen from outside: there are drafts in the
archive's folder, or rows of the journal below the boundary.
"""

from __future__ import annotations

import http.client
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.requests.app import AUDITED, FOLDER
from benchmarks.requests.measure import ROOT
from benchmarks.requests.own import make_folder
from benchmarks.sealing.journal import fill
from benchmarks.table import Row
from strongroom.audit.archive.places import archive_folder
from strongroom.audit.archive.writing import DRAFT, SEGMENT_ROWS
from strongroom.audit.events import Stream
from strongroom.audit.merkle import SigningKey
from strongroom.bootstrap import Installation, signing
from strongroom.settings import load
from tests.serving import free_port

CLIENTS: Final = 8
PAUSE: Final = 0.05
"""Seconds between an answer and the next request of a client."""

STREAMS = (Stream.OPS, Stream.AUDIT)
SEGMENTS = 2
"""Of each stream."""

QUIET_SECONDS = 25.0
"""Before the first sealing: as many requests as while they are sealed, or so."""

LIMIT_SECONDS = 600.0


@dataclass(slots=True)
class Watched:
    """When something was being sealed, and what requests took: seconds."""

    sealing: bool = False
    ended: bool = False
    times: dict[bool, list[float]] = field(default_factory=lambda: {True: [], False: []})


def measure() -> list[Row]:
    """The longest waits of requests, without and with a sealing beside them."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update({AUDITED: "yes", FOLDER: folder})
        make_folder(Path(folder))
        installation = Installation.open(load(data=Path(folder) / "data", no_auth=True))
        key = signing(installation.settings).load_key(installation.store)
        _fill(installation, key)
        watched = _run(installation)
        installation.store.close()
    return [
        row for sealing in (False, True) for row in _rows(watched.times[sealing], sealing=sealing)
    ]


def _fill(installation: Installation, key: SigningKey) -> None:
    counts = dict.fromkeys(STREAMS, SEGMENTS * SEGMENT_ROWS)
    fill(installation.store, counts, key)


def _run(installation: Installation) -> Watched:
    port = free_port()
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "-k", "strongroom.web.worker.PatientWorker"),
            *("-w", "2", "--threads", "64", "-b", f"127.0.0.1:{port}", "--log-level", "critical"),
            f"benchmarks.sealing.app:make_application({QUIET_SECONDS})",
        ],
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    watched = Watched()
    try:
        _wait_for(port)
        threads = [
            threading.Thread(target=_ask, args=(port, number, watched)) for number in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        _watch(installation, watched)
        for thread in threads:
            thread.join()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    return watched


def _wait_for(port: int) -> None:
    for _ in range(400):
        with suppress(OSError), closing(http.client.HTTPConnection("127.0.0.1", port)) as client:
            client.request("GET", "/")
            client.getresponse().read()
            return
        time.sleep(0.05)
    raise RuntimeError("the server did not start")


def _ask(port: int, number: int, watched: Watched) -> None:
    client = http.client.HTTPConnection("127.0.0.1", port)
    turn = 0
    while not watched.ended:
        turn += 1
        method, path, body = (
            ("GET", "/", None),
            ("GET", "/api/v1/files/report%200%20final.pdf", None),
            ("PUT", f"/api/v1/files/new-{number}-{turn}", b"x" * 10_000),
        )[turn % 3]
        before, began = watched.sealing, time.perf_counter()
        client.request(method, path, body)
        answer = client.getresponse()
        answer.read()
        took = time.perf_counter() - began
        if answer.status >= 300:
            raise RuntimeError(f"{path} was answered with {answer.status}")
        if before == watched.sealing and turn > CLIENTS:
            watched.times[before].append(took)
        time.sleep(PAUSE)


def _watch(installation: Installation, watched: Watched) -> None:
    folder = archive_folder(installation.store) / "segments"
    until = time.monotonic() + LIMIT_SECONDS
    with closing(sqlite3.connect(installation.store.path)) as database:
        while time.monotonic() < until:
            drafts = any(path.name.endswith(DRAFT) for path in folder.rglob("*"))
            left = database.execute(_LEFT).fetchone()[0]
            sealed = database.execute("SELECT count(*) FROM segment").fetchone()[0]
            watched.sealing = drafts or left > 0
            if sealed >= len(STREAMS) * SEGMENTS and not watched.sealing:
                break
            time.sleep(0.02)
        else:
            watched.ended = True
            raise RuntimeError("not everything was sealed")
    watched.ended = True


_LEFT: Final = """SELECT count(*) FROM archive_head AS a WHERE EXISTS (
    SELECT 1 FROM journal AS j WHERE j.stream = a.stream AND j.seq < a.sealed_through)"""


def _rows(times: list[float], *, sealing: bool) -> list[Row]:
    name = "while segments are sealed" if sealing else "while none is"
    cuts = statistics.quantiles(times, n=1000, method="inclusive")
    return [
        Row(f"requests {name}, p50", cuts[499] * 1000, "ms", f"{len(times):,} requests"),
        Row("  p99", cuts[989] * 1000, "ms"),
        Row("  p99.9", cuts[998] * 1000, "ms", "goal 50 ms more for a sealing" if sealing else ""),
        Row("  longest", max(times) * 1000, "ms"),
    ]

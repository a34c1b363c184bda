"""python -m benchmarks.search.heavy [--records N] --keep FOLDER [--seconds N]

What heavy searches cost the others: two processes with four threads each search without a pause, all
at once, in what ``python -m benchmarks.search`` has filled. Beside it each process appends a record to
the journal fifty times a second, before the searches as well as during them. Prints the resident
memory of both together at its peak, how the searches ended, and how long the appends took.

It appends to the installation: fill another one for other figures.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.search.queries import ALL
from benchmarks.table import Row, as_text
from strongroom.audit.events import Stream
from strongroom.audit.journal import Journal, encode
from strongroom.audit.journal.stored import timestamp_text
from strongroom.audit.pipeline.clock import new_id
from strongroom.audit.query import RecordSearch, Search, parse
from strongroom.errors import ServerFault
from strongroom.store import Store

PROCESSES: Final = 2
THREADS: Final = 4
PAUSE: Final = 0.02
SAMPLE: Final = 0.05

HEAVY: Final[Sequence[Callable[[RecordSearch], Any]]] = (
    lambda search: search.facet(parse(""), ALL, "request_id"),
    lambda search: search.facet(parse(""), ALL, "path"),
    lambda search: search.facet(parse("-event:request"), ALL, "session_id"),
    lambda search: search.page(parse("-info extra.nothing:1"), ALL),
    lambda search: search.histogram(parse("user_agent:*i*n*"), ALL),
    lambda search: search.count(parse("a OR 1"), ALL),
)


def main() -> None:
    """Start the processes, watch their memory, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search.heavy", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.keep / f"{options.records}.db", options.seconds)
        return
    command = [sys.executable, "-m", "benchmarks.search.heavy", *sys.argv[1:], "--worker"]
    workers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # ourselves
        for _ in range(PROCESSES)
    ]
    peak = 0
    while any(worker.poll() is None for worker in workers):
        peak = max(peak, sum(_resident(worker.pid) for worker in workers))
        time.sleep(SAMPLE)
    told = [json.loads(worker.communicate()[0] or "{}") for worker in workers]
    killed = sum(worker.returncode != 0 for worker in workers)
    print(as_text(_rows(peak, killed, told)))


def _rows(peak: int, killed: int, told: Sequence[dict[str, Any]]) -> list[Row]:
    ends: Counter[str] = Counter()
    for one in told:
        ends.update(one.get("ends", {}))
    rows = [
        Row("resident memory of both at the peak", peak / 2**20, "MiB", "goal 600 MB"),
        Row("processes that did not end well", killed, "", "goal 0"),
        *(Row(f"searches: {name}", number, "") for name, number in sorted(ends.items())),
    ]
    for phase in ("before", "during"):
        times = [taken for one in told for taken in one.get(phase, [])]
        if times:
            shares = statistics.quantiles(times, n=100)
            rest = f"p95 {shares[94]:.1f}, p99 {shares[98]:.1f}, worst {max(times):.1f}"
            rows.append(Row(f"an append {phase} the searches", shares[49], "ms", rest))
    return rows


def _resident(pid: int) -> int:
    """Bytes of a process in memory; 0 when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    found = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(found[0].split()[1]) * 1024 if found else 0


def work(database: Path, seconds: float) -> None:
    """One process: append for a while, then search as well; what came of it goes to stdout."""
    store = Store(f"sqlite:///{database}")
    search, journal = Search(store), Journal(store)
    before, during, ends = list[float](), list[float](), Counter[str]()
    _append(journal, before, time.monotonic() + seconds / 4)
    end = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_search, args=(search, number, ends, end))
        for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    _append(journal, during, end)
    for thread in threads:
        thread.join()
    print(json.dumps({"before": before, "during": during, "ends": ends}))
    search.close()
    store.close()


def _append(journal: Journal, times: list[float], end: float) -> None:
    while time.monotonic() < end:
        record = {
            "timestamp": timestamp_text(time.time_ns() // 1000),
            "id": new_id(),
            "level": "info",
            "event": "file_downloaded",
        }
        began = time.perf_counter()
        journal.append([encode(record, Stream.AUDIT)])
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(PAUSE)


def _search(search: RecordSearch, number: int, ends: Counter[str], end: float) -> None:
    while time.monotonic() < end:
        began = time.monotonic()
        try:
            found = HEAVY[number % len(HEAVY)](search)
        except ServerFault as fault:
            ends[f"refused, {fault.reason}"] += 1
        else:
            partial = found[1] is False if isinstance(found, tuple) else found.partial
            ends["partial" if partial else "whole"] += 1
        taken = time.monotonic() - began
        ends["longer than 6 s"] += taken > 6
        number += 1


if __name__ == "__main__":
    main()

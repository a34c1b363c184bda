"""python -m benchmarks.search [--records N] [--rounds N] [--keep FOLDER] [--json]

Fills an installation with made-up records, seals them, and times searches over it, each from its
second time on. With --json one object: the machine, and one row for each search (p50 and p95 in
milliseconds, processor time, rows found), so that a column of another program's figures can be put beside it.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.search.fill import Filled, fill, sealed_bytes
from benchmarks.search.queries import ALL, Timed, timed
from benchmarks.table import Row, as_text, machine
from strongroom.audit.events import Stream
from strongroom.audit.query import RecordSearch, Search, Window, parse
from strongroom.store import Store

DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Result:
    """How one search did; times in milliseconds.

    :param cpu: of all threads of this process, the median: what a busy machine does not distort
    """

    name: str
    p50: float
    p95: float
    cpu: float
    rows: int
    goal: float


def main() -> None:
    """Fill, search, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--keep", type=Path, help="a folder to fill once and search again")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        database = folder / f"{options.records}.db"
        rows: list[Row] = []
        if not database.exists():
            rows = _sizes(database, fill(database, options.records))
        store = Store(f"sqlite:///{database}")
        results = measure(Search(store), options.rounds)
        store.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if options.json:
        found = {"machine": machine(), "records": options.records, "peak_mib": peak}
        found |= {"filling": [asdict(row) for row in rows]}
        print(json.dumps(found | {"rows": [asdict(result) for result in results]}, indent=2))
        return
    rows += [
        Row(
            each.name,
            each.p50,
            "ms",
            f"p95 {each.p95:,.0f}, cpu {each.cpu:,.1f}, {each.rows:,} rows, goal {each.goal:,}",
        )
        for each in results
    ]
    print(as_text([*rows, Row("peak memory of the process", peak, "MiB")]))


def measure(search: RecordSearch, rounds: int) -> list[Result]:
    """Time every search."""
    example, rare, day = _examples(search)
    return [_time(search, each, rounds) for each in timed(example, rare, day)]


def _examples(search: RecordSearch) -> tuple[dict[str, object], str, Window]:
    """A record of a file, an address that hardly occurs, and a day: from the middle of all time."""
    bars = search.histogram(parse(""), ALL, bars=100).bars
    middle = bars[len(bars) // 2].start
    before = Window(None, middle)
    file = search.page(parse("event:file_downloaded"), before, limit=1).records[0]
    some = search.page(parse("-ip_address:10.0.0.0/8 -ip_address:2001:db8::/32"), before, limit=1)
    return file, str(some.records[0]["ip_address"]), Window(middle, middle + DAY)


def _time(search: RecordSearch, what: Timed, rounds: int) -> Result:
    times, spent = [], []
    count = what.run(search)
    for _ in range(rounds):
        began, used = time.perf_counter(), time.process_time()
        what.run(search)
        spent.append((time.process_time() - used) * 1000)
        times.append((time.perf_counter() - began) * 1000)
    print(f"{what.name}: {statistics.median(times):,.1f} ms", file=sys.stderr)
    p95 = statistics.quantiles(times, n=20)[-1]
    p50, cpu = (round(statistics.median(each), 2) for each in (times, spent))
    return Result(what.name, p50, round(p95, 2), cpu, count, what.goal)


def _sizes(database: Path, filled: Filled) -> list[Row]:
    rows = []
    for stream, goal in ((Stream.OPS, "goal 40 B"), (Stream.AUDIT, "goal 0.4 × JSON lines")):
        count, size = sealed_bytes(database)[stream]
        if count:
            line = filled.json_bytes[stream] / filled.records[stream]
            share = f"{size / count / line:.3f} × JSON lines of {line:.0f} B; {goal}"
            rows.append(Row(f"sealed, {stream}: bytes a record", size / count, "B", share))
    total = sum(filled.records.values())
    per_segment = filled.seal_seconds / total * 65_536
    return [*rows, Row("to seal 65,536 records", per_segment, "s", "goal 2 s")]


if __name__ == "__main__":
    main()

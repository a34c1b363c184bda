"""Command line: python -m benchmarks.wsgi [--json] [--quick] [--threads N] [--worker-class C] [--only NAME ...]."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.wsgi import hostile, lifecycle, speed
from benchmarks.wsgi.report import Lab, Reading, Table
from benchmarks.wsgi.servers import WORKERS, Candidate, candidates

MEASURES: dict[str, Callable[[Candidate, Lab], list[Reading]]] = {
    "small": speed.small_requests,
    "upload": speed.large_upload,
    "download": speed.large_download,
    "slow": hostile.slow_connections,
    "lingering": hostile.held_open,
    "stalls": hostile.stalls,
    "truncated": hostile.truncated_uploads,
    "aborted": hostile.aborted_downloads,
    "stops": lifecycle.graceful_stops,
    "worker": lifecycle.killed_worker,
    "main": lifecycle.killed_main,
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wsgi", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="small sizes, one repeat, few stops")
    parser.add_argument("--threads", type=int, default=16, help="threads per worker (16)")
    parser.add_argument("--worker-class", default="gthread", help="gunicorn's (gthread)")
    parser.add_argument("--only", nargs="+", choices=MEASURES, help="measure only these")
    return parser.parse_args()


def main() -> int:
    """Measure every installed candidate and print the comparison."""
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that clean-up runs
    compared = candidates(options.worker_class)
    installed = {c: c.version for c in compared if c.version is not None}
    table = Table({candidate.name: version or "" for candidate, version in installed.items()})
    table.notes += [f"{c.name} is not installed" for c in compared if c not in installed]
    table.notes.append(f"{WORKERS} workers, {options.threads} threads each; by {speed.load_tool()}")
    with tempfile.TemporaryDirectory(prefix="bench-wsgi-") as folder:
        lab = Lab(Path(folder), options.quick, options.threads)
        chosen = options.only or list(MEASURES)
        if "upload" in chosen:
            mib, seconds = lab.big // 1024 // 1024, speed.reference_upload(lab)
            table.notes.append(
                f"{mib} MiB hashed, written, fsynced without a server: {seconds:.2f} s"
            )
        for name in chosen:
            for candidate in installed:
                print(f"{name}: {candidate.name} ...", file=sys.stderr)
                table.add(candidate.name, MEASURES[name](candidate, lab))
    print(table.as_json() if options.json else table.as_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())

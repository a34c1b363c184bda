"""Measures the product: python -m benchmarks [--json] [--quick] [--only NAME ...].

The comparison of WSGI servers is a run of its own: python -m benchmarks.wsgi.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks import export, journal, pipeline, requests, sealing, transfers, verify
from benchmarks.table import Row, as_json, as_text

MEASURES = {
    "pipeline": pipeline.measure,
    "journal": journal.measure,
    "requests": requests.measure,
    "transfers": transfers.measure,
    "verify": verify.measure,
    "sealing": sealing.measure,
    "export": export.measure,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, rougher figures")
    parser.add_argument("--only", nargs="+", choices=MEASURES, help="measure only these")
    options = parser.parse_args()
    rows: list[Row] = []
    for name in options.only or MEASURES:
        print(f"{name} ...", file=sys.stderr)
        rows += MEASURES[name](quick=options.quick)
    print(as_json(rows) if options.json else as_text(rows))


if __name__ == "__main__":
    main()

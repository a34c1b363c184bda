"""python -m benchmarks.export [--records N] [--keep FOLDER] [--format NAME ...]

Exports everything in each format, each in a process of its own: how fast, and in how much memory. The
installation is that of python -m benchmarks.search, whose --keep folder does as well.
"""

from __future__ import annotations

import argparse
import multiprocessing
import multiprocessing.connection
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.search.fill import fill
from benchmarks.table import Row, as_text
from strongroom.audit.export import FORMATS, Export
from strongroom.audit.query import Search, Window, parse
from strongroom.store import Store

RECORDS = 1_000_000
FEWER = 100_000
GOAL_MIB = 250


def measure(*, quick: bool) -> list[Row]:
    """Fill an installation and export it."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "export.db"
        fill(database, FEWER if quick else RECORDS)
        return list(_rows(database, tuple(FORMATS)))


def _rows(database: Path, names: Sequence[str]) -> Iterator[Row]:
    context = multiprocessing.get_context("spawn")
    for name in names:
        mine, other = context.Pipe(duplex=False)
        process = context.Process(target=_export, args=(database, name, other))
        process.start()
        count, size, seconds, peak = mine.recv()
        process.join()
        told = f"{count:,} records, {size / count:,.0f} B each, {seconds:,.1f} s"
        yield Row(f"export, {name}", count / seconds, "records/s", told)
        yield Row(f"export, {name}: peak memory", peak, "MiB", f"goal {GOAL_MIB}")


def _export(database: Path, name: str, answer: multiprocessing.connection.Connection) -> None:
    store = Store(f"sqlite:///{database}")
    search = Search(store)
    began = time.perf_counter()
    export = Export(store, search.matches(parse(""), Window()), FORMATS[name])
    for _block in export.blocks():
        pass
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answer.send((export.count, export.bytes, seconds, peak))
    search.close()
    store.close()


def main() -> None:
    """Fill if need be, export, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.export", description=__doc__)
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--keep", type=Path, help="a folder to fill once and export again")
    parser.add_argument("--format", nargs="+", choices=FORMATS, default=list(FORMATS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        database = (options.keep or Path(temporary)) / f"{options.records}.db"
        if not database.exists():
            fill(database, options.records)
        print(as_text(list(_rows(database, options.format))))


if __name__ == "__main__":
    main()

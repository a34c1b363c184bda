"""Many small files: up over several connections, then listed."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import quote

from benchmarks.table import Row
from benchmarks.transfers import clients
from benchmarks.transfers.clients import Persistent
from benchmarks.transfers.servers import Server
from benchmarks.transfers.turns import Readings, take_turns, timed

CONNECTIONS: Final = 8
SIZE: Final = 1_000
SLICES: Final = 5
"""The files are sent in so many turns."""

REPEATED: Final = 11
"""How often a single page is asked for."""


def small_files(own: Server, other: Server, count: int) -> list[Row]:
    """So many files of 1 kB are stored by each, and then all of them listed."""
    each = count // SLICES
    prefixes = {own: "/api/v1/files/", other: "/"}
    contenders = {server.name: _uploading(server, prefixes[server], each) for server in prefixes}
    found = take_turns(SLICES, contenders)
    theirs, ours = found[other.name], found[own.name]
    ratio = theirs.median / ours.median
    return [
        Row(
            f"{count:,} files of 1 kB, {CONNECTIONS} connections: copyparty, no fsync, no record",
            each / theirs.median,
            "files/s",
        ),
        Row("  Strongroom", each / ours.median, "files/s", f"{ratio:.2f} × copyparty"),
        *_listing(own, other, count),
    ]


def _uploading(server: Server, prefix: str, each: int) -> Callable[[Readings], None]:
    sent = 0

    def turn(found: Readings) -> None:
        nonlocal sent
        names = [f"{prefix}report-{number:06}.txt" for number in range(sent, sent + each)]
        bodies = [os.urandom(SIZE) for _ in names]
        sent += each
        work = list(zip(names, bodies, strict=True))

        def upload(part: list[tuple[str, bytes]]) -> None:
            with Persistent(server.port) as connection:
                for path, body in part:
                    connection.put(path, body)

        def act() -> None:
            with ThreadPoolExecutor(CONNECTIONS) as pool:
                list(pool.map(upload, [work[n::CONNECTIONS] for n in range(CONNECTIONS)]))

        timed(found, server, act)

    return turn


def _listing(own: Server, other: Server, count: int) -> list[Row]:
    first = _repeated(own, "/files?folder=/")
    json = _repeated(own, "/api/v1/files?folder=/")
    pages = _all_pages(own, count)
    whole = _repeated(other, "/?ls")
    return [
        Row(f"listing of {count:,} files: copyparty, all in one JSON", whole, "ms"),
        Row("  Strongroom: first page for people", first, "ms"),
        Row("  Strongroom: first page of JSON", json, "ms"),
        Row(
            "  Strongroom: each page of JSON, median",
            statistics.median(pages),
            "ms",
            f"the slowest {max(pages):.1f} ms",
        ),
        Row("  Strongroom: all pages of JSON", sum(pages), "ms", f"{len(pages)} pages"),
    ]


def _repeated(server: Server, path: str) -> float:
    """Milliseconds, the median of several requests after one that is not counted."""
    clients.ask(server.port, "GET", path).expect(200)
    return statistics.median(_milliseconds(server, path)[0] for _ in range(REPEATED))


def _all_pages(server: Server, count: int) -> list[float]:
    """Milliseconds of each page, one after the other as a script would ask for them."""
    times, listed, cursor = [], 0, None
    while True:
        following = "" if cursor is None else f"&cursor={quote(cursor)}"
        milliseconds, answer = _milliseconds(server, f"/api/v1/files?folder=/{following}")
        page = answer.json()
        times.append(milliseconds)
        listed += len(page["files"])
        cursor = page["next"]
        if cursor is None:
            break
    if listed != count:
        raise RuntimeError(f"{listed} files were listed, {count} stored")
    return times


def _milliseconds(server: Server, path: str) -> tuple[float, clients.Answer]:
    begun = time.perf_counter()
    answer = clients.ask(server.port, "GET", path).expect(200)
    return (time.perf_counter() - begun) * 1000, answer

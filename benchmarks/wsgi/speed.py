"""Speed: small requests, large bodies in both directions."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable

from benchmarks.wsgi import clients
from benchmarks.wsgi.app import CHUNK, DOWNLOAD
from benchmarks.wsgi.report import Lab, Reading, milliseconds
from benchmarks.wsgi.servers import Candidate, Server, running

CONNECTIONS = 64
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_LATENCY = re.compile(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s)$", re.MULTILINE)
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")

Small = tuple[float, float | None, float | None]


def load_tool() -> str:
    """The client behind the small requests: wrk, or a threaded one where wrk is missing."""
    return "wrk" if shutil.which("wrk") else "threaded Python client (slower than wrk)"


def small_requests(candidate: Candidate, lab: Lab) -> list[Reading]:
    """Requests per second and times of a small JSON answer over 64 kept-alive connections."""
    seconds = 2 if lab.quick else 6
    client = _wrk if shutil.which("wrk") else _threaded
    runs: list[Small] = []
    cpu = float("inf")
    for _ in range(lab.repeats):
        with running(candidate, lab.folder, lab.threads) as server:
            client(server.port, 1)
            before = server.cpu_seconds()
            runs.append(client(server.port, seconds))
            cpu = min(cpu, (server.cpu_seconds() - before) / (runs[-1][0] * seconds))
    best = max(runs)
    median = statistics.median(rate for rate, _, _ in runs)
    text = (
        f"{best[0]:,.0f} / {median:,.0f} per s; "
        f"p50 {milliseconds(best[1])}, p99 {milliseconds(best[2])}"
    )
    figures = {"best": best[0], "median": median, "p50_s": best[1], "p99_s": best[2]}
    return [
        Reading(f"small GET, {CONNECTIONS} connections (best / median)", text, figures),
        Reading("  server's processor time for each", f"{cpu * 1e6:.0f} µs", {"seconds": cpu}),
    ]


def _wrk(port: int, seconds: int) -> Small:
    output = subprocess.run(
        [
            *("wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"),
            f"http://127.0.0.1:{port}/json",
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=seconds + 30,
    ).stdout
    times = {share: float(value) * _UNITS[unit] for share, value, unit in _LATENCY.findall(output)}
    rate = _RATE.search(output)
    if rate is None:
        raise RuntimeError(f"wrk said nothing of its rate: {output}")
    return float(rate[1]), times.get("50"), times.get("99")


def _threaded(port: int, seconds: int) -> Small:
    tallies = [clients.Tally() for _ in range(CONNECTIONS)]
    end = time.monotonic() + seconds
    request = clients.head("GET", "/json")

    def client(tally: clients.Tally) -> None:
        while time.monotonic() < end:
            try:
                with clients.connect(port) as connection:
                    again = True
                    while again and time.monotonic() < end:
                        begun = time.monotonic()
                        again = clients.exchange(connection, request)
                        tally.times.append(time.monotonic() - begun)
            except OSError:
                tally.failures += 1

    clients.run_all([threading.Thread(target=client, args=(tally,)) for tally in tallies])
    total = clients.Tally()
    for tally in tallies:
        total.add(tally)
    return len(total.times) / seconds, total.percentile(0.5), total.percentile(0.99)


def large_upload(candidate: Candidate, lab: Lab) -> list[Reading]:
    """PUT of a large body: read in chunks, hashed, written, fsynced, then answered."""
    readings = []
    for kind, option in (("PUT", ""), ("PUT, read-ahead 128 KiB", "&ahead=1")):
        if option and candidate.name != "gunicorn":
            continue
        path = f"/upload?id=big{option}"

        def transfer(server: Server, path: str = path) -> None:
            clients.put(server.port, path, lab.big)

        readings += _large(candidate, lab, kind, transfer)
    return readings


def large_download(candidate: Candidate, lab: Lab) -> list[Reading]:
    """GET of a large file through wsgi.file_wrapper, or as blocks where there is none."""
    make_download(lab, lab.big)

    def transfer(server: Server) -> None:
        if clients.get(server.port, "/download?id=big") != lab.big:
            raise RuntimeError("the download has the wrong length")

    return _large(candidate, lab, "GET", transfer)


def _large(
    candidate: Candidate, lab: Lab, kind: str, transfer: Callable[[Server], None]
) -> list[Reading]:
    times, peak = [], 0.0
    for _ in range(lab.repeats):
        with running(candidate, lab.folder, lab.threads) as server:
            server.reset_peak()
            begun = time.monotonic()
            transfer(server)
            times.append(time.monotonic() - begun)
            peak = max(peak, server.peak_mib())
    best, median = min(times), statistics.median(times)
    mib = lab.big / 1024 / 1024
    text = f"{best:.2f} / {median:.2f} s; {mib / best:,.0f} MiB/s; peak {peak:.0f} MiB"
    figures = {"best_s": best, "median_s": median, "bytes": lab.big, "peak_worker_mib": peak}
    return [Reading(f"{mib:.0f} MiB {kind} (best / median)", text, figures)]


def make_download(lab: Lab, size: int) -> None:
    """Lay down the file to be downloaded, warm in the page cache."""
    path = lab.folder / DOWNLOAD
    if path.exists() and path.stat().st_size == size:
        return
    block = bytes(range(256)) * 4096
    with path.open("wb") as target:
        for _ in range(size // len(block)):
            target.write(block)


def reference_upload(lab: Lab) -> float:
    """Seconds to hash, write and fsync the large body in one process, without any server."""
    block, digest = bytes(range(256)) * (CHUNK // 256), hashlib.sha256()
    best = float("inf")
    for _ in range(lab.repeats):
        with tempfile.TemporaryFile(dir=lab.folder, buffering=0) as target:
            begun = time.monotonic()
            for _ in range(lab.big // CHUNK):
                digest.update(block)
                target.write(block)
            os.fsync(target.fileno())
            best = min(best, time.monotonic() - begun)
    return best

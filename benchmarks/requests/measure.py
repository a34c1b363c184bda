"""Runs the application with and without recording, in turns, and compares the two."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import httpx

from benchmarks.requests import app, own
from benchmarks.requests.app import AUDITED, FOLDER
from benchmarks.table import Row
from tests.serving import free_port

ROOT: Final = Path(__file__).resolve().parents[2]
TURNS: Final = 5
_RATE: Final = re.compile(r"Requests/sec:\s+([\d.]+)")
_FAILED: Final = re.compile(r"Non-2xx or 3xx responses: (\d+)")

UPLOAD: Final = 'wrk.method = "PUT"; wrk.body = string.rep("x", 100000)'
"""wrk takes its requests from a script in Lua."""


def measure(*, quick: bool = False) -> list[Row]:
    """Requests a second of each kind, without and with recording; the median of several turns.

    :raises SystemExit: when there is no ``wrk`` on this machine
    """
    if shutil.which("wrk") is None:
        raise SystemExit("This needs wrk (a package of that name on Debian and in Homebrew).")
    rows: list[Row] = []
    for kind in (
        *(Kind(*own_kind, "own", connections=16, seconds=10) for own_kind in own.kinds()),
        Kind("a foreign page from a database", "/page", ""),
        Kind("a foreign upload of 100 kB, fsynced", "/upload", UPLOAD),
        Kind("next to nothing", "/nothing", ""),
    ):
        rates: dict[str, list[float]] = {"no": [], "yes": []}
        for _ in range(2 if quick else TURNS):
            for audited, found in rates.items():
                with tempfile.TemporaryDirectory() as folder:
                    found.append(_turn(Path(folder), audited, kind, quick=quick))
        without, recorded = (statistics.median(rates[audited]) for audited in ("no", "yes"))
        rows += [
            Row(kind.name, without, "requests/s"),
            Row("  recorded", recorded, "requests/s", f"{recorded / without:.2f} ×, goal 0.85"),
        ]
    return rows


class Kind(NamedTuple):
    """What is asked for, and of which of the modules beside this one.

    :param seconds: long enough that what is under way at the end does not count
    """

    name: str
    path: str
    script: str
    module: str = "app"
    connections: int = 128
    seconds: int = 4


def _turn(folder: Path, audited: str, kind: Kind, *, quick: bool) -> float:
    os.environ.update({AUDITED: audited, FOLDER: str(folder)})
    {"app": app.make_folder, "own": own.make_folder}[kind.module](folder)
    lua = folder / "request.lua"
    lua.write_text(kind.script)
    path = kind.path
    with _serving(kind) as url:
        command = ["wrk", "-t2", f"-c{kind.connections}", "-s", str(lua)]
        _wrk([*command, "-d1s", url + path])  # both workers warm
        return _wrk([*command, f"-d{1 if quick else kind.seconds}s", url + path])


def _wrk(command: list[str]) -> float:
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rate, failed = _RATE.search(printed), _FAILED.search(printed)
    if rate is None or failed is not None:
        raise RuntimeError(f"not every request was answered: {printed}")
    return float(rate[1])


@contextlib.contextmanager
def _serving(kind: Kind) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "-k", "strongroom.web.worker.PatientWorker"),
            *("-w", "2", "--threads", "64", "-b", f"127.0.0.1:{port}", "--log-level", "critical"),
            f"benchmarks.requests.{kind.module}:make_application()",
        ],
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(400):
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{url}/").close()
                break
            time.sleep(0.05)
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

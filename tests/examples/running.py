"""Runs an example as its readers would, and reads what it left in its journal."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from strongroom.audit.query import Search, Window, parse
from strongroom.store import Store
from tests.serving import START_SECONDS, TRUST, free_port

ROOT = Path(__file__).parents[2]

Record = dict[str, Any]


def stored(database: Path) -> list[Record]:
    """Every record in this database, oldest first."""
    store = Store(f"sqlite:///{database}")
    try:
        return list(Search(store).page(parse(""), Window(), limit=10_000).records)[::-1]
    finally:
        store.close()


def named(records: list[Record], event: str) -> list[Record]:
    """Those of one event."""
    return [record for record in records if record["event"] == event]


@dataclass(frozen=True)
class Server:
    """A server that runs, and where it writes what it prints."""

    url: str
    process: subprocess.Popen[bytes]
    printed: Path

    def client(self, **options: Any) -> httpx.Client:
        """An HTTP client for it."""
        return httpx.Client(base_url=self.url, timeout=30, **{"verify": TRUST, **options})


@contextmanager
def gunicorn(app: str, log: Path, *options: str, **environment: str) -> Iterator[Server]:
    """The application under gunicorn; stopped in good order at the end of the block."""
    port = free_port()
    arguments = ["gunicorn", "--bind", f"127.0.0.1:{port}", "--no-control-socket", *options, app]
    with served([sys.executable, "-m", *arguments], port, log, environment) as server:
        yield server


@contextmanager
def flask_run(path: str, instance: str, log: Path) -> Iterator[Server]:
    """The application under ``flask run``, which is Werkzeug's own server."""
    port = free_port()
    target = f"{path}:create_app({instance!r})"
    arguments = ["flask", "--app", target, "run", "--port", str(port)]
    with served([sys.executable, "-m", *arguments], port, log, {}) as server:
        yield server


@contextmanager
def served(
    command: list[str], port: int, log: Path, environment: dict[str, str]
) -> Iterator[Server]:
    """Start a server and wait until it answers."""
    url = f"http://127.0.0.1:{port}"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environment, stdout=output, stderr=output
        )
    try:
        wait_until_it_answers(url, process, log)
        yield Server(url, process, log)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(timeout=60)


def wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Asks for an address that no example has, with a name that tests can leave out."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"{url}/ready?", headers={"User-Agent": "waiting"}, verify=TRUST)
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"the server did not start:\n{log.read_text()[-4000:]}")

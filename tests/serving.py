"""A real installation under test: ``strongroom serve`` as its users start it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from tests.starting import Started, run, start

START_SECONDS = 30.0

TRUST = httpx.create_ssl_context()
"""For every client of a test: to read the system's certificates anew for each takes longer than most
requests, also where nothing is encrypted."""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Installation:
    """One data folder and the server on it; can be killed and started again."""

    def __init__(self, data: Path, **settings: object) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data.with_name(data.name + ".log")
        # Who tests files, records or the ledger need not sign in; see :meth:`with_accounts`.
        self._settings = {"log_format": "json", "no_auth": True, **settings}
        self.reader: dict[str, str] = {}
        """Headers by which :meth:`records` may read them, where that takes an account."""
        self._process: subprocess.Popen[bytes] | Started | None = None
        self._cheap_passwords = False

    @classmethod
    def with_accounts(
        cls, data: Path, *, cheap_passwords: bool = True, **settings: object
    ) -> Installation:
        """An installation that asks who comes in; nobody has an account at first.

        :param cheap_passwords: False where the cost of a hash may matter to what is tested
        """
        made = cls(data, no_auth=False, **settings)
        made._cheap_passwords = cheap_passwords
        return made

    def start(self, *, ulimit: str = "") -> Installation:
        """Start the server and wait until it answers.

        :param ulimit: what the kernel shall deny it, in the words of the shell command: ``-f 8192``
            for files larger than 8 MiB, ``-n 300`` for more than 300 descriptors
        """
        folder = self.data.parent
        if not ulimit:
            self._process = start(
                ["serve"],
                self.environment(),
                folder,
                self.log,
                self.log,
                cheap_passwords=self._cheap_passwords,
            )
            self._wait()
            return self
        command = ["bash", "-c", f'ulimit {ulimit}; exec "$@"', "_"]
        command += [sys.executable, "-m", "strongroom", "serve"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env=self.environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=folder,
            )
        self._wait()
        return self

    def environment(self) -> dict[str, str]:
        """The environment the server runs in."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith("STRONGROOM_")
        }
        settings = {"listen": f"127.0.0.1:{self.port}", "data": self.data, **self._settings}
        return kept | {f"STRONGROOM_{name.upper()}": str(value) for name, value in settings.items()}

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        with self.client() as client:
            while time.monotonic() < deadline:
                assert self._process is not None
                if self._process.poll() is not None:
                    break
                try:
                    if client.get("/healthz").status_code == 200:
                        return
                except httpx.TransportError:
                    time.sleep(0.02)
        raise AssertionError(f"the server did not start:\n{self.log.read_text()[-4000:]}")

    @property
    def pid(self) -> int:
        """The master process; also its process group."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """``kill -9`` of every process of the server at once."""
        with suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(self.pid, signal.SIGKILL)
        assert self._process is not None
        self._process.wait()
        deadline = time.monotonic() + START_SECONDS
        with suppress(ProcessLookupError):
            while time.monotonic() < deadline:  # a worker may be in the middle of an fsync
                os.killpg(self.pid, 0)
                time.sleep(0.005)

    def stop(self) -> None:
        """Stop in good order: SIGTERM, then wait."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def client(self, **options: Any) -> httpx.Client:
        """An HTTP client for this server."""
        return httpx.Client(base_url=self.url, timeout=30, **{"verify": TRUST, **options})

    def records(self, query: str = "", **arguments: object) -> list[dict[str, Any]]:
        """All records that match, newest first, through the API."""
        return list(self._pages(query, arguments))

    def _pages(self, query: str, arguments: dict[str, object]) -> Iterator[dict[str, Any]]:
        wanted = {"query": query, "limit": "1000", **{k: str(v) for k, v in arguments.items()}}
        with self.client(headers=self.reader) as client:
            while True:
                page = client.get("/api/v1/records", params=wanted)
                page.raise_for_status()
                yield from page.json()["records"]
                if page.json()["next"] is None:
                    return
                wanted["cursor"] = page.json()["next"]

    def outcome(self, request_id: str, *, within: float = 5.0) -> list[dict[str, Any]]:
        """The records of one request, oldest first, once its ``response`` is among them."""
        deadline = time.monotonic() + within
        while True:
            found = self.records(f"request_id:{request_id}")[::-1]
            if any(record["event"] == "response" for record in found):
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"no response record of {request_id}: {found}")
            time.sleep(0.02)

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command of the command line on this installation."""
        done = run(arguments, self.environment(), Path.cwd(), timeout=60)
        if check:
            done.check_returncode()
        return done

    def doctor(self) -> list[dict[str, str]]:
        """What ``strongroom doctor`` finds."""
        found: list[dict[str, str]] = json.loads(self.run("doctor", "--json", check=False).stdout)
        return found

"""Starting, watching and surely stopping the servers under test."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.wsgi.app import EVENTS, FOLDER

FACTORY = "benchmarks.wsgi.app:make_application"
ROOT = Path(__file__).resolve().parents[2]
WORKERS = 2
GRACE = 10
HEADER_TIMEOUT = 5


def _gunicorn(worker_class: str, port: int, threads: int, respawn: bool) -> list[str]:
    del respawn  # its arbiter always replaces a lost worker
    return [
        *("-k", worker_class, "-w", f"{WORKERS}", "--threads", f"{threads}", "--keep-alive", "5"),
        *("-b", f"127.0.0.1:{port}", "--graceful-timeout", f"{GRACE}", "--log-level", "critical"),
        f"{FACTORY}()",
    ]


def _granian(port: int, threads: int, respawn: bool) -> list[str]:
    return [
        *("--interface", "wsgi", "--workers", f"{WORKERS}", "--blocking-threads", f"{threads}"),
        *("--host", "127.0.0.1", "--port", f"{port}", "--http", "1", "--no-ws", "--no-log"),
        *("--workers-kill-timeout", f"{GRACE}"),
        *("--http1-header-read-timeout", f"{HEADER_TIMEOUT * 1000}"),
        "--respawn-failed-workers" if respawn else "--no-respawn-failed-workers",
        *("--factory", FACTORY),
    ]


@dataclass(frozen=True)
class Candidate:
    """A server that can be compared: its name and the arguments that start it."""

    name: str
    arguments: Callable[[int, int, bool], list[str]]

    @property
    def version(self) -> str | None:
        """The installed version, or None."""
        try:
            return importlib.metadata.version(self.name)
        except importlib.metadata.PackageNotFoundError:
            return None


def candidates(worker_class: str) -> tuple[Candidate, ...]:
    """The servers to compare; the worker class is gunicorn's."""
    return (Candidate("gunicorn", partial(_gunicorn, worker_class)), Candidate("granian", _granian))


@dataclass
class Server:
    """A running server: the process that was started, and the group that its children share."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path
    killed: set[int] = field(default_factory=set)

    def workers(self) -> list[int]:
        """Processes of the group other than the one that was started."""
        return [pid for pid in group_members(self.process.pid) if pid != self.process.pid]

    def reset_peak(self) -> None:
        """Let the kernel count the workers' peak memory anew."""
        for pid in self.workers():
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")

    def peak_mib(self) -> float:
        """The largest peak resident size of any worker since reset_peak, in MiB."""
        return max((_peak(pid) for pid in self.workers()), default=0.0)

    def cpu_seconds(self) -> float:
        """Processor time that the server's live processes have used."""
        return sum(_cpu(pid) for pid in group_members(self.process.pid))

    def terminate(self, seconds: float = GRACE + 10) -> bool:
        """Ask for a graceful stop; true when the server ended within the time."""
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return self.process.poll() is not None


def group_members(group: int) -> list[int]:
    """Live processes (no zombies) of a process group, from /proc."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, IndexError):
            state, _parent, pgrp = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
            tracker = b"resource_tracker" in (entry / "cmdline").read_bytes()
            if int(pgrp) == group and state != "Z" and not tracker:
                found.append(int(entry.name))
    return found


def _peak(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _cpu(pid: int) -> float:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def free_port() -> int:
    """A loopback port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int, timeout: float = 2.0) -> bool:
    """Whether a small GET on a new connection is answered with 200."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(b"GET /json HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


@contextlib.contextmanager
def running(
    candidate: Candidate, folder: Path, threads: int, *, respawn: bool = True
) -> Iterator[Server]:
    """Start a server in a process group of its own; kill that group in any case at the end."""
    (folder / EVENTS).unlink(missing_ok=True)
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", candidate.name, *candidate.arguments(port, threads, respawn)],
        cwd=ROOT,
        env={**os.environ, FOLDER: str(folder)},
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_ready(process, port, candidate.name)
        yield Server(process, port, folder)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_ready(process: subprocess.Popen[bytes], port: int, name: str) -> None:
    deadline = time.monotonic() + 20
    while not answers(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{name} did not start; run it by hand to see why")
        time.sleep(0.05)
    time.sleep(0.5)  # let the second worker come up as well

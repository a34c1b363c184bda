"""The servers that are compared, each started in a process group of its own on loopback.

How they are set up is part of the result:

- Strongroom as it comes, without sign-in, not printing its log. It hashes (SHA-256), fsyncs the
  file and its folder, and commits the record before it answers.
- copyparty as it comes, but told to take SHA-256 as well (``--put-ck``; its own choice is SHA-512)
  and to speak plain HTTP only. It hashes while it receives, writes, and answers. It never fsyncs
  (it has no such option), and without ``-e2d`` keeps neither an index nor a record.
- nginx with ``sendfile`` and ``tcp_nopush``, one worker process, no access log.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.wsgi.servers import group_members
from tests.serving import free_port

ROOT: Final = Path(__file__).resolve().parents[2]
BUILD: Final = ROOT / "build"

COPYPARTY: Final = "copyparty==1.20.26"
"""What is measured against. It has a virtual environment of its own below ``build/``."""

START_SECONDS: Final = 30.0
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_TICK: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A running server.

    :param folder: where it keeps its files
    """

    name: str
    pid: int
    port: int
    folder: Path

    def processor_seconds(self) -> float:
        """Processor time that its live processes have used."""
        return sum(_processor_seconds(pid) for pid in group_members(self.pid))

    def resident(self) -> dict[int, int]:
        """Bytes of memory that each of its processes has resident now, by process id."""
        return {pid: _resident(pid) for pid in group_members(self.pid)}


def _processor_seconds(pid: int) -> float:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK
    return 0.0


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return 0


@contextlib.contextmanager
def strongroom(folder: Path) -> Iterator[Server]:
    """The product on a new data folder below the one given."""
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STRONGROOM_")}
    settings = {
        "LISTEN": f"127.0.0.1:{port}",
        "DATA": str(folder / "strongroom"),
        "NO_AUTH": "true",
        "LOG_OUTPUT": "none",
        "VERIFY_EVERY": "0",  # else the daily verification may fall into what is measured
    }
    environment = kept | {f"STRONGROOM_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "strongroom", "serve"]
    with _running("Strongroom", command, port, folder / "strongroom", environment) as server:
        time.sleep(1)  # let the second worker process come up as well
        yield server


@contextlib.contextmanager
def copyparty(folder: Path) -> Iterator[Server]:
    """copyparty on a new folder below the one given, writable by all.

    :raises SystemExit: when it is not there and cannot be installed
    """
    port, served = free_port(), folder / "copyparty"
    served.mkdir()
    command = [
        *(str(_copyparty()), "-q", "-i", "127.0.0.1", "-p", str(port), "--http-only"),
        *("--put-ck", "sha256", "-v", f"{served}::rw", "--no-thumb"),
    ]
    environment = {**os.environ, "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    with _running("copyparty", command, port, served, environment) as server:
        yield server


@contextlib.contextmanager
def nginx(folder: Path, served: Path) -> Iterator[Server]:
    """nginx, serving the files of a folder; what it needs itself is below the first one.

    :raises SystemExit: when it is not there
    """
    path = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if path is None:
        raise SystemExit("This needs nginx (Debian's package nginx-light is enough).")
    port, own = free_port(), folder / "nginx"
    own.mkdir()
    (own / "nginx.conf").write_text(_nginx_configuration(own, served, port))
    command = [path, "-p", str(own), "-c", str(own / "nginx.conf"), "-e", str(own / "error.log")]
    with _running("nginx", command, port, served, dict(os.environ)) as server:
        yield server


@contextlib.contextmanager
def sink(folder: Path) -> Iterator[Server]:
    """The server that throws everything away."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.transfers.sink", str(port)]
    with _running("a sink", command, port, folder, dict(os.environ)) as server:
        yield server


def _copyparty() -> Path:
    """Its executable, installed first if need be."""
    place = BUILD / COPYPARTY.replace("==", "-")
    executable = place / "bin" / "copyparty"
    if not executable.exists():
        shutil.rmtree(place, ignore_errors=True)
        python = str(place / "bin" / "python")
        install = [python, "-m", "pip", "--quiet", "install", COPYPARTY]
        try:
            subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
            subprocess.run(install, check=True, timeout=300)
        except (subprocess.SubprocessError, OSError) as error:
            raise SystemExit(
                f"This needs {COPYPARTY}, which could not be installed into {place}: {error}"
            ) from None
    return executable


def _nginx_configuration(own: Path, served: Path, port: int) -> str:
    # Started by root, its worker would be somebody who may not read the folder.
    user = "user root;" if os.geteuid() == 0 else ""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {own / kind};" for kind in kinds)
    return f"""
        daemon off; pid {own / "pid"}; worker_processes 1; {user}
        events {{}}
        http {{
            access_log off; sendfile on; tcp_nopush on; {temporary}
            default_type application/octet-stream;
            server {{ listen 127.0.0.1:{port}; root {served}; }}
        }}
    """


@contextlib.contextmanager
def _running(
    name: str, command: list[str], port: int, folder: Path, environment: dict[str, str]
) -> Iterator[Server]:
    """Start it in a session of its own, wait until it listens; at the end kill all of it."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(name, process, port)
        yield Server(name, process.pid, port, folder)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(name: str, process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{name} did not start; run it by hand to see why")

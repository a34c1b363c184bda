"""Starts the command line quickly: by fork from a process that has imported it already.

What runs is the same as with ``python -m strongroom``, in a process of its own with its own
environment, streams and process group; only the second of imports is saved, some hundreds of times.
Where a test asks for it, passwords cost little too.
"""

from __future__ import annotations

import atexit
import io
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import argon2

CHEAP = argon2.Parameters(
    type=argon2.Type.ID,
    version=argon2.low_level.ARGON2_VERSION,
    salt_len=16,
    hash_len=32,
    time_cost=1,
    memory_cost=64,
    parallelism=1,
)
"""Argon2id for passwords that nobody has to keep; what it costs is not what is tested."""

_IMPORTED = ["strongroom.cli", "strongroom.web.server"]

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(_IMPORTED)


class Started:
    """A running command; as much of :class:`subprocess.Popen` as the tests need."""

    def __init__(self, process: Any) -> None:
        self._process = process
        self.pid: int = process.pid

    @property
    def returncode(self) -> int | None:
        """How it ended, minus the signal where one ended it; None while it runs."""
        return self.poll()

    def poll(self) -> int | None:
        """The same."""
        code: int | None = self._process.exitcode
        return code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        :raises subprocess.TimeoutExpired: when it does not come
        """
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("strongroom", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to stop."""
        self._process.terminate()


def start(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    out: Path,
    errors: Path,
    *,
    cheap_passwords: bool = False,
) -> Started:
    """Start ``strongroom`` with these arguments; its output is appended to the files.

    :param cheap_passwords: hash them in a moment, in the same way; else in a fifth of a second
    """
    process = _context.Process(
        target=_run,
        args=(list(arguments), dict(environment), folder, out, errors),
        kwargs={"cheap_passwords": cheap_passwords},
        daemon=True,
    )
    process.start()
    deadline = time.monotonic() + 10
    while process.exitcode is None and _group(process.pid) != process.pid:
        assert time.monotonic() < deadline, "the process did not begin"
        time.sleep(0.001)  # until it leads a group of its own, by which it can be killed
    return Started(process)


def run(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, *, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run ``strongroom`` with these arguments to its end.

    :raises subprocess.TimeoutExpired: when it does not come; the command is killed
    """
    with tempfile.TemporaryDirectory() as name:
        out, errors = Path(name, "stdout"), Path(name, "stderr")
        command = start(arguments, environment, folder, out, errors)
        try:
            code = command.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(command.pid, 9)
            raise
        return subprocess.CompletedProcess(
            ["strongroom", *arguments], code, out.read_text("utf-8"), errors.read_text("utf-8")
        )


def _run(
    arguments: list[str],
    environment: dict[str, str],
    folder: Path,
    out: Path,
    errors: Path,
    *,
    cheap_passwords: bool,
) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    for number, path in ((1, out), (2, errors)):
        with path.open("ab") as file:
            os.dup2(file.fileno(), number)
    sys.stdout, sys.stderr = _text(1), _text(2)
    sys.argv = ["strongroom", *arguments]
    from strongroom.cli import main  # noqa: PLC0415  # has been imported, but not in this module

    if cheap_passwords:
        argon2.profiles.RFC_9106_LOW_MEMORY = CHEAP
    try:
        main(prog_name="strongroom")
    finally:
        atexit._run_exitfuncs()  # processes of this kind leave without
        for name in ("stdout", "stderr"):
            try:
                getattr(sys, name).flush()
            except OSError:  # nobody reads it any more
                setattr(sys, name, None)


def _group(pid: Any) -> int:
    """The process group; the process itself where it has ended."""
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return int(pid)


def _text(number: int) -> IO[str]:
    raw = io.FileIO(number, "wb", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), "utf-8", "backslashreplace", line_buffering=number == 2
    )

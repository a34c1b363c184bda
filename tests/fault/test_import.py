"""An import that is killed at any moment, and run again."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fault.stored import check_sound, stored_records
from tests.serving import Installation

LINES = 20_000
LONGEST = 4.0
"""Seconds before a kill."""


def imported(server: Installation) -> list[int]:
    """The numbers of the lines that came in, in the order of their stream."""
    records = [record for record in stored_records(server) if record["stream"] == "imported"]
    assert [record["seq"] for record in records] == list(range(len(records)))
    return [record["extra"]["number"] for record in records]


def log_file(folder: Path) -> Path:
    """Lines of structlog, each twice, since identical lines are what is hard to tell apart."""
    path = folder / "app.log"
    with path.open("w") as log:
        for number in range(LINES):
            fields = {"timestamp": 1795521600 + number // 2, "event": "cache_warmed"}
            log.write(json.dumps(fields | {"number": number // 2}) + "\n")
    return path


@pytest.mark.fault
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_again_and_again(serve: Callable[..., Installation], tmp_path: Path) -> None:
    seed = int.from_bytes(os.urandom(4))
    print(f"seed {seed}")  # noqa: T201  # shown when the test fails
    chance = random.Random(seed)
    server = serve(workers=1, log_output="none")
    path = log_file(tmp_path)
    command = [sys.executable, "-m", "strongroom", "log", "import", str(path)]
    cut = 0
    before: list[int] = []
    for _ in range(12 if os.environ.get("STRONGROOM_SOAK") else 3):
        process = subprocess.Popen(
            command, env=server.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(chance.uniform(0.5, LONGEST))
        process.kill()
        process.wait()
        found = imported(server)
        assert found[: len(before)] == before
        cut += len(before) < len(found) < LINES
        before = found
    done = server.run("log", "import", "--json", str(path))
    assert json.loads(done.stdout)["added"] == LINES - len(before)
    assert imported(server) == [number // 2 for number in range(LINES)]
    check_sound(server)
    # What came in before a kill is on record too.
    audit = [r for r in stored_records(server) if r["stream"] == "audit"]
    assert sum(record["event"] == "import_started" for record in audit) >= cut


@pytest.mark.fault
def test_no_room_for_the_records(serve: Callable[..., Installation], tmp_path: Path) -> None:
    server = serve(workers=1, log_output="none")
    path = log_file(tmp_path)
    command = [sys.executable, "-m", "strongroom", "log", "import", "--json", str(path)]
    stopped = subprocess.run(
        ["bash", "-c", 'ulimit -f 4096; exec "$@"', "_", *command],
        env=server.environment(),
        capture_output=True,
        check=False,
        timeout=100,
    )
    assert stopped.returncode == 3
    told = json.loads(stopped.stdout)
    assert "could not be written" in told["failures"][0]
    assert 0 < told["added"] < LINES
    assert len(imported(server)) == told["added"]
    done = server.run("log", "import", "--json", str(path))
    assert json.loads(done.stdout)["added"] == LINES - told["added"]
    assert imported(server) == [number // 2 for number in range(LINES)]
    check_sound(server)

"""A pruning that is killed at any moment leaves nothing that is not said, and nothing half."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = bool(os.environ.get("STRONGROOM_SOAK"))
EVERY = 1 if SOAK else 12
"""Every seventh point here, to keep the suite short; `make soak` tries them all."""

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]

FILES = [
    "entries/000000000256.zip",
    "entries/000000000512.zip",
    "segments/audit/000000000256.g2.parquet",
    "segments/audit/000000000512.g2.parquet",
]


def test_killed_at_each_point(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fault.pruning_points", str(tmp_path), str(EVERY)],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tried = [json.loads(line) for line in done.stdout.splitlines()]
    for found in tried:
        assert (found["after"], found["taken_up"]) == (None, None), found
        assert found["said"] == [["audit", 0], ["ops", 0], ["ops", 30], ["ops", 60]], found
        assert found["files"] == FILES, found
    *killed, ended = [found["died"] for found in tried]
    assert set(killed) == {-9}
    assert ended == 0
    assert len(killed) * EVERY > 20

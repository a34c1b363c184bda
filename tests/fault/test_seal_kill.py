"""A sealing that is killed at any moment loses no record, and leaves none twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = bool(os.environ.get("STRONGROOM_SOAK"))
EVERY = 1 if SOAK else 8
"""Every fifth point here, to keep the suite short; `make soak` tries them all."""

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]

FILES = [
    "log.db.archive/entries/000000000000.zip",
    "log.db.archive/segments/audit/000000000000.g1.parquet",
    "log.db.archive/segments/ops/000000000000.g1.parquet",
]


def test_killed_at_each_point(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fault.sealing_points", str(tmp_path), str(EVERY)],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tried = [json.loads(line) for line in done.stdout.splitlines()]
    for found in tried:
        for when in ("after", "taken_up"):
            assert found[when] == {"failure": None, "same": True, "dense": True}, found
        assert found["files"] == FILES, found
    *killed, ended = [found["died"] for found in tried]
    assert set(killed) == {-9}
    assert ended == 0
    assert len(killed) * EVERY > 40

"""A forgetting that is killed at any moment is taken up again, and nothing is left of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = bool(os.environ.get("STRONGROOM_SOAK"))
EVERY = 1 if SOAK else 41
"""Every forty-first point here, to keep the suite short; `make soak` tries them all."""

pytestmark = [pytest.mark.fault, pytest.mark.timeout(3_600 if SOAK else 300)]


def test_killed_at_each_point(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fault.forgetting_points", str(tmp_path), str(EVERY)],
        capture_output=True,
        text=True,
        timeout=3_500 if SOAK else 280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tried = [json.loads(line) for line in done.stdout.splitlines()]
    for found in tried:
        assert found["looked"] == 0, (found, done.stderr)
        assert (found["after"], found["taken_up"]) == (None, None), found
        assert found["said"] == ["forgetting_started", "person_forgotten"], found
        assert (found["waits"], found["found"]) == ([], []), found
    *killed, ended = [found["died"] for found in tried]
    assert set(killed) == {-9}
    assert ended == 0
    assert len(killed) * EVERY > 20

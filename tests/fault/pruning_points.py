"""Kills a pruning at each moment at which something reaches the disk: python -m … FOLDER EVERY.

A program of its own, since it forks; see :mod:`tests.fault.sealing_points`.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from strongroom.audit.events import Stream
from strongroom.audit.events.system import RecordsPruned
from strongroom.audit.retention import Pruner, Rules
from tests.fault.sealing_points import Countdown, Doomed, in_child
from tests.unit.retention.sealed import DAY, files, held, history, prune, tomorrow, verified
from tests.unit.sealing.sealed import Log

ROOM = 120_000
"""For two of the three audit segments."""

RULES = Rules(max_age={Stream.OPS: DAY}, max_bytes={Stream.AUDIT: ROOM}, network_age=DAY)


def make(folder: Path) -> None:
    """The database that all begin with."""
    history(folder).store.close()


def die(database: Path, point: int) -> None:
    """Prune, and die at this point; or come to the end."""
    countdown = Countdown(point)
    log = Log(f"sqlite:///{database}")
    doomed = Doomed(f"sqlite:///{database}")
    doomed.join(log.journal)
    doomed.countdown = countdown
    log.journal._store = doomed
    for name in ("fsync", "replace", "rename", "unlink"):
        setattr(os, name, countdown.around(getattr(os, name)))
    Pruner(doomed, log.record, RULES, now=tomorrow).run()


def look(database: Path) -> dict[str, Any]:
    """What is there afterwards, and once it was taken up again."""
    log = Log(f"sqlite:///{database}")
    after = verified(log).failure
    log.sealer.tidy()
    prune(log, RULES)
    said = [
        (one["extra"]["stream"], one["extra"]["first_seq"])
        for one in held(log, Stream.AUDIT)
        if one["event"] == RecordsPruned.event_name
    ]
    return {
        "after": after,
        "taken_up": verified(log).failure,
        "said": sorted(said),
        "files": files(log),
    }


def main(folder: Path, every: int) -> None:
    """Try the points, each or every so many, until a pruning comes to its end."""
    pristine = folder / "pristine"
    pristine.mkdir()
    assert in_child(lambda: make(pristine))[0] == 0
    point, ended = 0, False
    while not ended:
        place = folder / "tried"
        shutil.copytree(pristine, place)
        database = place / "log.db"
        status, _ = in_child(lambda: die(database, point))  # noqa: B023  # done before the next
        ended = status == 0
        looked, found = in_child(lambda: look(database))  # noqa: B023  # the same
        line = {"point": point, "died": status, "looked": looked, **(found or {})}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        shutil.rmtree(place)
        point += every


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

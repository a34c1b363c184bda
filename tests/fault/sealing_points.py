"""Kills a sealing at each moment at which something reaches the disk: python -m … FOLDER.

A program of its own, since it forks: for each point a child seals a copy of the same database and dies
there, and another opens what it left. Prints a line of JSON for each point.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from strongroom.audit.events import Stream
from strongroom.audit.ledger.verify import Trust, verify
from strongroom.audit.sealing import sealer as sealing
from strongroom.audit.sealing.sealer import Sealer
from strongroom.store import Store
from tests.unit.sealing.sealed import KEY, Log

AUDIT, OPS = 2 * 256 + 10, 250
DELETED = 200


class Countdown:
    """Dies before or after the call with this number."""

    def __init__(self, point: int) -> None:
        self.left = point

    def around(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """The call, with a point before and one after it."""

        def call(*arguments: Any, **named: Any) -> Any:
            self.pass_by()
            value = real(*arguments, **named)
            self.pass_by()
            return value

        return call

    def pass_by(self) -> None:
        """One point nearer."""
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1


class Doomed(Store):
    """A store whose commits are points too."""

    countdown: Countdown

    def write(self, work: Callable[[Connection], Any]) -> Any:
        """As always."""
        self.countdown.pass_by()
        value = super().write(work)
        self.countdown.pass_by()
        return value


def make(folder: Path) -> None:
    """The database that all begin with."""
    log = Log(f"sqlite:///{folder / 'log.db'}")
    log.fill(AUDIT, OPS)
    log.store.close()


def die(database: Path, point: int) -> None:
    """Seal, and die at this point; or come to the end."""
    countdown = Countdown(point)
    log = Log(f"sqlite:///{database}")
    doomed = Doomed(f"sqlite:///{database}")
    doomed.join(log.journal)
    doomed.countdown = countdown
    log.journal._store = doomed
    for name in ("fsync", "replace", "rename", "mkdir", "unlink"):
        setattr(os, name, countdown.around(getattr(os, name)))
    sealing.DELETED = DELETED  # type: ignore[misc]  # so that there are several
    Sealer(doomed, log.record, signed=True).seal_due(everything=True)


def look(database: Path, before: dict[str, list[str]]) -> dict[str, Any]:
    """What is there afterwards, before and after it is taken up again."""
    log = Log(f"sqlite:///{database}")

    def state() -> dict[str, Any]:
        report = verify(log.store, trust=Trust.given([KEY.verifier]))
        same = {
            stream: [one["id"] for one in log.records(Stream(stream))][: len(ids)] == ids
            for stream, ids in before.items()
        }
        numbers = [
            [one["seq"] for one in log.records(stream)] for stream in (Stream.AUDIT, Stream.OPS)
        ]
        dense = all(found == list(range(len(found))) for found in numbers)
        return {"failure": report.failure, "same": all(same.values()), "dense": dense}

    found: dict[str, Any] = {"after": state()}
    log.sealer.tidy()
    log.seal_all()
    log.sealer.tidy()
    found["taken_up"] = state()
    found["files"] = sorted(
        str(path.relative_to(database.parent))
        for path in database.parent.rglob("*")
        if path.is_file() and ".archive" in str(path)
    )
    return found


def in_child(work: Callable[[], Any]) -> tuple[int, Any]:
    """Run it in a child: how that ended, and what it gave."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        status = 1
        try:
            with os.fdopen(writer, "w") as out:
                json.dump(work(), out)
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as answer:
        text = answer.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), json.loads(text) if text else None


def ids_of(database: Path) -> dict[str, list[str]]:
    """The ids of all records, by stream."""
    log = Log(f"sqlite:///{database}")
    return {
        stream.value: [one["id"] for one in log.records(stream)]
        for stream in (Stream.AUDIT, Stream.OPS)
    }


def main(folder: Path, every: int) -> None:
    """Try the points, each or every so many, until a sealing comes to its end."""
    pristine = folder / "pristine"
    pristine.mkdir()
    assert in_child(lambda: make(pristine))[0] == 0
    _, before = in_child(lambda: ids_of(pristine / "log.db"))
    point, ended = 0, False
    while not ended:
        place = folder / "tried"
        shutil.copytree(pristine, place)
        database = place / "log.db"
        status, _ = in_child(lambda: die(database, point))  # noqa: B023  # done before the next
        ended = status == 0
        looked, found = in_child(lambda: look(database, before))  # noqa: B023  # the same
        line = {"point": point, "died": status, "looked": looked, **(found or {})}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        shutil.rmtree(place)
        point += every


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

"""Kills a forgetting at each moment at which something reaches the disk: python -m … FOLDER EVERY.

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
from strongroom.audit.events.system import ForgettingStarted, PersonForgotten
from strongroom.audit.privacy import forgetting
from strongroom.audit.privacy.forgetting import Forgetter
from strongroom.audit.privacy.wanted import Scope
from strongroom.audit.sealing import Sealer
from tests.fault.sealing_points import Countdown, Doomed, in_child
from tests.unit.privacy.office import Office, files_with_any, needles


def make(folder: Path) -> None:
    """The office that all begin with."""
    office = Office(folder)
    office.begin()
    office.store.close()


def die(folder: Path, point: int) -> None:
    """Forget, and die at this point; or come to the end."""
    countdown = Countdown(point)
    office = Office(folder)
    subject = office.subject()
    doomed = Doomed(f"sqlite:///{folder / 'log.db'}")
    doomed.join(office.journal)
    doomed.countdown = countdown
    office.journal._store = doomed
    for name in ("fsync", "replace", "rename", "unlink"):
        setattr(os, name, countdown.around(getattr(os, name)))
    for name in ("empty_log", "write_anew", "files_with"):
        setattr(forgetting, name, countdown.around(getattr(forgetting, name)))
    tidy = Sealer(doomed, office.record, signed=True).tidy
    forgetter = Forgetter(doomed, office.record, Scope(folder), tidy=tidy)
    forgetter.begin(subject, content=True)
    [about] = forgetter.pending()
    assert forgetter.resume(about).waits is None


def look(folder: Path) -> dict[str, Any]:
    """What is there afterwards, and once it was taken up again."""
    office = Office(folder)
    after = office.verified().failure
    office.sign()
    forgetter = office.forgetter(patience=5)
    begun = forgetter.pending()
    done = [r for r in office.records(Stream.AUDIT) if r["event"] == PersonForgotten.event_name]
    if not begun and not done:
        forgetter.begin(office.subject(), content=True)  # the command is run again
    waits = [forgetter.resume(one).waits for one in forgetter.pending()]
    office.sign()
    said = [
        record["event"]
        for record in office.records(Stream.AUDIT)
        if record["event"] in (ForgettingStarted.event_name, PersonForgotten.event_name)
    ]
    return {
        "after": after,
        "waits": [why for why in waits if why],
        "taken_up": office.verified().failure,
        "said": said,
        "found": sorted(files_with_any(folder, needles())),
    }


def main(folder: Path, every: int) -> None:
    """Try the points, each or every so many, until a forgetting comes to its end."""
    pristine = folder / "pristine"
    pristine.mkdir()
    assert in_child(lambda: make(pristine))[0] == 0
    point, ended = 1, False
    while not ended:
        place = folder / "tried"
        shutil.copytree(pristine, place)
        status, _ = in_child(lambda: die(place, point))  # noqa: B023  # done before the next
        ended = status == 0
        looked, found = in_child(lambda: look(place))  # noqa: B023  # the same
        line = {"point": point, "died": status, "looked": looked, **(found or {})}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        shutil.rmtree(place)
        point += every


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

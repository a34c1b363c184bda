"""Preparing a segment in a process of its own, so that no request waits for Python meanwhile.

Some seconds of work, much of it in Python, of which one thread of a process runs at a time: beside
requests each of its turns delays one. The process has a low priority, gives back its memory when it
ends, and ends by itself when nobody waits for it any more. What it leaves then are drafts, which tidying
removes.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any, Final

from strongroom.audit.archive.writing import Draft
from strongroom.audit.events import Stream
from strongroom.audit.sealing.due import Span
from strongroom.audit.sealing.sealer import Sealer, Stopped
from strongroom.errors import Corrupt, Unavailable
from strongroom.store import Store

FEWEST: Final = 4_096
"""Records from which on it pays: starting a process takes most of a second of the processor."""

PRIORITY: Final = 5
"""Added to the niceness of the process (POSIX ``nice``): requests go first. With 10 it would
hardly get on beside a machine that is busy with other things."""

LOOK_SECONDS: Final = 0.1
PARENT_SECONDS: Final = 1.0


def prepare(
    store: Store, span: Span, *, signed: bool, stopping: Callable[[], bool] = lambda: False
) -> Draft:
    """Write these records into a segment under temporary names, and compare it, as
    :meth:`Sealer.prepare` does. For any thread that may wait for it.

    :param stopping: asked now and then; True ends the process
    :raises Corrupt: as :meth:`Sealer.prepare`
    :raises Unavailable: as :meth:`Sealer.prepare`, or when the process ended otherwise
    :raises Stopped: when it was asked to end
    :raises OSError: when no process can be started
    """
    wanted = {
        "database": store.engine.url.render_as_string(hide_password=False),
        "parent": os.getpid(),
        "stream": span.stream.value,
        "start": span.start,
        "end": span.end,
        "signed": signed,
    }
    process = subprocess.Popen(  # our own module, by the Python that runs this
        [sys.executable, "-P", "-m", "strongroom.audit.sealing.apart"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            answer, said = _answer_of(process, json.dumps(wanted).encode(), stopping)
        finally:
            process.kill()  # harmless when it has ended
    if process.returncode != 0:
        reason = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise Unavailable(f"the process that seals ended with {process.returncode}: {reason}")
    kind, found = pickle.loads(answer)  # noqa: S301  # from our own child, through its pipe
    if kind == "corrupt":
        raise Corrupt(found)
    if kind == "unavailable":
        raise Unavailable(found)
    made: Draft = found
    return made


def _answer_of(
    process: subprocess.Popen[bytes], wanted: bytes, stopping: Callable[[], bool]
) -> tuple[bytes, bytes]:
    """What it wrote to its output, and to its error output."""
    told: bytes | None = wanted
    while True:
        try:
            return process.communicate(told, timeout=LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            told = None  # it is on its way
        if stopping():
            raise Stopped


def main() -> None:
    """The process: what is wanted comes as JSON, what was made goes back pickled."""
    answer = _answer_alone()
    wanted = json.load(sys.stdin)
    with suppress(OSError):
        os.nice(PRIORITY)
    watch = threading.Thread(target=_end_with, args=(wanted["parent"],), daemon=True)
    watch.start()
    with answer:
        answer.write(pickle.dumps(_made(wanted)))


def _answer_alone() -> IO[bytes]:
    """Where the answer goes, and nothing else: some libraries print."""
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return answer


def _made(wanted: dict[str, Any]) -> tuple[str, Draft | str]:
    span = Span(Stream(wanted["stream"]), wanted["start"], wanted["end"])
    store = Store(wanted["database"])
    try:
        sealer = Sealer(store, lambda _event: None, signed=wanted["signed"])
        return "draft", sealer.prepare(span)
    except Corrupt as error:
        return "corrupt", str(error)
    except Unavailable as error:
        return "unavailable", str(error)
    finally:
        store.close()


def _end_with(parent: int) -> None:
    """End when nobody waits for the answer."""
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()

"""Reading ahead: what comes next is read while somebody looks at what came before."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from queue import Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar("T")

_LOOK_SECONDS = 0.2
"""How often a reader whose work nobody takes looks whether anybody still wants it."""


class _Ended(Generic[T]):
    """Comes after the last: how the reading ended."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(made: Generator[T, None, None], depth: int) -> Generator[T, None, None]:
    """The same, made in a thread of its own, which ends when this does.

    An exception comes in its place. It pays where the making is work of the engine or of zlib, which
    other threads of Python can run beside.

    :param made: nobody else may touch what it uses
    :param depth: how many may wait to be taken
    """
    waiting: Queue[T | _Ended[T]] = Queue(depth)
    unwanted = Event()
    thread = Thread(
        target=_make, args=(made, waiting, unwanted), name="strongroom-ahead", daemon=True
    )
    thread.start()
    try:
        while not isinstance(found := waiting.get(), _Ended):
            yield found
        if found.error is not None:
            raise found.error
    finally:
        unwanted.set()
        thread.join()


def _make(made: Generator[T, None, None], waiting: Queue[T | _Ended[T]], unwanted: Event) -> None:
    error: BaseException | None = None
    try:
        with closing(made):
            for one in made:
                if not _put(waiting, one, unwanted):
                    return
    except BaseException as raised:  # noqa: BLE001  # it is raised where the work is taken
        error = raised
    _put(waiting, _Ended(error), unwanted)


def _put(waiting: Queue[T | _Ended[T]], one: T | _Ended[T], unwanted: Event) -> bool:
    while not unwanted.is_set():
        try:
            waiting.put(one, timeout=_LOOK_SECONDS)
        except Full:
            continue
        return True
    return False

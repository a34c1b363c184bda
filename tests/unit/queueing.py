"""Several units of work in one transaction, on purpose."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from sqlalchemy import Connection

from strongroom.store import Store


def in_one_batch(store: Store, *units: Callable[[Connection], Any]) -> list[Future[Any]]:
    """Run these units in one transaction, in this order; what each gave or raised.

    A unit before them holds the writer until all are queued.
    """
    started, go_on = threading.Event(), threading.Event()

    def gate(_connection: Connection) -> None:
        started.set()
        go_on.wait()

    with ThreadPoolExecutor(len(units) + 1) as pool:
        try:
            held = pool.submit(store.write, gate)
            started.wait()
            futures = []
            for unit in units:
                futures.append(pool.submit(store.write, unit))
                _wait_until_queued(store, len(futures))
        finally:
            go_on.set()
        held.result()
    return futures


def _wait_until_queued(store: Store, count: int) -> None:
    while store._writer is None or len(store._writer._queue) < count:
        time.sleep(0.001)

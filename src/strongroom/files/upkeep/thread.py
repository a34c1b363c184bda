"""The threads that do the upkeep, in one of all processes: the one that holds the lease."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from strongroom.audit.ledger.lease import Lease
from strongroom.errors import Unavailable
from strongroom.files.service import FileService
from strongroom.files.service.part import now
from strongroom.files.tus.expiry import expire
from strongroom.files.tus.uploads import ResumableUploads
from strongroom.files.upkeep.collect import collect
from strongroom.files.upkeep.scrub import Scrub
from strongroom.objects import ObjectStore
from strongroom.store import Store

FIRST_SECONDS: Final = 60.0
"""After the start, which has enough to do."""

EVERY_SECONDS: Final = 3600.0
LEASE_SECONDS: Final = 5.0
"""Between two looks whether the process that has the lease has ended."""

log = logging.getLogger(__name__)


class Upkeep:
    """The upkeep of this process. :meth:`start` and :meth:`close` may be called anywhere.

    Every process has one; the one that holds the lease works. Whatever fails is logged, and tried
    again an hour later.

    :param scrub_days: within so many days all content is read once; 0 for never
    """

    def __init__(
        self,
        store: Store,
        objects: ObjectStore,
        files: FileService,
        resumable: ResumableUploads,
        *,
        scrub_days: float,
    ) -> None:
        self._store = store
        self._objects = objects
        self._files = files
        self._resumable = resumable
        self._scrub_days = scrub_days
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin, once in a process."""
        if self._threads and self._threads[0].is_alive():
            return
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=self._keep, name="strongroom-upkeep", daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """End: what is under way stops at its next step, and goes on after the next start."""
        self._closing.set()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()
        self._threads = []

    def run(self) -> None:
        """What is done every hour, at once and in this thread."""
        for task in (self._purge, self._expire, self._collect, self._files.forget_purged_damage):
            if not self._closing.is_set():
                self._guarded(task)

    def _keep(self) -> None:
        lease = Lease(self._store.path.with_name(self._store.path.name + ".upkeep"))
        try:
            while not lease.taken():
                if self._closing.wait(LEASE_SECONDS):
                    return
            scrubbing = threading.Thread(target=self._scrub, name="strongroom-scrub", daemon=True)
            scrubbing.start()
            self._repeat(self.run)
            scrubbing.join()
        finally:
            lease.close()

    def _scrub(self) -> None:
        if self._scrub_days:
            scrub = Scrub(self._store, self._files, self._scrub_days, self._closing.wait)
            self._repeat(lambda: self._guarded(scrub.run))

    def _repeat(self, task: Callable[[], None]) -> None:
        pause = FIRST_SECONDS
        while not self._closing.wait(pause):
            task()
            pause = EVERY_SECONDS

    def _guarded(self, task: Callable[[], object]) -> None:
        """Do it; whatever comes of it, the upkeep goes on."""
        try:
            task()
        except (Unavailable, OSError) as error:
            log.warning("the upkeep of files must wait: %s", error)
        except Exception:
            log.exception("the upkeep of files failed")

    def _purge(self) -> None:
        self._files.purge_old(self._closing.is_set)

    def _expire(self) -> None:
        expire(self._resumable, now())

    def _collect(self) -> None:
        collect(self._store, self._objects, pause=self._closing.wait)

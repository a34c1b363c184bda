"""Keeps the ledger: signs once a second while there are records, and whatever else has its hour.

Every process of an application has a keeper; the one that holds the lease works, the others wait
for it to end. A process that dies lets go of the lease, so another goes on within a second.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from strongroom.audit.events import Event
from strongroom.audit.events.ledger import CheckpointPublished, Heartbeat, VerificationFailed
from strongroom.audit.ledger.copies import Copies
from strongroom.audit.ledger.ledger import Ledger, Signed
from strongroom.audit.ledger.upkeep import heartbeat_due, thin_checkpoints
from strongroom.audit.ledger.verdict import read_verdict, write_verdict
from strongroom.audit.merkle import Malformed, SigningKey, Unproven
from strongroom.errors import Corrupt, SettingsError, Unavailable
from strongroom.store import Store

log = logging.getLogger(__name__)

SIGN_SECONDS: Final = 1.0
"""Least time between two checkpoints."""

COPY_SECONDS: Final = 10.0
"""Least time between two copies to the same place."""

HEARTBEAT_SECONDS: Final = 3600
"""So often a record is made although nothing happens: silence then means that something is wrong."""

FIRST_VERIFICATION_SECONDS = 60.0
"""After the start, which has enough to do."""

PUBLISHED_SECONDS = 60.0
"""So often it is recorded that checkpoints are signed: one for each would fill the list of records."""

BEAT_SECONDS = 60.0
"""How often to look whether a heartbeat is due."""

THIN_SECONDS: Final = 3600.0
COMPLAINT_SECONDS: Final = 3600.0
"""How long the same failure to sign is not recorded again."""


class Keeper:
    """The ledger's thread in this process. :meth:`start` and :meth:`close` may be called anywhere.

    :param key: called once, when this process begins to sign
    :param record: logs an event
    :param verify: verifies everything and says why it does not hold, or None; None to leave that out
    :param verify_seconds: time between two verifications; 0 for never
    """

    def __init__(
        self,
        store: Store,
        *,
        key: Callable[[], SigningKey],
        copies: Copies,
        record: Callable[[Event], None],
        verify: Callable[[], str | None] | None = None,
        verify_seconds: float = 0.0,
    ) -> None:
        self._store = store
        self._ledger = Ledger(store)
        self._key = key
        self._copies = copies
        self._record = record
        self._verify = verify
        self._verify_seconds = verify_seconds
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._newest: Signed | None = None
        self._complained: tuple[str, float] | None = None
        self._published = _Regular(PUBLISHED_SECONDS, self._publish, first=0.0)

    def start(self) -> None:
        """Begin, once in a process."""
        if self._threads and self._threads[0].is_alive():
            return
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=self._keep, name="strongroom-ledger", daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """Sign what is there, if this process holds the lease, and end."""
        self._closing.set()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()
        self._threads = []

    def _keep(self) -> None:
        lease = Lease(self._store.path.with_name(self._store.path.name + ".ledger"))
        try:
            while not lease.taken():
                if self._closing.wait(SIGN_SECONDS):
                    return
            self._work()
        finally:
            lease.close()

    def _work(self) -> None:
        key: SigningKey | None = None
        others = [
            _Regular(COPY_SECONDS, self._copy, first=0.0),
            _Regular(BEAT_SECONDS, self._beat, first=BEAT_SECONDS),
            _Regular(THIN_SECONDS, lambda: thin_checkpoints(self._store), first=BEAT_SECONDS),
        ]
        slow = threading.Thread(target=self._verify_now_and_then, daemon=True)
        slow.start()
        while True:
            closing = self._closing.wait(SIGN_SECONDS)
            try:
                if key is None:
                    key = self._key()
                self._sign(key)
                for task in others:
                    task.run(now=closing and task.action == self._copy)
            except (Unavailable, OSError) as error:
                log.warning("the ledger must wait: %s", error)  # the journal's trouble, told there
            except SettingsError as error:
                self._complain(str(error))
            except Exception:
                log.exception("the ledger could not be kept")
            if closing:
                slow.join()
                return

    def _sign(self, key: SigningKey) -> None:
        try:
            signed = self._ledger.advance(key)
        except (Corrupt, Malformed, Unproven) as error:
            self._complain(str(error))
            return
        if self._complained is not None:
            self._complained = None
            write_verdict(self._store, None)
        if signed is not None:
            self._newest = signed
            self._published.run()

    def _complain(self, failure: str) -> None:
        """Say that the evidence is in danger; the same thing once an hour."""
        now = time.monotonic()
        if self._complained is not None:
            text, when = self._complained
            if text == failure and now - when < COMPLAINT_SECONDS:
                return
        self._complained = (failure, now)
        write_verdict(self._store, failure)
        self._record(VerificationFailed(reason="ledger_not_signed", extra={"failure": failure}))

    def _publish(self) -> None:
        if self._newest is not None:
            self._record(CheckpointPublished(count=self._newest.size))

    def _copy(self) -> None:
        newest = self._newest or self._ledger.newest()
        if newest is None or not self._copies.places:
            return
        held = self._copies.held()
        if any(copy.size != newest.size or copy.error is not None for copy in held):
            self._copies.send(newest)

    def _beat(self) -> None:
        if heartbeat_due(self._store, HEARTBEAT_SECONDS):
            self._record(Heartbeat())

    def _verify_now_and_then(self) -> None:
        if self._verify is None or not self._verify_seconds:
            return
        pause = FIRST_VERIFICATION_SECONDS
        while not self._closing.wait(pause):
            try:
                last = read_verdict(self._store)
                age = float("inf") if last is None else time.time() - last.checked_at / 1e6
                if not 0 <= age < self._verify_seconds:
                    write_verdict(self._store, self._verify())
                    age = 0.0
                pause = self._verify_seconds - age
            except Exception:
                log.exception("the ledger could not be verified")
                pause = self._verify_seconds


class _Regular:
    """Something that is done at most so often."""

    def __init__(self, seconds: float, action: Callable[[], object], *, first: float) -> None:
        self._seconds = seconds
        self._next = time.monotonic() + first
        self.action = action

    def run(self, *, now: bool = False) -> None:
        """Do it, if it is time."""
        if now or time.monotonic() >= self._next:
            self._next = time.monotonic() + self._seconds
            self.action()


class Lease:
    """Held by one process at a time; the kernel takes it back when that process ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def taken(self) -> bool:
        """Take it; False while another process has it, or its file cannot be opened."""
        try:
            if self._descriptor is None:
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
                self._descriptor = os.open(self._path, flags, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Let go."""
        if self._descriptor is not None:
            os.close(self._descriptor)

"""Keeps the ledger: signs once a second while there are records, and whatever else has its hour.

Every process of an application has a keeper; the one that holds the lease works, the others wait
for it to end. A process that dies lets go of the lease, so another goes on within a second.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy.exc import DBAPIError

from strongroom.audit.events import Event
from strongroom.audit.events.ledger import CheckpointPublished, Heartbeat
from strongroom.audit.ledger.alarm import Alarm
from strongroom.audit.ledger.anchor import Anchor
from strongroom.audit.ledger.copies import Copies
from strongroom.audit.ledger.lease import Lease
from strongroom.audit.ledger.ledger import Ledger, Signed
from strongroom.audit.ledger.upkeep import has_unsigned, heartbeat_due, thin_checkpoints
from strongroom.audit.ledger.verdict import Looked, read_verdict, write_verdict
from strongroom.audit.merkle import Malformed, SigningKey, Unproven
from strongroom.errors import Corrupt, SettingsError, Unavailable
from strongroom.store import Store

__all__ = ["Keeper", "Lease"]

log = logging.getLogger(__name__)

SIGN_SECONDS: Final = 1.0
"""Least time between two checkpoints."""

COPY_SECONDS: Final = 10.0
"""Least time between two copies to the same place."""

TAKE_OVER_SECONDS: Final = 1.5
"""How long a process that ends waits for records of its own to be signed, or for the lease: longer than
it takes whoever has it and goes on."""

HEARTBEAT_SECONDS: Final = 3600
"""So often a record is made although nothing happens: silence then means that something is wrong."""

FIRST_VERIFICATION_SECONDS = 60.0
"""After the start, which has enough to do."""

PUBLISHED_SECONDS = 60.0
"""So often it is recorded that checkpoints are signed: one for each would fill the list of records."""

BEAT_SECONDS = 60.0
"""How often to look whether a heartbeat is due."""

THIN_SECONDS: Final = 3600.0


class Keeper:
    """The ledger's thread in this process. :meth:`start` and :meth:`close` may be called anywhere.

    :param key: called until it gives one, when this process begins to sign
    :param anchor: called then: what was signed last, as far as is known outside the database
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
        anchor: Callable[[], Anchor] = Anchor,
        verify: Callable[[], str | None] | None = None,
        verify_seconds: float = 0.0,
    ) -> None:
        self._store = store
        self._ledger = Ledger(store)
        self._key = key
        self._anchor = anchor
        self._signer: SigningKey | None = None
        self._copies = copies
        self._record = record
        self._verify = verify
        self._verify_seconds = verify_seconds
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._newest: Signed | None = None
        self._unsigned = Alarm(store, Looked.SIGNING, "ledger_not_signed", record)
        self._contradicted = Alarm(store, Looked.COPIES, "ledger_contradicted", record)
        self._compared = False
        self._last_copy = threading.Event()
        self._published = _Regular(PUBLISHED_SECONDS, self._publish, first=0.0)

    def start(self) -> None:
        """Begin, once in a process."""
        if self._threads and self._threads[0].is_alive():
            return
        self._closing, self._last_copy = threading.Event(), threading.Event()
        self._copies.hurry(None)
        self._threads = [threading.Thread(target=self._keep, name="strongroom-ledger", daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """Sign what is there, if this process holds the lease, and end.

        Copies that are not made within a second or so are given up; a verification is waited for.
        """
        self._closing.set()
        self._copies.hurry()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()
        self._threads = []

    def _keep(self) -> None:
        lease = Lease(self._store.path.with_name(self._store.path.name + ".ledger"))
        try:
            while not lease.taken():
                if self._closing.wait(SIGN_SECONDS) and not self._takes_over(lease):
                    return
            self._work()
        finally:
            lease.close()

    def _takes_over(self, lease: Lease) -> bool:
        """Whether the last records are left to this process, although it ends: whoever had the lease
        may have ended before, as of several workers that stop the one with nothing to do does."""
        until = time.monotonic() + TAKE_OVER_SECONDS
        try:
            while has_unsigned(self._store) and time.monotonic() < until:
                if lease.taken():
                    return True
                time.sleep(TAKE_OVER_SECONDS / 20)
        except (DBAPIError, OSError) as error:
            log.warning("the ledger must wait: %s", error)
        return False

    def _work(self) -> None:
        others = [
            _Regular(BEAT_SECONDS, self._beat, first=BEAT_SECONDS),
            _Regular(THIN_SECONDS, lambda: thin_checkpoints(self._store), first=BEAT_SECONDS),
        ]
        slow = [
            threading.Thread(target=target, name="strongroom-ledger-aside", daemon=True)
            for target in (self._verify_now_and_then, self._copy_now_and_then)
        ]
        for thread in slow:
            thread.start()
        closing = False
        while not closing:
            closing = self._closing.wait(SIGN_SECONDS)
            self._guarded(self._sign)
            for task in others:
                self._guarded(task.run)
        self._last_copy.set()
        for thread in slow:
            thread.join()

    def _guarded(self, task: Callable[[], object]) -> None:
        """Do it; whatever comes of it, the keeper goes on."""
        try:
            task()
        except (Unavailable, OSError) as error:
            log.warning("the ledger must wait: %s", error)  # the journal's trouble, told there
        except Exception:
            log.exception("the ledger could not be kept")

    def _sign(self) -> None:
        try:
            key = self._signer = self._signer or self._begin()
            signed = self._ledger.advance(key)
        except (Corrupt, Malformed, Unproven, SettingsError) as error:
            self._unsigned.ring(str(error))
            return
        # Only what was found sound is copied, so never what somebody else has put there.
        self._newest = signed or self._newest or self._ledger.newest()
        self._unsigned.quiet()
        if signed is not None:
            self._published.run()

    def _begin(self) -> SigningKey:
        """The key, once it is there.

        :raises SettingsError: when it cannot be made or read
        """
        try:
            key = self._key()
            self._ledger = Ledger(self._store, self._anchor())
        except OSError as error:
            raise SettingsError(
                f"ledger_key: the key cannot be made or read: {error}. Name a file in a folder that "
                "the server can write"
            ) from None
        return key

    def _publish(self) -> None:
        if self._newest is not None:
            self._record(CheckpointPublished(count=self._newest.size))

    def _copy_now_and_then(self) -> None:
        """Until the last checkpoint is signed; signing never waits for a place."""
        if not self._copies.places:
            self._guarded(self._contradicted.quiet)  # they were asked no more
            return
        regular = _Regular(COPY_SECONDS, self._copy, first=0.0)
        while not self._last_copy.wait(SIGN_SECONDS):
            if self._newest is not None and not self._closing.is_set():
                self._guarded(regular.run)
        self._copies.hurry()
        self._guarded(self._copy)

    def _copy(self) -> None:
        newest = self._newest
        if newest is None:
            return
        held = self._copies.held()
        # At first whatever was noted: what is there may be of another history of the same size.
        if not self._compared or any(c.size != newest.size or c.error is not None for c in held):
            held = self._copies.send(newest)
            self._compared = True
        contradicted = [f"{copy.place} {copy.error}" for copy in held if copy.contradicts]
        if contradicted:
            self._contradicted.ring("; ".join(contradicted))
        else:
            self._contradicted.quiet()

    def _beat(self) -> None:
        if heartbeat_due(self._store, HEARTBEAT_SECONDS):
            self._record(Heartbeat())

    def _verify_now_and_then(self) -> None:
        if self._verify is None or not self._verify_seconds:
            return
        pause = FIRST_VERIFICATION_SECONDS
        while not self._closing.wait(pause):
            try:
                last = read_verdict(self._store, Looked.VERIFICATION)
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
        self._action = action

    def run(self) -> None:
        """Do it, if it is time."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self._seconds
            self._action()

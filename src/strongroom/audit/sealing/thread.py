"""The thread that seals: in every process of an application, of which one at a time works."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from strongroom.audit.archive.writing import Draft
from strongroom.audit.events import Event, Stream
from strongroom.audit.ledger.lease import Lease
from strongroom.audit.sealing import apart
from strongroom.audit.sealing.due import Span
from strongroom.audit.sealing.sealer import Sealer, Stopped
from strongroom.errors import Corrupt, Unavailable
from strongroom.store import Store

log = logging.getLogger(__name__)

FIRST_SECONDS = 30.0
"""After the start, which has enough to do."""

LOOK_SECONDS = 10.0
"""How often to look whether something is due: a few rows of the database."""

TROUBLED_SECONDS: Final = 600.0
"""Until the next attempt after one that failed."""

QUIET_SECONDS: Final = 3600.0
"""An import has ended when no record of it came for so long."""


def lease_of(store: Store) -> Lease:
    """Held by whoever changes the archive of this database: seals, prunes or forgets."""
    return Lease(store.path.with_name(store.path.name + ".sealing"))


class _Beside(Sealer):
    """Beside requests: prepares large segments in a process of its own."""

    def prepare(self, span: Span) -> Draft:
        """As always."""
        if span.count >= apart.FEWEST:
            try:
                return apart.prepare(
                    self._store, span, signed=self._signed, stopping=self._stopping
                )
            except OSError as error:
                log.warning("no process can be started to seal in, so requests may wait: %s", error)
        return super().prepare(span)


class SealingThread:
    """Seals in the background. :meth:`start` and :meth:`close` may be called anywhere.

    :param record: logs an event; called inside a unit of work, in its context
    :param signed: whether the ledger is signed
    :param afterwards: what else is to be done with the archive, while nobody else changes it; told
        whom to ask now and then whether to stop
    """

    def __init__(
        self,
        store: Store,
        record: Callable[[Event], None],
        *,
        signed: bool,
        afterwards: Callable[[Callable[[], bool]], None] = lambda _stopping: None,
    ) -> None:
        self._store = store
        self._record = record
        self._signed = signed
        self._afterwards = afterwards
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._imported: tuple[int | None, float] = (None, 0.0)

    def start(self) -> None:
        """Begin, once in a process."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="strongroom-sealing", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End within a moment; what was begun is taken up at the next start."""
        self._closing.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._thread = None

    def _keep(self) -> None:
        lease = lease_of(self._store)
        pause = FIRST_SECONDS
        try:
            while not self._closing.wait(pause):
                pause = LOOK_SECONDS
                if lease.taken():
                    try:
                        pause = self._look()
                        self._afterwards(self._closing.is_set)
                    finally:
                        lease.release()  # the command line wants it too
        finally:
            lease.close()

    def _look(self) -> float:
        """Seal what is due; how long to wait for the next look."""
        sealer = _Beside(
            self._store, self._record, signed=self._signed, stopping=self._closing.is_set
        )
        try:
            sealer.tidy()
            sealer.seal_due()
            if self._import_ended(sealer):
                sealer.seal_due([Stream.IMPORTED], everything=True)
        except Stopped:
            return LOOK_SECONDS
        except Corrupt as error:
            log.critical("the journal cannot be sealed: %s; run strongroom verify", error)
        except (Unavailable, OSError) as error:
            log.warning("sealing must wait: %s", error)
        except Exception:
            log.exception("the journal could not be sealed")
        else:
            return LOOK_SECONDS
        return TROUBLED_SECONDS

    def _import_ended(self, sealer: Sealer) -> bool:
        """Whether there are imported records, and none came for a while: their own times say nothing
        of when an import ends."""
        span = sealer.next_span(Stream.IMPORTED, everything=True)
        end = None if span is None else span.end
        known, since = self._imported
        if end != known:
            self._imported = end, time.monotonic()
            return False
        return end is not None and time.monotonic() - since > QUIET_SECONDS

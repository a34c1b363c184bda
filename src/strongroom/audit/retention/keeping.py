"""What the server does by itself: the rules once an hour, and at once when the disk is full."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from strongroom.audit.events import Event
from strongroom.audit.retention.plan import KeepsFrom, nobody_needs
from strongroom.audit.retention.pruner import Pruner
from strongroom.audit.retention.reserve import RESERVE_BYTES, Reserve
from strongroom.audit.retention.rules import Rules
from strongroom.errors import Corrupt, Unavailable
from strongroom.store import Store

log = logging.getLogger(__name__)

HOUR: Final = 3600.0

FULL_SECONDS: Final = 60.0
"""Between two attempts while the disk is full: nothing may be due."""


class Retention:
    """Applies the rules of one installation. For one thread, and only by whoever has the archive's
    lease.

    :param record: logs an event; called inside a unit of work, in its context
    :param keeps_from: what somebody else still needs
    :param reserve_bytes: of the file that is given up on a full disk
    """

    def __init__(
        self,
        store: Store,
        record: Callable[[Event], None],
        rules: Rules,
        *,
        keeps_from: KeepsFrom = nobody_needs,
        reserve_bytes: int = RESERVE_BYTES,
    ) -> None:
        self._store = store
        self._record = record
        self.rules = rules
        self._keeps_from = keeps_from
        self._reserve = Reserve(store, reserve_bytes)
        self._next = 0.0

    def look(self, stopping: Callable[[], bool] = lambda: False) -> None:
        """Do what is due, if anything is. Says in the log what went wrong, and raises nothing.

        :param stopping: asked now and then; True ends it
        """
        if self.rules.keeps_everything:
            return
        try:
            self._look(stopping)
        except Corrupt as error:
            self._later(HOUR)
            log.critical("nothing more is pruned: %s; run strongroom verify", error)
        except (Unavailable, OSError) as error:
            self._later(FULL_SECONDS)
            log.warning("pruning must wait: %s", error)
        except Exception:
            self._later(HOUR)
            log.exception("the rules of retention could not be applied")

    def _look(self, stopping: Callable[[], bool]) -> None:
        full = self._reserve.is_full()
        if time.monotonic() < self._next and not (full and self._reserve.path.exists()):
            return
        if full and self._reserve.release():
            log.warning("the disk is full; the reserve was given up so that old records can go")
        self._later(FULL_SECONDS if full else HOUR)
        Pruner(
            self._store,
            self._record,
            self.rules,
            keeps_from=self._keeps_from,
            stopping=stopping,
        ).run()
        self._reserve.keep()

    def _later(self, seconds: float) -> None:
        self._next = time.monotonic() + seconds

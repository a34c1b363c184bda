"""Says that the evidence is in danger: in the verdict at once, and in the records once an hour."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from strongroom.audit.events import Event
from strongroom.audit.events.ledger import VerificationFailed
from strongroom.audit.ledger.verdict import Looked, read_verdict, write_verdict
from strongroom.store import Store

COMPLAINT_SECONDS: Final = 3600.0
"""How long the same failure is not recorded again."""


class Alarm:
    """One thing that can be wrong. For one thread.

    :param looked: whose verdict it is
    :param reason: recorded as ``reason``
    :param record: logs an event
    """

    def __init__(
        self, store: Store, looked: Looked, reason: str, record: Callable[[Event], None]
    ) -> None:
        self._store = store
        self._looked = looked
        self._reason = reason
        self._record = record
        self._told: tuple[str, float] | None = None
        self._quiet = False

    def ring(self, failure: str) -> None:
        """Say that this is wrong.

        :raises Unavailable: when it cannot be written; the next call says it again
        """
        now = time.monotonic()
        if self._told is not None:
            text, when = self._told
            if text == failure and now - when < COMPLAINT_SECONDS:
                return
        self._quiet = False
        write_verdict(self._store, failure, self._looked)
        self._record(VerificationFailed(reason=self._reason, extra={"failure": failure}))
        self._told = failure, now

    def quiet(self) -> None:
        """Say that nothing is wrong, also if it was another process that said so.

        :raises Unavailable: as :meth:`ring`
        """
        if self._quiet:
            return
        last = read_verdict(self._store, self._looked)
        if last is not None and last.failure is not None:
            write_verdict(self._store, None, self._looked)
        self._told = None
        self._quiet = True

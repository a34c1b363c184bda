"""Copies of the newest checkpoint in places off this machine.

Only a copy that this machine cannot take back shows that the ledger was cut, taken back to an older
state, or written anew. So what a place holds is looked at first: where the ledger does not go on from
it, it stays as it is, and the contradiction is told.
"""

from __future__ import annotations

import http.client
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import DBAPIError

from strongroom.audit.ledger.ledger import Signed
from strongroom.audit.ledger.places import check_place, copy_to, shown
from strongroom.audit.ledger.prior import CONTRADICTED, Prior, Taken
from strongroom.audit.ledger.tables import ledger_copy
from strongroom.errors import StrongroomError
from strongroom.store import Store

__all__ = ["Copies", "Copy", "shown"]

log = logging.getLogger(__name__)

ATTEMPT_SECONDS: Final = 10.0
"""How long a place may take, whatever it does meanwhile."""

CLOSING_SECONDS: Final = 1.0
"""How long the places may still take when the process ends."""

_LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Copy:
    """What one place holds.

    :param place: as set, without credentials
    :param size: records covered by the newest checkpoint that it has taken; None while it has none
    :param copied_at: microseconds since 1970-01-01 UTC
    :param error: why the latest attempt failed; None when it did not. That the place holds a
        checkpoint which this ledger does not continue stays until an attempt succeeds
    """

    place: str
    size: int | None
    copied_at: int | None
    error: str | None

    @property
    def contradicts(self) -> bool:
        """Whether it holds a checkpoint that this ledger does not continue."""
        return self.error is not None and CONTRADICTED in self.error


class Copies:
    """The places that get a copy of each new checkpoint.

    :meth:`send` is for one thread at a time; everything else is thread-safe.

    :param places: folders and ``http://`` or ``https://`` addresses
    :raises SettingsError: when one is neither
    """

    def __init__(self, store: Store, places: Sequence[str]) -> None:
        self._store = store
        self.places = tuple(dict.fromkeys(places))
        for place in places:
            check_place(place)
        self._running: dict[str, _Attempt] = {}
        self._closing_at: float | None = None

    def send(self, signed: Signed) -> list[Copy]:
        """Copy the checkpoint to every place; what each holds now. Never raises for a place.

        Takes at most :data:`ATTEMPT_SECONDS`. A place that has not answered by then is left to
        itself, and not asked again before it has.

        :raises Unavailable: when the outcome cannot be noted in the database
        """
        until = time.monotonic() + ATTEMPT_SECONDS
        attempts = [self._attempt(place, signed) for place in self.places]
        for attempt in attempts:
            while attempt.is_awaited and time.monotonic() < self._at_most(until):
                attempt.join(_LOOK_SECONDS)
        outcomes = [attempt.outcome() for attempt in attempts]
        now = time.time_ns() // 1000
        found = []
        for (error, size), last in zip(outcomes, self.held(), strict=True):
            if error is None:
                found.append(Copy(last.place, size, now, None))
            elif last.contradicts and CONTRADICTED not in error:
                found.append(last)
            else:
                found.append(replace(last, error=error))
        self._store.write(lambda connection: _write(connection, found))
        return found

    def hurry(self, seconds: float | None = CLOSING_SECONDS) -> None:
        """Let what is under way, and comes after it, end within so many seconds from now.

        :param seconds: None to let everything take its time again
        """
        self._closing_at = None if seconds is None else time.monotonic() + seconds

    def held(self) -> list[Copy]:
        """What each place is known to hold; places that are no longer set are left out."""
        with self._store.read() as connection:
            rows = connection.execute(select(ledger_copy).order_by(ledger_copy.c.place)).all()
        known = {row.place: Copy(row.place, row.size, row.copied_at, row.error) for row in rows}
        names = [shown(place) for place in self.places]
        return [known.get(name, Copy(name, None, None, None)) for name in names]

    def _attempt(self, place: str, signed: Signed) -> _Attempt:
        """A new attempt, unless the one before is still under way."""
        running = self._running.get(place)
        if running is None or not running.is_alive():
            running = self._running[place] = _Attempt(
                place, signed, Prior(self._store, signed.size)
            )
            running.start()
        return running

    def _at_most(self, until: float) -> float:
        closing_at = self._closing_at
        return until if closing_at is None else min(until, closing_at)


class _Attempt(threading.Thread):
    """Copies to one place. A daemon: one that never ends does not keep the process."""

    def __init__(self, place: str, signed: Signed, prior: Prior) -> None:
        super().__init__(name="strongroom-copy", daemon=True)
        self._place = place
        self._signed = signed
        self._prior = prior
        self._error: str | None = None
        self._taken: int | None = None

    def run(self) -> None:
        """Try once."""
        try:
            copy_to(self._place, self._signed, self._prior.allow)
            self._taken = self._signed.size
        except Taken as held:
            self._taken, self._error = held.size, held.error
        except (OSError, ValueError, http.client.HTTPException, StrongroomError) as error:
            self._error = _told(error)
        except DBAPIError:
            self._error = "the database cannot be read"
        except Exception as error:
            log.exception("a checkpoint could not be copied")
            self._error = _told(error)

    @property
    def is_awaited(self) -> bool:
        """Whether it is under way, and was not given up in an earlier round."""
        return self.is_alive() and not self._prior.is_given_up

    def outcome(self) -> tuple[str | None, int | None]:
        """Why it failed, or None and the size that the place has. Gives it up if it has no end."""
        if self.is_alive():
            self._prior.give_up()
            return "TimeoutError: it did not answer in time", None
        return self._error, self._taken


def _told(error: Exception) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    plain = "".join(
        c if c.isprintable() else " " for c in str(reason)
    )  # the place may have sent it
    return f"{type(error).__name__}: {plain}"[:500]


def _write(connection: Connection, copies: Sequence[Copy]) -> None:
    for copy in copies:
        connection.execute(delete(ledger_copy).where(ledger_copy.c.place == copy.place))
        connection.execute(
            insert(ledger_copy),
            {
                "place": copy.place,
                "size": copy.size,
                "copied_at": copy.copied_at,
                "error": copy.error,
            },
        )

"""The week of the demo: moments in it, and records made of declared events at such moments."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from strongroom.audit.events import Event, Outcome, Stream
from strongroom.audit.events.web import Request, Response
from strongroom.audit.journal.stored import timestamp_text
from strongroom.demo.drawing import uuid7
from strongroom.demo.people import Person
from strongroom.version import __version__

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
DAYS: Final = 7

Record = dict[str, Any]
Dated = tuple[int, Stream, Record]
"""A record with its moment, by which all are sorted, and its stream."""

_HERE: Final = {"app": "strongroom", "version": __version__, "host": "files", "pid": 4_211}


@dataclass(slots=True)
class Week:
    """Makes records; the same source of random numbers gives the same ones.

    :param end: the moment at which the week ends, in microseconds since 1970-01-01 UTC
    :param records: what was made so far, in no order
    """

    end: int
    source: random.Random
    records: list[Dated] = field(default_factory=list)

    @property
    def midnight(self) -> int:
        """The last one before the end."""
        return self.end - self.end % DAY

    def at(self, days_ago: int, hour: float) -> int:
        """A moment: so many days before the last midnight, and so many hours after that one."""
        return self.midnight - days_ago * DAY + int(hour * HOUR)

    @property
    def bad_night(self) -> int:
        """When it begins; half an hour later all of it is over, and the patients' folder is open."""
        return self.at(1, 2.13)

    def new_id(self, moment: int) -> str:
        """An id that was made then."""
        return uuid7(moment // 1_000, self.source.getrandbits(74))

    def log(self, moment: int, event: Event, context: Mapping[str, Any]) -> None:
        """What :meth:`AuditLog.log` would have made of the event at that moment."""
        record = {
            "timestamp": timestamp_text(moment),
            "level": event.level().value,
            "event": event.event_name,
            "id": self.new_id(moment),
            **context,
            **event.values(),
        }
        self.records.append((moment, event.stream, record))

    def by_itself(self, moment: int, event: Event) -> None:
        """Something that the server did, and nobody asked for."""
        self.log(moment, event, _HERE)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody at a place: what is said of each of their requests.

    :param person: None for somebody who has not signed in
    :param session_id: of a browser; None with a token
    """

    person: Person | None
    address: str
    agent: str
    session_id: str | None = None
    token_id: str | None = None

    def context(self) -> Record:
        """As the exchange binds it."""
        said = {
            "user_id": None if self.person is None else self.person.user_id,
            "session_id": self.session_id,
            "token_id": self.token_id,
            "ip_address": self.address,
            "peer_address": self.address,
            "user_agent": self.agent,
        }
        return {name: value for name, value in said.items() if value is not None} | _HERE


@dataclass(frozen=True, slots=True)
class Visit:
    """One request: its method and path, what came of it, and how it was answered.

    :param sent: bytes of the answer
    :param received: bytes of the body
    """

    method: str
    path: str
    status: int
    events: tuple[Event, ...] = ()
    sent: int = 400
    received: int = 0


def make(week: Week, moment: int, visitor: Visitor, visit: Visit) -> int:
    """The records of a request; the moment at which it ended."""
    source = week.source
    took = int(source.lognormvariate(9.3, 0.9)) + visit.sent // 90  # microseconds
    context = visitor.context() | {
        "request_id": week.new_id(moment),
        "method": visit.method,
        "path": visit.path,
    }
    week.log(moment, Request(), context)
    for number, event in enumerate(visit.events, 1):
        week.log(moment + took * number // (len(visit.events) + 1), event, context)
    failed = visit.status >= 500
    denied = visit.status >= 400
    response = Response(
        outcome=Outcome.FAILED if failed else Outcome.DENIED if denied else Outcome.SUCCESS,
        status=visit.status,
        duration_ms=took / 1_000,
        bytes_in=visit.received,
        bytes_out=visit.sent,
        aborted=False,
    )
    week.log(moment + took, response, context)
    return moment + took

"""Events of any web application: requests, responses, and what goes wrong between them."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.audit.events.event import Event, Level, Outcome, Stream, declare

BY_OUTCOME = {
    Outcome.SUCCESS: Level.INFO,
    Outcome.DENIED: Level.WARNING,
    Outcome.FAILED: Level.ERROR,
}


@declare("request", stream=Stream.OPS, levels=Level.INFO)
class Request(Event):
    """A request arrived."""


@declare("response", stream=Stream.OPS, levels=BY_OUTCOME)
class Response(Event):
    """A request ended: answered in full, or aborted by the client."""

    outcome: Outcome
    status: int
    duration_ms: float
    bytes_in: int
    bytes_out: int | None
    aborted: bool


@declare("requests_counted", stream=Stream.OPS, levels=Level.INFO)
class RequestsCounted(Event):
    """Requests that are counted instead of recorded (health checks, assets), once a minute."""

    count: int
    extra: Mapping[str, int]


@declare("unhandled_exception", stream=Stream.OPS, levels={Outcome.FAILED: Level.ERROR})
class UnhandledException(Event):
    """Nothing caught an exception: of a handler (the client got a 500), or of a thread."""

    extra: Mapping[str, object] | None = None


@declare("access_denied", stream=Stream.AUDIT, levels={Outcome.DENIED: Level.WARNING})
class AccessDenied(Event):
    """A request was refused before it reached a handler."""

    reason: str
    status: int
    missing: str | None = None

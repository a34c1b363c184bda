"""Events of alerts: that somebody was told of critical records, or could not be."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.audit.events.event import Event, Level, Outcome, Stream, declare


@declare("alert_sent", stream=Stream.OPS, levels={Outcome.SUCCESS: Level.INFO})
class AlertSent(Event):
    """A destination took a message about so many critical records."""

    count: int
    extra: Mapping[str, object]


@declare("alert_failed", stream=Stream.OPS, levels={Outcome.FAILED: Level.ERROR})
class AlertFailed(Event):
    """A destination does not take alerts, so that so many critical records wait, or were given up;
    recorded once an hour while it lasts."""

    reason: str
    count: int
    extra: Mapping[str, object]

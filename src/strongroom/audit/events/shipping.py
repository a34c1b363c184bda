"""Events of shipping: what keeps records from reaching the systems they are sent to."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.audit.events.event import Event, Level, Outcome, Stream, declare


@declare("shipping_stalled", stream=Stream.AUDIT, levels={Outcome.FAILED: Level.ERROR})
class ShippingStalled(Event):
    """A destination has taken no record for too long; they are kept, and sent once it takes them.

    With the reason ``retention_waits_no_longer`` they are kept no longer than the rules say.
    ``extra`` names the destination.
    """

    reason: str
    extra: Mapping[str, object]


@declare("shipping_resumed", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO})
class ShippingResumed(Event):
    """A destination that had stalled takes records again; ``extra`` names it."""

    extra: Mapping[str, object]


@declare("shipping_refused", stream=Stream.AUDIT, levels={Outcome.FAILED: Level.ERROR})
class ShippingRefused(Event):
    """A destination refused records for good; they are set aside, and the rest goes on.

    Recorded at most once an hour for a destination. ``extra`` names it, with the records.
    """

    reason: str
    count: int
    extra: Mapping[str, object]


@declare("shipping_missed", stream=Stream.AUDIT, levels={Outcome.FAILED: Level.ERROR})
class ShippingMissed(Event):
    """Records were deleted by a rule of retention before a destination had taken them.

    ``extra`` names it, with the records.
    """

    count: int
    extra: Mapping[str, object]


@declare("shipping_tested", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO})
class ShippingTested(Event):
    """Somebody sent this record to a destination, to see what comes back; ``extra`` names it."""

    extra: Mapping[str, object]

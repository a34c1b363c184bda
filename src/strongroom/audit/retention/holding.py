"""Placing and releasing holds; both are recorded, with who did it."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import Connection

from strongroom.audit.archive.holds import Hold, enter_hold, read_holds, remove_hold
from strongroom.audit.events import Event, Stream
from strongroom.audit.events.system import HoldPlaced, HoldReleased
from strongroom.audit.pipeline.clock import new_id
from strongroom.errors import Refused
from strongroom.store import Store


def place_hold(
    store: Store,
    record: Callable[[Event], None],
    *,
    stream: Stream | None = None,
    since: int | None = None,
    until: int | None = None,
    filename: str | None = None,
    reason: str = "",
    placed_by: str,
) -> Hold:
    """Keep records from now on. What was pruned already does not come back. Durable.

    :param since: microseconds since 1970-01-01 UTC, inside
    :param until: the same, outside
    :param record: logs an event; called inside a unit of work
    :raises Refused: when it would cover no time at all
    """
    if since is not None and until is not None and since >= until:
        raise Refused("hold_not_valid", "The hold would end before it begins.", status=400)
    name = None if stream is None else stream.value
    now = time.time_ns() // 1000
    hold = Hold(new_id(), name, since, until, filename, reason, placed_by, now)

    def unit(connection: Connection) -> None:
        enter_hold(connection, hold)
        record(HoldPlaced(filename=filename, extra=_told(hold) | {"placed_by": placed_by}))

    store.write(unit)
    return hold


def release_hold(
    store: Store, record: Callable[[Event], None], hold_id: str, *, released_by: str
) -> Hold:
    """Let the rules apply again, from the next run on. Durable.

    :raises Refused: 404 ``hold_not_found``
    """

    def unit(connection: Connection) -> Hold:
        found = next((hold for hold in read_holds(connection) if hold.id == hold_id), None)
        if found is None or not remove_hold(connection, hold_id):
            raise Refused("hold_not_found", f"There is no hold {hold_id}.", status=404)
        record(HoldReleased(extra={"hold": hold_id, "released_by": released_by}))
        return found

    return store.write(unit)


def _told(hold: Hold) -> dict[str, object]:
    told: dict[str, object | None] = {
        "hold": hold.id,
        "stream": hold.stream,
        "since": hold.since,
        "until": hold.until,
        "reason": hold.reason or None,
    }
    return {name: value for name, value in told.items() if value is not None}

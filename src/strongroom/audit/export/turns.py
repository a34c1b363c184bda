"""How many exports run at once, in all processes together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from strongroom.audit.query.search.slots import Slots
from strongroom.errors import ServerFault
from strongroom.store import Store

AT_ONCE: Final = 2
"""Each needs the memory of a segment and of a processor most of its time. They take no place of the
searches, except for the moments in which they read the journal."""

PATIENCE: Final = 1.0
"""Seconds to wait for a turn: exports take minutes, so nobody should wait for one to end."""


@contextmanager
def export_turns(store: Store) -> Iterator[None]:
    """Hold a turn for the length of the block, in whichever thread it ends.

    :raises ServerFault: ``export_busy``
    :raises Unavailable: when the lock file cannot be opened
    """
    slots = Slots(store.path.with_name(store.path.name + ".exporting"), AT_ONCE)
    held = slots.held(PATIENCE)
    try:
        held.__enter__()
    except ServerFault as fault:
        raise ServerFault(
            "export_busy",
            f"{AT_ONCE} exports run already. Try again when one of them has ended.",
            status=503,
        ) from fault
    try:
        yield
    finally:
        held.__exit__(None, None, None)

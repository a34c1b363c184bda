"""The keeper of an audit log's ledger, put together."""

from __future__ import annotations

import logging
from collections.abc import Callable

from strongroom.audit.events import Event
from strongroom.audit.ledger.anchor import Anchor
from strongroom.audit.ledger.copies import Copies
from strongroom.audit.ledger.keeper import Keeper
from strongroom.audit.ledger.loss import lost_keys
from strongroom.audit.ledger.signing import Signing
from strongroom.audit.ledger.verify import Trust, outcome, verify
from strongroom.errors import Unavailable
from strongroom.store import Store

log = logging.getLogger(__name__)


def keeper(store: Store, signing: Signing, record: Callable[[Event], None]) -> Keeper:
    """Signs, copies and verifies as the owner of the ledger has decided; not started yet.

    :param record: logs an event, of no request
    :raises SettingsError: when a place for copies is none
    """

    def verified() -> str | None:
        key = signing.find_key(store)
        lost = lost_keys(signing.key_path(store))
        trust = Trust.of_database() if key is None else Trust.of_machine(key, lost)
        report = verify(store, trust=trust)
        try:
            record(outcome(report))
        except Unavailable as error:  # the verdict stands all the same
            log.warning("the verification could not be recorded: %s", error)
        return report.failure

    return Keeper(
        store,
        key=lambda: signing.load_key(store),
        anchor=lambda: Anchor(signing.anchor_path(store)),
        copies=Copies(store, signing.copies),
        record=record,
        verify=verified,
        verify_seconds=signing.verify_seconds,
    )

"""The keeper of an audit log's ledger, put together."""

from __future__ import annotations

from collections.abc import Callable

from strongroom.audit.events import Event
from strongroom.audit.ledger.copies import Copies
from strongroom.audit.ledger.keeper import Keeper
from strongroom.audit.ledger.signing import Signing
from strongroom.audit.ledger.verify import Trust, outcome, verify
from strongroom.store import Store


def keeper(store: Store, signing: Signing, record: Callable[[Event], None]) -> Keeper:
    """Signs, copies and verifies as the owner of the ledger has decided; not started yet.

    :param record: logs an event, of no request
    :raises SettingsError: when a place for copies is none
    """

    def verified() -> str | None:
        key = signing.find_key(store)
        trust = Trust.of_database() if key is None else Trust.of_machine(key)
        report = verify(store, trust=trust)
        record(outcome(report))
        return report.failure

    return Keeper(
        store,
        key=lambda: signing.load_key(store),
        copies=Copies(store, signing.copies),
        record=record,
        verify=verified,
        verify_seconds=signing.verify_seconds,
    )

"""What the latest verification came to, for every process to see: ``/readyz`` turns red by it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from strongroom.audit.ledger.tables import ledger_verdict
from strongroom.store import Store


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the ledger held when it was last looked at.

    :param checked_at: microseconds since 1970-01-01 UTC
    :param failure: why it does not hold; None when it does
    """

    checked_at: int
    failure: str | None


def read_verdict(store: Store) -> Verdict | None:
    """The latest verdict; None when nothing was verified yet."""
    with store.read() as connection:
        row = connection.execute(select(ledger_verdict)).first()
    return None if row is None else Verdict(row.checked_at, row.failure)


def write_verdict(store: Store, failure: str | None) -> None:
    """Put this verdict in the place of the one before.

    :raises Unavailable: when the database cannot be written
    """
    now = time.time_ns() // 1000

    def unit(connection: Connection) -> None:
        connection.execute(delete(ledger_verdict))
        connection.execute(
            insert(ledger_verdict), {"number": 1, "checked_at": now, "failure": failure}
        )

    store.write(unit)

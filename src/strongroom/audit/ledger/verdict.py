"""Whether the evidence held when it was last looked at, for every process to see.

Three look, each at its own time: verification, signing, and the comparison with the copies held
elsewhere. Each has a row of its own, so that no good news of one covers the bad news of another;
``/readyz`` is red while any of them has bad news.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import IntEnum

from sqlalchemy import Connection, delete, insert, select

from strongroom.audit.ledger.tables import ledger_verdict
from strongroom.store import Store


class Looked(IntEnum):
    """Who has looked; the number of the row."""

    VERIFICATION = 1
    SIGNING = 2
    COPIES = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the ledger held when it was last looked at.

    :param checked_at: microseconds since 1970-01-01 UTC
    :param failure: why it does not hold; None when it does
    """

    checked_at: int
    failure: str | None


def read_verdict(store: Store, looked: Looked | None = None) -> Verdict | None:
    """The verdict; None when nobody has looked yet.

    :param looked: whose; without it the latest bad one of all, or the latest if all are good
    """
    wanted = select(ledger_verdict)
    if looked is not None:
        wanted = wanted.where(ledger_verdict.c.number == looked.value)
    with store.read() as connection:
        rows = connection.execute(wanted).all()
    verdicts = [Verdict(row.checked_at, row.failure) for row in rows]
    return max(
        verdicts, key=lambda found: (found.failure is not None, found.checked_at), default=None
    )


def write_verdict(store: Store, failure: str | None, looked: Looked = Looked.VERIFICATION) -> None:
    """Put this verdict in the place of the one that the same had before.

    :raises Unavailable: when the database cannot be written
    """
    row = {"number": looked.value, "checked_at": time.time_ns() // 1000, "failure": failure}

    def unit(connection: Connection) -> None:
        connection.execute(delete(ledger_verdict).where(ledger_verdict.c.number == looked.value))
        connection.execute(insert(ledger_verdict), row)

    store.write(unit)

"""What somebody does who can write to the database, and not to the files beside it."""

from __future__ import annotations

from sqlalchemy import Connection, delete, update

from strongroom.audit.journal import Journal
from strongroom.audit.journal.tables import journal, journal_head
from strongroom.audit.ledger.tables import ledger_checkpoint, ledger_key, ledger_tile
from strongroom.store import Store
from tests.unit.making import audit_record


def write_anew(store: Store, count: int, *, keys_too: bool = True) -> None:
    """Make so many other records, all right in themselves, and take away what was signed."""

    def unit(connection: Connection) -> None:
        connection.execute(delete(journal).where(journal.c.stream == "audit"))
        audit = journal_head.c.stream == "audit"
        connection.execute(update(journal_head).where(audit).values(next_seq=0, edge=b""))
        for table in (ledger_checkpoint, ledger_tile, *([ledger_key] if keys_too else [])):
            connection.execute(delete(table))

    store.write(unit)
    if count:
        Journal(store).append([audit_record(filename="forged.txt") for _ in range(count)])

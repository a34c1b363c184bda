"""The directory of people: who an opaque ``user_id`` is, for as long as that may be known.

Records hold the id alone, under the ledger's proof; the name is joined when they are read, and is
gone from all of them once its row here is deleted.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Connection, MetaData, String, Table, Text, select
from sqlalchemy.dialects.sqlite import insert

from strongroom.store import Store

MAX_ID: Final = 64
"""Characters of a ``user_id``."""

metadata = MetaData()

person = Table(
    "person",
    metadata,
    Column("user_id", String(MAX_ID), primary_key=True),
    Column("name", Text, nullable=False),
)

_insert: Final = insert(person)
_put: Final = _insert.on_conflict_do_update(
    index_elements=[person.c.user_id], set_={"name": _insert.excluded.name}
)


class People:
    """The directory in one database. Thread-safe; several processes may use it at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, connection: Connection, user_id: str, name: str) -> None:
        """Give somebody a name, or another one; commits with the unit of work.

        :param connection: the unit's
        :raises ValueError: for an id that is empty or longer than :data:`MAX_ID`
        """
        if not 0 < len(user_id) <= MAX_ID:
            raise ValueError(f"a user_id has 1 to {MAX_ID} characters, not {len(user_id)}")
        connection.execute(_put, {"user_id": user_id, "name": name})

    def name_of(self, user_id: str) -> str | None:
        """The name; None where it is not known, or no longer."""
        with self._store.read() as connection:
            found: str | None = connection.scalar(
                select(person.c.name).where(person.c.user_id == user_id)
            )
        return found

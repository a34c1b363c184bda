"""The directory of people: who an opaque ``user_id`` is, for as long as that may be known.

Records hold the id alone, under the ledger's proof; the name is joined when they are read, and is
gone from all of them once its row here is deleted.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Column, Connection, MetaData, String, Table, Text, select
from sqlalchemy.dialects.sqlite import insert

from strongroom.audit.events import Stream
from strongroom.audit.events.fields import Field, Part
from strongroom.store import Store

MAX_ID: Final = 64
"""Characters of a ``user_id``."""

NAMED: Final[Mapping[str, Field]] = MappingProxyType(
    {
        "user_id": Field("user", "text", Part.IMPLIED, "the name of who, while it is known"),
        "target_user_id": Field("target_user", "text", Part.IMPLIED, "the name of whose account"),
    }
)
"""The field that a name is shown in, by the field that holds the id."""

_SHOWN: Final = frozenset(field.name for field in NAMED.values())

_ASKED_AT_ONCE: Final = 500
"""Ids in one statement; old SQLite allows 999."""

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

    def names(self, user_ids: Iterable[str]) -> dict[str, str]:
        """The names by their ids, of those that are known."""
        wanted = set(user_ids)
        if not wanted:
            return {}
        with self._store.read() as connection:
            return names_of(connection, wanted)


def names_of(connection: Connection, user_ids: Iterable[str]) -> dict[str, str]:
    """The names by their ids, of those that are known; one query for 500."""
    found: dict[str, str] = {}
    wanted = sorted(user_ids)
    for start in range(0, len(wanted), _ASKED_AT_ONCE):
        some = person.c.user_id.in_(wanted[start : start + _ASKED_AT_ONCE])
        asked = select(person.c.user_id, person.c.name).where(some)
        found.update((row.user_id, row.name) for row in connection.execute(asked))
    return found


def ids_whose_name(connection: Connection, fits: Callable[[str], bool]) -> frozenset[str]:
    """The ids of all whose name fits; several people may have one name."""
    rows = connection.execute(select(person.c.user_id, person.c.name))
    return frozenset(row.user_id for row in rows if fits(row.name))


def same_name(one: str, other: str) -> bool:
    """Whether people would say it is one name: in any case of letters, however composed."""
    return _folded(one) == _folded(other)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


Record = dict[str, Any]


def with_names(connection: Connection, records: Sequence[Record]) -> list[Record]:
    """The records with the name beside each id, where it is known; one query for all of them."""
    ids = {record[name] for record in records for name in NAMED if has_person(record, name)}
    names = names_of(connection, ids) if ids else {}
    return [_with_names(record, names) for record in records]


def has_person(record: Record, name: str) -> bool:
    """Whether this field names somebody of the directory: other programs' ids are other people's."""
    return record.get("stream") != Stream.IMPORTED and isinstance(record.get(name), str)


def _with_names(record: Record, names: Mapping[str, str]) -> Record:
    found: Record = {}
    for name, value in record.items():
        if name in _SHOWN:
            continue  # a name is never stored, so whoever put this there was not us
        found[name] = value
        if name in NAMED and has_person(record, name) and value in names:
            found[NAMED[name].name] = names[value]
    return found

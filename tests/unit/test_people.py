"""The directory of people."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from strongroom.audit.journal.people import MAX_ID, People
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.store import Store
from strongroom.store.migrate import migrate


@pytest.fixture
def people(store: Store) -> People:
    migrate(store, AUDIT_SCHEMA)
    return People(store)


def test_a_name_is_known_once_it_was_put(store: Store, people: People) -> None:
    assert people.name_of("u-1") is None
    store.write(lambda connection: people.put(connection, "u-1", "Zoë 🦉"))
    store.write(lambda connection: people.put(connection, "u-2", "Zoë 🦉"))
    store.write(lambda connection: people.put(connection, "u-1", "Zoë Owl"))
    assert (people.name_of("u-1"), people.name_of("u-2")) == ("Zoë Owl", "Zoë 🦉")


def test_a_name_is_not_kept_when_its_unit_fails(store: Store, people: People) -> None:
    def unit(connection: Connection) -> None:
        people.put(connection, "u-1", "Ada")
        raise LookupError

    with pytest.raises(LookupError):
        store.write(unit)
    assert people.name_of("u-1") is None


@pytest.mark.parametrize("user_id", ["", "x" * (MAX_ID + 1)])
def test_ids_that_would_not_fit_are_refused(store: Store, people: People, user_id: str) -> None:
    with pytest.raises(ValueError, match="1 to 64"):
        store.write(lambda connection: people.put(connection, user_id, "Ada"))

"""The directory of people."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from strongroom.audit.journal.people import MAX_ID, People, same_name
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


def test_many_names_at_a_time(store: Store, people: People) -> None:
    def unit(connection: Connection) -> None:
        for number in range(1_200):
            people.put(connection, f"u-{number}", f"Person {number}")

    store.write(unit)
    found = people.names(f"u-{number}" for number in range(1, 1_300))
    assert found == {f"u-{number}": f"Person {number}" for number in range(1, 1_200)}
    assert people.names([]) == people.names(["nobody"]) == {}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Zoë", "zoe\u0308", True),
        ("STRASSE", "Straße", True),
        ("Ada", "Ada ", False),
        ("Ada", "\u0410da", False),  # another alphabet's letter
    ],
)
def test_one_name_or_two(one: str, other: str, same: bool) -> None:
    assert same_name(one, other) is same_name(other, one) is same

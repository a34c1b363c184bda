"""A view in a table's place, a trigger, another column: what everything else is read through."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from strongroom.audit.ledger import Ledger
from strongroom.audit.ledger.verify import State, Trust, Verdict, verify, verify_ledger
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.store import Store
from strongroom.store.migrate import migrate
from tests.unit.evidence import KEY, append


@pytest.fixture
def signed(store: Store) -> Store:
    """A database with four signed records."""
    migrate(store, AUDIT_SCHEMA)
    append(store, 4, Ledger(store))
    return store


def alter(store: Store, *statements: str) -> None:
    """Alter it behind the product's back."""
    store.write(lambda connection: [connection.execute(text(item)) for item in statements])


def schema_verdict(store: Store) -> Verdict:
    """What both kinds of verification say of the schema; the same."""
    [whole] = [
        v for v in verify(store, trust=Trust.given([KEY.verifier])).verdicts if v.name == "schema"
    ]
    [part] = [
        v
        for v in verify_ledger(store, trust=Trust.given([KEY.verifier])).verdicts
        if v.name == "schema"
    ]
    assert (whole.state, whole.reason) == (part.state, part.reason)
    return whole


def test_what_the_migrations_made_holds(signed: Store) -> None:
    assert schema_verdict(signed).state is State.HOLDS
    assert verify(signed, trust=Trust.given([KEY.verifier])).holds


def test_what_others_have_made_does_no_harm(signed: Store) -> None:
    alter(
        signed,
        "CREATE TABLE invoice (id INTEGER PRIMARY KEY, journal TEXT)",
        "CREATE TABLE journal_entry (id INTEGER)",
        "CREATE TRIGGER paid AFTER INSERT ON invoice BEGIN DELETE FROM journal_entry; END",
        "CREATE VIEW uploads AS SELECT * FROM journal WHERE event = 'file_uploaded'",
        "CREATE INDEX quicker ON journal (event, seq)",
        "CREATE UNIQUE INDEX twice ON journal (id, seq)",
    )
    assert schema_verdict(signed).state is State.HOLDS


KEPT = "CREATE TABLE ledger_verdict AS SELECT * FROM v2"
NULLS = "UPDATE ledger_verdict SET failure = NULL"

TRICKS = {
    "a view in the journal's place": (
        ["ALTER TABLE journal RENAME TO j2", "CREATE VIEW journal AS SELECT * FROM j2"],
        "journal is a view",
    ),
    "a view that takes what is written": (
        [
            "ALTER TABLE ledger_verdict RENAME TO v2",
            "CREATE VIEW Ledger_Verdict AS SELECT * FROM v2",
            "CREATE TRIGGER t INSTEAD OF INSERT ON ledger_verdict BEGIN SELECT 1; END",
        ],
        "view|trigger",
    ),
    "a trigger that undoes verdicts": (
        [f"CREATE TRIGGER t AFTER INSERT ON ledger_verdict BEGIN {NULLS}; END"],
        "trigger 't'",
    ),
    "a trigger on another table": (
        [
            "CREATE TABLE other (id INTEGER)",
            "CREATE TRIGGER t AFTER INSERT ON other BEGIN DELETE FROM Journal; END",
        ],
        "trigger 't'",
    ),
    "no unique ids": (["DROP INDEX journal_by_id"], "nothing keeps id of journal unique"),
    "ids unique in part": (
        [
            "DROP INDEX journal_by_id",
            "CREATE UNIQUE INDEX journal_by_id ON journal (id) WHERE seq > 2",
        ],
        "nothing keeps id of journal unique",
    ),
    "a table made anew": (
        ["ALTER TABLE ledger_verdict RENAME TO v2", KEPT],
        "column .* of ledger_verdict is of another kind",
    ),
    "a table gone": (["DROP TABLE ledger_copy"], "no table ledger_copy"),
    "the version gone": (["DROP TABLE audit_schema_version"], "no table audit_schema_version"),
    "another column": (
        ["ALTER TABLE journal ADD COLUMN note TEXT"],
        "journal has a column 'note'",
    ),
    "a column gone": (
        ["ALTER TABLE ledger_key DROP COLUMN handover"],
        "ledger_key has no column handover",
    ),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_what_must_not_be(signed: Store, trick: str) -> None:
    statements, reason = TRICKS[trick]
    alter(signed, *statements)
    found = schema_verdict(signed)
    assert found.state is State.FAILS
    assert found.reason is not None
    assert re.search(reason, found.reason), found.reason

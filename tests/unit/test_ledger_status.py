"""What is said of the ledger wherever evidence is shown."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, update

from strongroom.audit.ledger import Ledger, Signed
from strongroom.audit.ledger.copies import Copy
from strongroom.audit.ledger.status import ALONE, Assurance, counted, moment_text
from strongroom.audit.ledger.tables import ledger_checkpoint, ledger_copy
from strongroom.audit.ledger.verdict import write_verdict
from strongroom.audit.merkle import Checkpoint
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.store import Store
from strongroom.store.migrate import migrate
from tests.unit.evidence import KEY, append

SECOND = 1_000_000
NOW = 1_800_000_000 * SECOND
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86400 * SECOND


def signed(size: int, age: int = 3 * SECOND) -> Signed:
    """A checkpoint of so many records."""
    head = Checkpoint(KEY.name, size, b"r" * 32)
    return Signed(size, head.root, NOW - age, head.sign(KEY))


def held(place: str, size: int | None, age: int = 0, error: str | None = None) -> Copy:
    """What a place holds."""
    return Copy(place, size, None if size is None else NOW - age, error)


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (0, "0 s"), (-5 * SECOND, "0 s"), (SECOND - 1, "0 s"), (59 * SECOND, "59 s"),
        (MINUTE, "1 min"), (HOUR - 1, "59 min"), (HOUR, "1 h"), (DAY - 1, "23 h"),
        (DAY, "1 day"), (2 * DAY, "2 days"), (4000 * DAY, "4,000 days"),
    ],
)  # fmt: skip
def test_ages(age: int, text: str) -> None:
    assert Assurance(None, [], NOW).age(NOW - age) == text


def test_who_holds_a_copy() -> None:
    newest = signed(12_400)
    assert Assurance(newest, [], NOW).held() == ALONE
    assert Assurance(newest, [held("a", None, error="refused")], NOW).held() == ALONE
    one = Assurance(newest, [held("a", 12_000, 2 * MINUTE)], NOW)
    assert one.held() == one.held(11_999) == "copy held at a, 2 min old"
    assert one.held(12_000) == f"{ALONE}; the copies held elsewhere are older than this record"
    more = [held("a", 12_000, HOUR), held("b", 12_400, SECOND), held("c", 5, DAY)]
    several = Assurance(newest, more, NOW)
    assert several.held() == "copy held at b, 1 s old, and at 2 more places"
    assert several.held(11_000) == "copy held at b, 1 s old, and at 1 more place"
    assert several.held(12_399) == "copy held at b, 1 s old"


@pytest.mark.parametrize(
    ("assurance", "standing", "seal"),
    [
        (Assurance(None, [], NOW), "none", "nothing is sealed yet"),
        (Assurance(signed(1), [], NOW), "alone", f"1 record sealed · {ALONE}"),
        (
            Assurance(signed(12_400), [held("a", 9, MINUTE)], NOW),
            "held",
            "12,400 records sealed · copy held at a, 1 min old",
        ),
        (Assurance(signed(9), [], NOW, "x"), "wrong", "the evidence does not hold: verify it"),
    ],
)
def test_the_seal(assurance: Assurance, standing: str, seal: str) -> None:
    assert (assurance.standing, assurance.seal) == (standing, seal)


@pytest.mark.parametrize(
    ("place", "shown"),
    [("x" * 40, "x" * 40), ("/mnt/" + "y" * 50 + "/end", "…" + "y" * 35 + "/end")],
)
def test_long_names_of_places_are_cut_in_the_seal(place: str, shown: str) -> None:
    assurance = Assurance(signed(2), [held(place, 1, MINUTE)], NOW)
    assert assurance.seal == f"2 records sealed · copy held at {shown}, 1 min old"
    assert place in assurance.held()
    assert place in assurance.sentence


def test_in_one_sentence() -> None:
    copies = [held("a", 9, MINUTE), held("b", None, error="TimeoutError: timed out")]
    assert Assurance(signed(9), copies, NOW).sentence == (
        "checkpoint of 9 records signed 3 s ago · copy held at a, 1 min old\n"
        "not copied to b: TimeoutError: timed out"
    )
    assert Assurance(None, [], NOW, "cut").sentence == (
        "nothing is signed yet\nthe evidence does not hold: cut"
    )


def test_it_is_read_from_the_database(store: Store) -> None:
    migrate(store, AUDIT_SCHEMA)
    assert Assurance.load(store).standing == "none"
    append(store, 3, Ledger(store))
    row = {"place": "a", "size": 2, "copied_at": 5, "error": None}
    store.write(lambda connection: connection.execute(insert(ledger_copy), row))
    assert (Assurance.load(store).copies, Assurance.load(store).standing) == ([], "alone")
    here = str(store.path.parent / "copies")
    row = {"place": here, "size": 3, "copied_at": 9, "error": None}
    store.write(lambda connection: connection.execute(insert(ledger_copy), row))
    found = Assurance.load(store, [here])
    assert (found.standing, found.held()) == (
        "alone",
        f"{ALONE}; its copies are on this machine too",
    )
    found = Assurance.load(store, ["a"])
    assert (found.newest, found.size) == (Ledger(store).newest(), 3)
    assert (found.copies, found.standing) == ([Copy("a", 2, 5, None)], "held")
    write_verdict(store, "record 1 is missing")
    assert Assurance.load(store).failure == "record 1 is missing"
    write_verdict(store, None)
    assert Assurance.load(store).failure is None


def test_a_damaged_checkpoint_is_its_finding(store: Store) -> None:
    migrate(store, AUDIT_SCHEMA)
    append(store, 3, Ledger(store))
    harm = update(ledger_checkpoint).values(note=b"x")
    store.write(lambda connection: connection.execute(harm))
    found = Assurance.load(store)
    assert (found.standing, found.newest) == ("wrong", None)
    assert found.failure is not None
    assert "checkpoint of 3" in found.failure


def test_words() -> None:
    assert [counted(n, "record") for n in (0, 1, 1_000)] == [
        "0 records",
        "1 record",
        "1,000 records",
    ]
    assert moment_text(0) == "1970-01-01T00:00:00.000000Z"
    assert moment_text(NOW + 42) == "2027-01-15T08:00:00.000042Z"

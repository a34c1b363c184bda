"""Whatever is altered behind the product's back, `verify` or a copy held elsewhere shows it.

The table in docs/design/tamper-matrix.md is made from the same list: `python -m tests.fault.matrix` writes it.
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from strongroom.audit.ledger.verify import Report, State, Trust, verify
from strongroom.store import Store
from tests.fault.attacks import LARGE, SMALL, Attack
from tests.fault.matrix import FLIPS, PAGE, large, page, small
from tests.fault.tampering import NEW, OLD, Ledgered

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def small_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledgered]:
    made = small(tmp_path_factory.mktemp("small"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def large_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledgered]:
    made = large(tmp_path_factory.mktemp("large"))
    yield made
    made.close()


def failing(report: Report) -> set[str]:
    return {verdict.name for verdict in report.verdicts if verdict.state is State.FAILS}


SOAK = bool(os.environ.get("STRONGROOM_SOAK"))


def check(database: Ledgered, attack: Attack, every: int = 1) -> None:
    """Try the cases of an attack, or every so manieth of them."""
    newest = list(database.checkpoints.items())[-1:]
    held = [(f"copy of {size}", note) for size, note in newest]
    for number, harm in enumerate(attack.cases(database)):
        if number % every:
            continue
        harm(database)
        report = database.verify(against=held if attack.by_copy and not attack.noticed_by else ())
        failed = failing(report)
        if attack.noticed_by:
            assert failed & attack.noticed_by, (number, report.verdicts)
        elif attack.by_copy:
            assert failed == {"against"}, (number, report.verdicts)
        if attack.by_copy:
            by_itself = database.verify(Trust.of_database())
            assert by_itself.holds, (number, by_itself.failure)
            assert "against" in failing(database.verify(Trust.of_database(), held))
        elif not attack.noticed_by:
            assert report.holds, (number, report.failure)
        database.put_back()
    assert database.verify(against=held).holds


@pytest.mark.parametrize("attack", SMALL, ids=lambda attack: attack.name)
def test_every_byte(small_one: Ledgered, attack: Attack) -> None:
    """Every thirteenth here, to keep the suite short; `make soak` tries them all."""
    check(small_one, attack, every=1 if SOAK else 13)


@pytest.mark.parametrize("attack", LARGE, ids=lambda attack: attack.name)
def test_three_thousand_records(large_one: Ledgered, attack: Attack) -> None:
    """The first here, and every third after it."""
    check(large_one, attack, every=1 if SOAK else 3)


@pytest.mark.parametrize("trust", [[OLD], [NEW], [OLD, NEW]])
def test_the_untouched_database_holds(
    small_one: Ledgered, large_one: Ledgered, trust: list[object]
) -> None:
    keys = [key.verifier for key in (OLD, NEW) if key in trust]
    for database in (small_one, large_one):
        held = [(f"copy of {size}", note) for size, note in database.checkpoints.items()]
        report = database.verify(Trust.given(keys), held)
        assert report.holds, report.failure
        assert report.size == database.size
        assert report.signed_size == list(database.checkpoints)[-1]
        without = {verdict.name for verdict in report.verdicts if not verdict.count}
        assert without == {"imported", "segments", "pruned", "dropped", "forgotten"}


def test_bytes_of_the_file(small_one: Ledgered, tmp_path: Path) -> None:
    """Whichever byte of the file is flipped: it shows, or no evidence is another than it was."""
    whole, path = tmp_path / "whole.db", tmp_path / "flipped.db"
    with closing(sqlite3.connect(whole)) as made:
        small_one.pristine.backup(made)
    content = whole.read_bytes()
    choose = random.Random(20_261_124)
    seen = Counter[str]()
    for _ in range(FLIPS):
        flipped = bytearray(content)
        flipped[choose.randrange(len(content))] ^= 1 << choose.randrange(8)
        for leftover in tmp_path.glob("flipped.db*"):
            leftover.unlink()
        path.write_bytes(flipped)
        store = Store(f"sqlite:///{path}")
        try:
            holds = verify(store, trust=Trust.given([OLD.verifier])).holds
        except DBAPIError:
            seen["cannot be opened"] += 1
            continue
        finally:
            store.close()
        seen["holds" if holds else "fails"] += 1
        assert not holds or evidence(path) == evidence(whole)
    assert min(seen["fails"], seen["holds"]) > 10, seen


def evidence(path: Path) -> list[object]:
    """All that is stored of what verification covers."""
    with closing(sqlite3.connect(path)) as database:
        return [database.execute(wanted).fetchall() for wanted in EVIDENCE]


EVIDENCE = (
    "SELECT * FROM journal WHERE stream = 'audit' ORDER BY seq",
    "SELECT stream, seq, id, timestamp, level, event FROM journal ORDER BY 1, 2",
    "SELECT * FROM journal_head ORDER BY 1",
    "SELECT * FROM ledger_tile ORDER BY 1, 2",
    "SELECT size, note FROM ledger_checkpoint ORDER BY 1",
    "SELECT * FROM ledger_key ORDER BY 1",
)


def test_the_page_tells_what_is_tried(small_one: Ledgered, large_one: Ledgered) -> None:
    assert PAGE.read_text("utf-8") == page(small_one, large_one), "python -m tests.fault.matrix"

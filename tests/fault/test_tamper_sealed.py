"""The tamper matrix with the records sealed: whatever is altered in files or index, `verify` shows it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from tests.fault import sealed
from tests.fault.attacks import LARGE, Attack, ledger
from tests.fault.sealed import Harm, SealedLedgered
from tests.fault.test_tamper_matrix import check

SOAK = bool(os.environ.get("STRONGROOM_SOAK"))
CASES = 2_000 if SOAK else 1
"""Bytes tried of each file, besides those at its ends."""
ENDS = 64 if SOAK else 1
EVERY = 1 if SOAK else 29
STEP = 1 if SOAK else 3
"""Of the alterations of files and index, each so manieth is tried."""

OF_LEDGER = [
    attack
    for attack in LARGE
    if attack in vars(ledger).values() and attack is not ledger.taken_over
]
"""All but the one that counts on the journal's ending with a record of its own."""

pytestmark = [pytest.mark.fault, pytest.mark.timeout(7_200 if SOAK else 600)]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SealedLedgered]:
    made = SealedLedgered(tmp_path_factory.mktemp("sealed") / "large.db")
    yield made
    made.close()


def test_untouched_it_holds(database: SealedLedgered) -> None:
    report = database.verify()
    assert report.holds, report.failure
    assert report.size == database.size + len(sealed.SPANS)  # each sealing was recorded
    (verdict,) = (found for found in report.verdicts if found.name == "segments")
    assert verdict.count == len(sealed.SPANS)
    assert sealed.sealed_rows(database) == 0


@pytest.mark.parametrize("cases", [sealed.files, sealed.index, sealed.boundary, sealed.rewritten])
def test_altered(
    database: SealedLedgered,
    cases: Callable[[SealedLedgered], Iterator[tuple[str, Harm]]],
) -> None:
    detected(database, islice(cases(database), None, None, STEP))


def test_single_bytes(database: SealedLedgered) -> None:
    detected(database, sealed.single_bytes(database, CASES, ENDS))


@pytest.mark.parametrize("attack", OF_LEDGER, ids=lambda attack: attack.name)
def test_ledger_altered(database: SealedLedgered, attack: Attack) -> None:
    check(database, attack, every=EVERY)


def detected(database: SealedLedgered, cases: Iterator[tuple[str, Harm]]) -> None:
    """Each case makes verification fail, and nothing else of it does."""
    tried = 0
    for name, harm in cases:
        tried += 1
        harm(database)
        report = database.verify()
        assert not report.holds, name
        database.put_back()
    assert tried
    report = database.verify()
    assert report.holds, report.failure

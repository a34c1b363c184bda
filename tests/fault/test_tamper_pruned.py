"""The tamper matrix with records pruned and addresses dropped: `verify` shows it all the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice

import pytest

from tests.fault import pruned, sealed
from tests.fault.attacks import Attack
from tests.fault.pruned import PrunedLedgered
from tests.fault.test_tamper_matrix import check
from tests.fault.test_tamper_sealed import OF_LEDGER, detected

SOAK = bool(os.environ.get("STRONGROOM_SOAK"))
CASES = 2_000 if SOAK else 1
ENDS = 64 if SOAK else 1
EVERY = 1 if SOAK else 29
STEP = 1 if SOAK else 4
"""Of the alterations of rows and index, each so manieth is tried."""

pytestmark = [pytest.mark.fault, pytest.mark.timeout(7_200 if SOAK else 600)]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrunedLedgered]:
    made = PrunedLedgered(tmp_path_factory.mktemp("pruned") / "large.db")
    yield made
    made.close()


def test_untouched_it_holds(database: PrunedLedgered) -> None:
    report = database.verify()
    assert report.holds, report.failure
    counts = {verdict.name: verdict.count for verdict in report.verdicts}
    assert (counts["pruned"], counts["dropped"], counts["segments"]) == (1, 1, 3)
    # Each sealing was recorded, one of another generation, the pruning and the dropping.
    assert report.size == database.size + len(sealed.SPANS) + 3
    assert counts["sequence"] == report.size - pruned.PRUNED.count


def test_rows_altered(database: PrunedLedgered) -> None:
    detected(database, islice(pruned.rows(database), None, None, STEP))


def test_index_altered(database: PrunedLedgered) -> None:
    detected(database, islice(sealed.index(database), None, None, STEP))


def test_single_bytes(database: PrunedLedgered) -> None:
    detected(database, sealed.single_bytes(database, CASES, ENDS))


@pytest.mark.parametrize("attack", OF_LEDGER, ids=lambda attack: attack.name)
def test_ledger_altered(database: PrunedLedgered, attack: Attack) -> None:
    check(database, attack, every=EVERY)

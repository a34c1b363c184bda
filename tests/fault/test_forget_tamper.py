"""The tamper matrix with records partly forgotten: `verify` shows it all the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice

import pytest

from tests.fault import forgotten, sealed
from tests.fault.attacks import Attack
from tests.fault.forgotten import THEIRS, ForgottenLedgered
from tests.fault.test_tamper_matrix import check
from tests.fault.test_tamper_sealed import OF_LEDGER, detected

SOAK = bool(os.environ.get("STRONGROOM_SOAK"))
CASES = 2_000 if SOAK else 1
ENDS = 64 if SOAK else 1
EVERY = 1 if SOAK else 53
STEP = 1 if SOAK else 17
"""Of the alterations of files and index, each so manieth is tried."""

pytestmark = [pytest.mark.fault, pytest.mark.timeout(7_200 if SOAK else 600)]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForgottenLedgered]:
    made = ForgottenLedgered(tmp_path_factory.mktemp("forgotten") / "large.db")
    yield made
    made.close()


def test_untouched_it_holds(database: ForgottenLedgered) -> None:
    report = database.verify()
    assert report.holds, report.failure
    counts = {verdict.name: verdict.count for verdict in report.verdicts}
    assert counts["forgotten"] == 2 * len(THEIRS)


def test_lists_altered(database: ForgottenLedgered) -> None:
    """The list cannot be extended, and no other part may be missing."""
    detected(database, forgotten.lists(database))


def test_files_and_index_altered(database: ForgottenLedgered) -> None:
    for cases in (sealed.index(database), sealed.rewritten(database)):
        detected(database, islice(cases, None, None, STEP))
    detected(database, islice(sealed.single_bytes(database, CASES, ENDS), None, None, STEP))


@pytest.mark.parametrize("attack", OF_LEDGER[:: 1 if SOAK else 12], ids=lambda attack: attack.name)
def test_ledger_altered(database: ForgottenLedgered, attack: Attack) -> None:
    check(database, attack, every=EVERY)

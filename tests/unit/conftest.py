"""Fixtures of the unit tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from strongroom.audit.journal import Journal
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.store import Store
from strongroom.store.migrate import migrate
from tests.unit.making import Capture, capturing


@pytest.fixture
def journal(store: Store) -> Journal:
    """A journal in an empty database."""
    migrate(store, AUDIT_SCHEMA)
    return Journal(store)


@pytest.fixture
def capture() -> Iterator[Capture]:
    """What ``structlog.get_logger()`` logs during the test."""
    with capturing() as captured:
        yield captured

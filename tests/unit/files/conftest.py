"""Fixtures of the tests of the file service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.store import Store
from tests.unit.files.cabinet import Cabinet


@pytest.fixture
def cabinet(store: Store, tmp_path: Path) -> Iterator[Cabinet]:
    """Empty at first; what always holds is checked at the end."""
    made = Cabinet(store, tmp_path)
    yield made
    made.check()
    made.audit.close()

"""Object stores, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.objects import ObjectStore
from tests.contract.stores import STORES


@pytest.fixture(params=list(STORES))
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def reopen(kind: str, tmp_path: Path) -> Callable[[], ObjectStore]:
    """Opens the store as another process would."""
    return lambda: STORES[kind](tmp_path / "objects")


@pytest.fixture
def objects(reopen: Callable[[], ObjectStore]) -> ObjectStore:
    return reopen()

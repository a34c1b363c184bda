"""Fixtures of the tests of retention."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.retention.sealed import history
from tests.unit.sealing.sealed import Log


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that each test gets a copy of."""
    folder = tmp_path_factory.mktemp("history") / "pristine"
    folder.mkdir()
    history(folder).store.close()
    return folder


@pytest.fixture
def log(pristine: Path, tmp_path: Path) -> Iterator[Log]:
    """A sealed history."""
    folder = tmp_path / "copy"
    shutil.copytree(pristine, folder)
    made = Log(f"sqlite:///{folder / 'log.db'}")
    yield made
    made.store.close()

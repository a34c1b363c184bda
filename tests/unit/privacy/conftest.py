"""Fixtures of the tests of privacy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.privacy.office import Office


@pytest.fixture(scope="session")
def pristine_office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that each test gets a copy of."""
    folder = tmp_path_factory.mktemp("office") / "pristine"
    folder.mkdir()
    made = Office(folder)
    made.begin()
    made.store.close()
    return folder


@pytest.fixture
def office(pristine_office: Path, tmp_path: Path) -> Iterator[Office]:
    """Two people, two segments of each stream, and a journal."""
    folder = tmp_path / "data"
    shutil.copytree(pristine_office, folder)
    made = Office(folder)
    yield made
    made.store.close()


@pytest.fixture(scope="session")
def forgotten_office(
    pristine_office: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    """The same once she is forgotten, for tests that change nothing."""
    folder = tmp_path_factory.mktemp("forgotten") / "data"
    shutil.copytree(pristine_office, folder)
    made = Office(folder)
    assert made.forget().waits is None
    yield made
    made.store.close()

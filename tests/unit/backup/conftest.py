"""Fixtures of the tests of backups."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.backup.office import Office, told


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Empty at first."""
    made = Office(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled installation and a backup of it, to be copied."""
    folder = tmp_path_factory.mktemp("made")
    office = Office(folder / "data")
    office.fill()
    told(office.run("backup", folder / "backup", "--json"))
    office.close()
    return folder


@pytest.fixture
def filled(_made: Path, tmp_path: Path) -> Path:
    """A folder with ``data``, a filled installation, and ``backup``, a backup of it."""
    for name in ("data", "backup"):
        shutil.copytree(_made / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def backup(filled: Path) -> Path:
    """A backup of the filled installation, without the signing key."""
    return filled / "backup"

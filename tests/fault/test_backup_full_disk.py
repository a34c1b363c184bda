"""A disk that becomes full while a backup is made, or put back: nothing half stays."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from strongroom.backup.making import Backup
from strongroom.backup.model import Wishes
from strongroom.backup.restoring import Restoration
from strongroom.backup.source import Source
from strongroom.cli.restore import _where
from strongroom.errors import Unavailable
from strongroom.settings import load
from tests.serving import Installation
from tests.unit.backup.office import Office

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]

MIB = 1024 * 1024


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Some 6 MiB in 60 files."""
    made = Office(tmp_path / "data")
    for number in range(60):
        made.put(f"/a/{number}.bin", bytes([number]) * 100_000)
    made.sign()
    yield made
    made.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, in memory, that is small."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={96 * MIB}", "strongroom-test", str(path)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


class Ballast:
    """Fills the disk when it is told of a step."""

    def __init__(self, disk: Path, step: str) -> None:
        self.path = disk / "ballast"
        self.step = step

    def show(self, step: str, done: int, _total: int) -> None:
        """A progress: what is done is behind us, so the disk fills in the middle."""
        if step == self.step and done and not self.path.exists():
            with suppress(OSError), self.path.open("wb", buffering=0) as file:
                for size in (MIB, 4_096):
                    with suppress(OSError):
                        while file.write(bytes(size)):
                            pass


@pytest.mark.parametrize("step", ["files", "database"])
def test_the_disk_becomes_full_while_it_is_made(office: Office, disk: Path, step: str) -> None:
    office.log(40_000 if step == "database" else 1)  # more than is copied in one step
    ballast = Ballast(disk, step)
    source = Source(office.store, office.settings.objects_folder)
    with pytest.raises((OSError, Unavailable)):
        Backup(source, disk / "backup", progress=ballast.show).make()
    assert {path.name for path in disk.iterdir()} == {"ballast"}
    ballast.path.unlink()
    Backup(source, disk / "backup").make()


@pytest.mark.parametrize("step", ["files", "verifying"])
def test_the_disk_becomes_full_while_it_is_put_back(
    office: Office, disk: Path, tmp_path: Path, step: str
) -> None:
    assert office.run("backup", tmp_path / "backup").exit_code == 0
    target, machine, elsewhere = _where(load(data=disk / "back"), ())
    ballast = Ballast(disk, step)
    wishes = Wishes()
    with pytest.raises((OSError, Unavailable)):
        Restoration(
            tmp_path / "backup", target, machine, elsewhere, wishes, progress=ballast.show
        ).run()
    left = {path.name for path in (disk / "back").rglob("*")}
    assert left <= {"objects", "server.lock"}
    ballast.path.unlink()
    Installation(disk / "back").run("restore", str(tmp_path / "backup"))

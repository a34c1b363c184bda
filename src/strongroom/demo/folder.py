"""Where a demo lives: in a folder of its own, which goes when the server has ended, or is kept."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from strongroom.errors import SettingsError

MARK: Final = "demo"
"""A file in the folder that says what it is."""


@contextmanager
def demo_folder(kept: Path | None) -> Iterator[Path]:
    """The folder of a demo.

    :param kept: which it shall be, and stay; without it, one that is removed at the end, by the
        process that made it alone
    :raises SettingsError: when there is something else in it
    """
    if kept is not None:
        check_free(kept)
        yield kept
        return
    folder, maker = Path(tempfile.mkdtemp(prefix="strongroom-demo-")), os.getpid()
    try:
        yield folder
    finally:
        if os.getpid() == maker:  # a worker that ends is not the end
            shutil.rmtree(folder, ignore_errors=True)


def check_free(folder: Path) -> None:
    """Whether a folder can hold a demo.

    :raises SettingsError: when there is something else in it
    """
    if folder.is_dir() and any(folder.iterdir()) and not is_filled(folder):
        raise SettingsError(
            f"data: {folder.absolute()} holds something else, which a demo must not be mixed with; "
            "name an empty folder, or leave --data out"
        )


def is_filled(folder: Path) -> bool:
    """Whether it holds a whole demo."""
    return (folder / MARK).is_file()


def mark_filled(folder: Path) -> None:
    """Say so."""
    (folder / MARK).write_text("Made-up data of strongroom serve --demo.\n")

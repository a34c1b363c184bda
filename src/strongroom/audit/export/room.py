"""Where an export keeps what it prepares: beside the database, for as long as it runs."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from strongroom.store import Store


@contextmanager
def working_folder(store: Store) -> Iterator[Path]:
    """An empty folder that nobody else may read; gone with all in it when the block ends.

    A crash leaves it. The next export removes it, since nobody holds the lock on it any more.

    :raises OSError: when it cannot be made
    """
    parent = store.path.absolute().with_name(store.path.name + ".exports")
    parent.mkdir(mode=0o700, exist_ok=True)
    with ExitStack() as stack:
        with _locked(parent):  # else another one might remove the folder before it is locked
            _remove_leftovers(parent)
            folder = Path(mkdtemp(dir=parent))
            stack.enter_context(_locked(folder))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        yield folder


def _remove_leftovers(parent: Path) -> None:
    """Remove the folders of exports that have ended without removing them."""
    for folder in parent.iterdir():
        with suppress(OSError), _locked(folder, fcntl.LOCK_NB):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path, how: int = 0) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | how)
        yield
    finally:
        os.close(descriptor)

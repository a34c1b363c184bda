"""The folder that a backup is written in before it has its name: nobody can take it for a whole one."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strongroom.backup.copying import sync_folders
from strongroom.errors import SettingsError
from strongroom.objects.folders import sync_folder


@contextmanager
def staging(target: Path) -> Iterator[Path]:
    """A new folder beside the target, which gets its name when the block ends, and not otherwise.

    What a killed process has left of such a folder is removed; that of a running one is not.

    :raises SettingsError: when there is something under the target's name
    :raises OSError: when it cannot be made or named
    """
    prefix = f".{target.name}.partial-"
    for path in target.parent.iterdir():
        if path.name.startswith(prefix) and path.is_dir() and not path.is_symlink():
            _remove_left(path)
    folder = target.with_name(f"{prefix}{secrets.token_hex(4)}")
    folder.mkdir(mode=0o700)
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
        sync_folders(folder)
        check_free(target)  # a rename would replace an empty folder
        folder.rename(target)
        sync_folder(target.parent)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        os.close(held)


def check_free(target: Path) -> None:
    """Whether the name is free.

    :raises SettingsError: when it is not
    """
    if os.path.lexists(target):
        raise SettingsError(f"there is {target} already; a backup is a new folder: name another")


def _remove_left(folder: Path) -> None:
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    except BlockingIOError:
        return
    finally:
        os.close(held)

"""Files that are not in the index any more stay while somebody reads what was in it before.

A verification reads one state of the database for minutes. A segment that is pruned or written anew
meanwhile leaves the index at once, but its files stay until no such reader is left.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from strongroom.store import Store


@contextmanager
def reading(store: Store) -> Iterator[None]:
    """No file that the index names when this begins is removed before it ends.

    Enter it before the transaction in which the index is read. Where its lock cannot be opened, as by
    another user, files may go meanwhile.
    """
    try:
        descriptor = _open(store)
    except OSError:
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def remove_unread(store: Store, paths: Iterable[Path]) -> bool:
    """Remove files that the index does not name any more, unless somebody may be reading them.

    :returns: False when they stay for now; whoever tidies up finds them
    :raises OSError: when one cannot be removed
    """
    descriptor = _open(store)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        for path in paths:
            path.unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)


def _open(store: Store) -> int:
    path = store.path.with_name(store.path.name + ".readers")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

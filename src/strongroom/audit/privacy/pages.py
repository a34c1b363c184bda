"""The database's files: its log of changes emptied, its free pages gone.

Sources: https://sqlite.org/wal.html, https://sqlite.org/walformat.html#the_wal_index_file_format (the
bytes of the index that readers lock), https://sqlite.org/lang_vacuum.html.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from strongroom.errors import Unavailable
from strongroom.store import Store
from strongroom.store.lock import FairLock

_FIRST_READER: Final = 124
_LAST_READER: Final = 127
"""Bytes of the WAL's index that whoever reads the WAL locks, one of them."""

_PAUSE: Final = 0.1


def empty_log(store: Store, seconds: float) -> bool:
    """Move everything from the WAL into the database, and cut it to nothing; whether that was done.

    It waits for whoever reads what the WAL has, since they need it.

    :param seconds: to try
    """
    until = time.monotonic() + seconds
    with closing(_open(store)) as connection:
        while True:
            try:
                busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.OperationalError:
                busy = 1
            if not busy:
                return True
            if time.monotonic() > until:
                return False
            time.sleep(_PAUSE)


def write_anew(store: Store) -> None:
    """Write the database anew (VACUUM): what was deleted before is not in it any more.

    Everybody who wants to write waits meanwhile; a temporary copy of the database is made.

    :raises Unavailable: when there is no room for it
    """
    lock = FairLock(store.lock_path)
    try:
        with lock.held(), closing(_open(store)) as connection:
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute("VACUUM")
    except sqlite3.Error as error:
        raise Unavailable(f"the database could not be written anew: {error}") from error
    finally:
        lock.close()


def readers(store: Store) -> list[int]:
    """The processes that read the WAL at this moment, as far as this machine tells (Linux)."""
    index = Path(f"{store.path}-shm")
    found = set[int]()
    with suppress(OSError):
        node = index.stat().st_ino
        for line in Path("/proc/locks").read_text().splitlines():
            words = line.split()
            # 1: POSIX ADVISORY READ 4711 08:01:123456 124 124
            if (
                len(words) == 8 and words[1] == "POSIX" and words[5].endswith(f":{node}")
            ):  # see above
                first = int(words[6])
                if _FIRST_READER <= first <= _LAST_READER and words[4] != str(os.getpid()):
                    found.add(int(words[4]))
    return sorted(found)


def _open(store: Store) -> sqlite3.Connection:
    return sqlite3.connect(store.path, isolation_level=None, timeout=0.2)

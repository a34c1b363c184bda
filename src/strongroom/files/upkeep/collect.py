"""Content that belongs to no file goes: that of purged files, and what crashes have left.

An upload publishes its content first and then commits the version that names it; another may have
published the same content a moment ago, or be about to. So a content goes only when no version names
it, as is asked in a unit of work, while nobody can commit one; and when it was published before the
grace period, as the object store tells in one step with the removal. What an upload published since
is too young. Only an upload that waits longer than that for its commit would find its content gone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from sqlalchemy import Connection, bindparam, select

from strongroom.files.blobs import Blobs
from strongroom.files.tables import file_version
from strongroom.objects import ObjectStore
from strongroom.store import Store

GRACE_SECONDS: Final = 3600.0
"""How long content stays that no version names."""

AT_ONCE: Final = 500
"""Hashes that are looked up together."""

IN_STEPS: Final = 20
"""Contents removed in one unit of work, which others wait for."""

PAUSE_SECONDS: Final = 0.05
"""Between two steps: others come first."""

_named: Final = select(file_version.c.sha256).where(
    file_version.c.sha256.in_(bindparam("hashes", expanding=True))
)

log = logging.getLogger(__name__)


def collect(
    store: Store,
    objects: ObjectStore,
    *,
    grace: float = GRACE_SECONDS,
    pause: Callable[[float], bool] = lambda _seconds: False,
) -> int:
    """Remove all content that no version names; returns how many.

    :param grace: seconds for which it is kept nevertheless
    :param pause: waits so many seconds, and says whether to stop
    :raises Unavailable: when the database cannot be written
    """
    blobs = Blobs(objects)
    awaited = _awaited(objects)
    count = 0
    for unnamed in _unnamed(store, blobs):
        wanted = [sha256 for sha256 in unnamed if sha256 not in awaited]
        for start in range(0, len(wanted), IN_STEPS):
            some = wanted[start : start + IN_STEPS]
            before = time.time() - grace
            count += store.write(
                lambda connection, some=some, before=before: _remove(  # type: ignore[misc]
                    connection, blobs, some, before
                )
            )
            if pause(PAUSE_SECONDS):
                return count
        if pause(PAUSE_SECONDS):
            return count
    return count


def orphans(store: Store, blobs: Blobs) -> Iterator[str]:
    """Hashes of content that no version names, whatever its age; not what is no content of ours."""
    for unnamed in _unnamed(store, blobs):
        yield from unnamed


def _unnamed(store: Store, blobs: Blobs) -> Iterator[list[str]]:
    hashes = blobs.all()
    while some := list(islice(hashes, AT_ONCE)):
        with store.read() as connection:
            named = _among(connection, some)
        yield [sha256 for sha256 in some if sha256 not in named]


def _among(connection: Connection, hashes: Sequence[str]) -> set[str]:
    return set(connection.execute(_named, {"hashes": hashes}).scalars())


def _awaited(objects: ObjectStore) -> set[str]:
    """What complete uploads are published as that could not be listed so far.

    Where a file system knows no second names, their bytes are nowhere else.
    """
    found = set()
    for upload_id, _ in objects.resumables():
        try:
            published = objects.resumable(upload_id).arrived().published
        except FileNotFoundError:
            continue  # ended meanwhile
        if published is not None:
            found.add(published.rsplit("/", 1)[1])
    return found


def _remove(connection: Connection, blobs: Blobs, hashes: Sequence[str], before: float) -> int:
    named = _among(connection, hashes)
    count = 0
    for sha256 in hashes:
        if sha256 not in named:
            try:
                count += blobs.remove(sha256, before)
            except OSError as error:
                log.warning("content that belongs to no file cannot be removed: %s", error)
    return count

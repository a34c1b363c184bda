"""The scrub: all stored content is read and hashed, slowly, again and again.

Disks lose bits without telling, and nobody notices until the file is needed. A round goes through all
hashes in their order; how far it is, is kept in the database, so that the next process goes on there.
Between two reads it sleeps so long that it is busy for a twentieth of the time. It has no lower
scheduling priority: a thread that waits for the processor would keep the interpreter from the others.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.sqlite import insert

from strongroom.files.service import FileService
from strongroom.files.service.integrity import DAMAGED, MISSING
from strongroom.files.service.part import DAY, now
from strongroom.files.tables import file_version, scrub
from strongroom.store import Store

CHUNK: Final = 1_048_576
"""Bytes between two pauses."""

PAGE: Final = 500
BUSY_PART: Final = 0.05
"""Of the time."""

NOTE_SECONDS: Final = 60.0
"""So much work at most is done anew after a crash, or the length of one content."""

_IS_DAMAGE: Final = (errno.EIO, errno.EBADMSG, errno.EUCLEAN)
"""The disk cannot give the bytes back."""

_page: Final = (
    select(file_version.c.sha256, func.min(file_version.c.file_size_bytes))
    .where(file_version.c.sha256 > bindparam("last"))
    .group_by(file_version.c.sha256)
    .order_by(file_version.c.sha256)
    .limit(PAGE)
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Round:
    """How far the scrub is.

    :param last: hash that was read last
    :param began_at: microseconds since 1970-01-01 UTC
    :param ended_at: None while the round is under way
    """

    last: str
    began_at: int
    ended_at: int | None


class Scrub:
    """Reads all content. Used by one thread.

    :param days: between the beginnings of two rounds
    :param pause: waits so many seconds, and says whether to stop
    """

    def __init__(
        self, store: Store, files: FileService, days: float, pause: Callable[[float], bool]
    ) -> None:
        self._store = store
        self._files = files
        self._days = days
        self._pause = pause
        self._noted = time.monotonic()

    def run(self) -> int:
        """Go on with the round under way, or begin the next if it is time; stops when told to.

        :returns: how many contents were read
        :raises Unavailable: when the database cannot be written
        """
        here = read_round(self._store)
        moment = now()
        if here is None or here.ended_at is not None:
            if here is not None and 0 <= moment - here.began_at < self._days * DAY:
                return 0
            here = Round("", moment, None)
            self._note(here)
        known = set(self._files.known_damage())
        count, last = 0, here.last
        while True:
            with self._store.read() as connection:
                rows = connection.execute(_page, {"last": last}).all()
            if not rows:
                self._note(Round(last, here.began_at, now()))
                return count
            for sha256, size in rows:
                stopped = self._look(sha256, size, known)
                if not stopped:
                    count, last = count + 1, sha256
                if stopped or time.monotonic() - self._noted > NOTE_SECONDS:
                    self._note(Round(last, here.began_at, None))
                if stopped:
                    return count

    def _look(self, sha256: str, size: int, known: set[str]) -> bool:
        """Read one content; whether it was told to stop before the end."""
        stamp = self._files.blobs.stamp(sha256) or ""
        try:
            digest = self._read(sha256, size)
        except FileNotFoundError:
            self._damaged(sha256, MISSING, "")
            return False
        except OSError as error:
            if error.errno in _IS_DAMAGE:
                self._damaged(sha256, DAMAGED, stamp)
            else:  # such as too many open files: nothing that the content is to blame for
                log.warning("a content could not be read by the scrub: %s", error)
            return False
        if digest is None:
            return True
        if digest != sha256:
            self._damaged(sha256, DAMAGED, stamp)
        elif sha256 in known:
            self._files.note_sound([sha256])
        return False

    def _read(self, sha256: str, size: int) -> str | None:
        """The hash of what is stored, empty for what has another length; None when told to stop."""
        digest, length = hashlib.sha256(), 0
        began = time.monotonic()
        with self._files.blobs.open(sha256) as content:
            while True:
                chunk = content.read(CHUNK)
                digest.update(chunk)
                length += len(chunk)
                busy = time.monotonic() - began
                if self._pause(busy * (1 / BUSY_PART - 1)):
                    return None
                if not chunk or length > size:
                    return digest.hexdigest() if length == size else ""
                began = time.monotonic()

    def _damaged(self, sha256: str, reason: str, stamp: str) -> None:
        self._files.note_damage(sha256, reason, stamp)

    def _note(self, here: Round) -> None:
        values = {"last": here.last, "began_at": here.began_at, "ended_at": here.ended_at}
        put = insert(scrub).values(scrub_id=1, **values)
        put = put.on_conflict_do_update(index_elements=[scrub.c.scrub_id], set_=values)
        self._store.write(lambda connection: connection.execute(put))
        self._noted = time.monotonic()


def read_round(store: Store) -> Round | None:
    """How far the scrub is; None when it never began."""
    with store.read() as connection:
        row = connection.execute(select(scrub)).one_or_none()
    return None if row is None else Round(row.last, row.began_at, row.ended_at)

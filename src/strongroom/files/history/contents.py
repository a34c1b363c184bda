"""A file as the database has it now, and what is known of each of its stored contents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from strongroom.files.blobs import Blobs
from strongroom.files.model import rfc3339
from strongroom.files.service.integrity import MISSING
from strongroom.files.service.part import file_row
from strongroom.files.tables import damaged, file_version, scrub
from strongroom.files.tree import LISTED, chain_of, is_listed, path_of
from strongroom.store import Store

MOST_SHOWN: Final = 50
"""Contents of one file on a page, the newest; the page of versions has them all."""


class Health(StrEnum):
    """What is known of stored bytes."""

    SOUND = "sound"
    """They were read since they were stored, and were those that were uploaded."""
    UNREAD = "unread"
    """Nobody has read them since."""
    DAMAGED = "damaged"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Content:
    """One of the contents that a file has or had.

    :param created_at: when it was stored; RFC 3339, UTC, as all times here
    :param replaced_at: None for the one that is shown
    :param looked_at: when that was found; None when it is not known
    :param was_checked: whether somebody had it read on the spot; else it was the scrub, and of sound
        bytes ``looked_at`` is the latest that it can have been
    """

    version_id: str
    file_size_bytes: int
    content_type: str
    detected_type: str
    sha256: str
    created_at: str
    replaced_at: str | None
    health: Health
    looked_at: str | None
    was_checked: bool = False


@dataclass(frozen=True, slots=True)
class Present:
    """A file that has not been purged.

    :param folder: where it is, or was before it went to the trash
    :param is_listed: whether it can be found by whoever may see that folder; else it is in the trash
    :param contents: the one that is shown, then the newest, :data:`MOST_SHOWN` at most
    :param count: of all its contents
    """

    file_id: str
    filename: str
    folder: str
    is_listed: bool
    created_at: int
    contents: Sequence[Content]
    count: int

    @property
    def shown(self) -> Content:
        """What it holds now."""
        return self.contents[0]


@dataclass(frozen=True, slots=True)
class _Round:
    """How far the scrub is: ``None`` for a round that has not ended, or never began."""

    last: str = ""
    began_at: int = 0
    ended_at: int | None = None

    def has_read(self, sha256: str, created_at: int) -> bool:
        """Whether this round has read a content for certain."""
        reached = self.ended_at is not None or sha256 <= self.last
        return bool(self.began_at) and created_at < self.began_at and reached


def with_checks(present: Present, checks: Mapping[str, str]) -> Present:
    """The same file, of whose contents some were read on the spot and found sound.

    :param checks: when that was last, by SHA-256
    """

    def checked(content: Content) -> Content:
        at = checks.get(content.sha256)
        if at is None or content.health not in (Health.UNREAD, Health.SOUND):
            return content
        return replace(content, health=Health.SOUND, looked_at=at, was_checked=True)

    return replace(present, contents=[checked(content) for content in present.contents])


def read_present(store: Store, blobs: Blobs, file_id: str) -> Present | None:
    """The file of that id, listed or in the trash; None when there is none, or no longer."""
    with store.read() as connection:
        row = file_row(connection, file_id)
        if row is None:
            return None
        chain = chain_of(connection, file_id)
        versions = _versions(connection, file_id, row.version_id)
        count = connection.scalar(select(func.count()).where(file_version.c.file_id == file_id))
        here = connection.execute(select(scrub)).one_or_none()
    scrubbed = _Round() if here is None else _Round(here.last, here.began_at, here.ended_at)
    return Present(
        file_id=file_id,
        filename=row.name,
        folder=path_of(chain[:-1]),
        is_listed=row.state == LISTED and is_listed(chain),
        created_at=row.created_at,
        contents=[_content(version, scrubbed, blobs) for version in versions],
        count=count or 0,
    )


def _versions(connection: Connection, file_id: str, shown: str) -> Sequence[Row[Any]]:
    wanted = (
        select(file_version, damaged.c.stamp, damaged.c.reason, damaged.c.found_at)
        .outerjoin(damaged, damaged.c.sha256 == file_version.c.sha256)
        .where(file_version.c.file_id == file_id)
        .order_by(
            (file_version.c.version_id == shown).desc(),
            file_version.c.created_at.desc(),
            file_version.c.version_id.desc(),
        )
        .limit(MOST_SHOWN)
    )
    return connection.execute(wanted).all()


def _content(row: Row[Any], scrubbed: _Round, blobs: Blobs) -> Content:
    health, looked_at = Health.UNREAD, None
    if blobs.is_at(row.sha256, row.stamp):
        health = Health.MISSING if row.reason == MISSING else Health.DAMAGED
        looked_at = row.found_at
    elif blobs.stamp(row.sha256) is None:
        health = Health.MISSING
    elif row.stamp is None and scrubbed.has_read(row.sha256, row.created_at):
        health, looked_at = Health.SOUND, scrubbed.ended_at or scrubbed.began_at
    return Content(
        version_id=row.version_id,
        file_size_bytes=row.file_size_bytes,
        content_type=row.content_type,
        detected_type=row.detected_type,
        sha256=row.sha256,
        created_at=rfc3339(row.created_at),
        replaced_at=None if row.replaced_at is None else rfc3339(row.replaced_at),
        health=health,
        looked_at=None if looked_at is None else rfc3339(looked_at),
    )

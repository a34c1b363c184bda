"""Resumable uploads in the database: whose they are and what they will be, not what has arrived.

Times are microseconds since 1970-01-01 UTC, as everywhere in the database.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update

from strongroom.files.tables import upload

_IDS_AT_ONCE: Final = 500
"""In one statement; SQLite takes a thousand variables where it is old."""


@dataclass(frozen=True, slots=True)
class UploadRow:
    """A resumable upload.

    :param parent_id: the folder that the file goes into
    :param file_size_bytes: as announced; None while it is not known
    :param replaces: SHA-256 of the version to be replaced; None for a new file
    :param created_by: None where there are no accounts
    :param file_id: of the file that it became; None before
    :param metadata: the header as the client sent it; None of one begun before that was kept
    """

    upload_id: str
    parent_id: str
    filename: str
    content_type: str
    file_size_bytes: int | None
    replaces: str | None
    created_at: int
    created_by: str | None
    expires_at: int
    file_id: str | None
    metadata: str | None = None

    def values(self) -> dict[str, Any]:
        """Its columns by name."""
        return {name: getattr(self, name) for name in self.__slots__}


def add(connection: Connection, row: UploadRow) -> None:
    """Insert it."""
    connection.execute(insert(upload), row.values())


def find(connection: Connection, upload_id: str) -> UploadRow | None:
    """The upload of that id."""
    found = connection.execute(select(upload).where(upload.c.upload_id == upload_id)).one_or_none()
    return None if found is None else UploadRow(**found._mapping)


def unfinished(connection: Connection, created_by: str | None) -> list[str]:
    """The ids of somebody's uploads that are no files yet."""
    theirs = upload.c.created_by == created_by if created_by else upload.c.created_by.is_(None)
    wanted = select(upload.c.upload_id).where(theirs, upload.c.file_id.is_(None))
    return list(connection.execute(wanted).scalars())


def set_length(connection: Connection, upload_id: str, length: int) -> bool:
    """Tell a length that was not known; False where it was, or there is no such upload."""
    unknown = (upload.c.upload_id == upload_id) & upload.c.file_size_bytes.is_(None)
    return _one(connection, update(upload).where(unknown).values(file_size_bytes=length))


def prolong(connection: Connection, upload_id: str, expires_at: int) -> None:
    """Let it expire later."""
    mine = (upload.c.upload_id == upload_id) & (upload.c.expires_at < expires_at)
    connection.execute(update(upload).where(mine).values(expires_at=expires_at))


def set_stored(connection: Connection, upload_id: str, file_id: str, expires_at: int) -> bool:
    """Tell which file it has become; False where that was told before, or it is gone.

    :param expires_at: until when that is known at least, to whoever did not hear of it
    """
    unfinished = (upload.c.upload_id == upload_id) & upload.c.file_id.is_(None)
    later = func.max(upload.c.expires_at, expires_at)  # of two values: in SQLite the larger one
    values = {"file_id": file_id, "expires_at": later}
    return _one(connection, update(upload).where(unfinished).values(values))


def remove(
    connection: Connection, upload_id: str, *, stored: bool, expired_by: int | None = None
) -> bool:
    """Delete it; False where it was gone, or is not as it is believed to be.

    :param stored: whether it is believed to be stored
    :param expired_by: when its time is believed to be over; None where that does not matter
    """
    state = upload.c.file_id.is_not(None) if stored else upload.c.file_id.is_(None)
    believed = (upload.c.upload_id == upload_id) & state
    if expired_by is not None:
        believed &= upload.c.expires_at <= expired_by
    return _one(connection, delete(upload).where(believed))


def expired(connection: Connection, now: int, limit: int, after: str = "") -> list[UploadRow]:
    """Some whose time is over, by their ids.

    :param after: the last id of those that were asked for before
    """
    wanted = (
        select(upload)
        .where(upload.c.expires_at <= now, upload.c.upload_id > after)
        .order_by(upload.c.upload_id)
        .limit(limit)
    )
    return [UploadRow(**row._mapping) for row in connection.execute(wanted)]


def known(connection: Connection, upload_ids: Collection[str]) -> set[str]:
    """Those of the ids that there are uploads of."""
    found: set[str] = set()
    ids = list(upload_ids)
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = upload.c.upload_id.in_(ids[start : start + _IDS_AT_ONCE])
        found.update(connection.execute(select(upload.c.upload_id).where(some)).scalars())
    return found


def _one(connection: Connection, statement: Any) -> bool:
    return bool(connection.execute(statement).rowcount == 1)

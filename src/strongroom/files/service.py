"""The files: what is listed, stored, opened and trashed. Every act commits with its record."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, func, insert, select, tuple_, update

from strongroom.audit.extension import AuditLog
from strongroom.audit.pipeline.clock import new_id
from strongroom.errors import Refused
from strongroom.files.blobs import Blob, Blobs
from strongroom.files.events import FileDeleted, FileUploaded
from strongroom.files.names import check_filename
from strongroom.files.tables import file, file_version
from strongroom.permissions import Identity, revoked
from strongroom.store import Store

PAGE_SIZE: Final = 200
ROOT: Final = "/"
"""The one folder there is so far."""

_LISTED: Final = "listed"
_TRASHED: Final = "trashed"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file and the version of it that is shown.

    :param created_at: RFC 3339, UTC
    """

    file_id: str
    filename: str
    file_size_bytes: int
    content_type: str
    sha256: str
    created_at: str
    created_by: str | None
    changed_at: int
    folder: str = ROOT

    def as_json(self) -> dict[str, Any]:
        """The file as the API shows it."""
        return {
            "file_id": self.file_id,
            "filename": self.filename,
            "folder": self.folder,
            "file_size_bytes": self.file_size_bytes,
            "content_type": self.content_type,
            "sha256": self.sha256,
            "created_at": self.created_at,
            "created_by": self.created_by,
        }


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a folder, newest first.

    :param total: files in the whole folder
    :param next: cursor of the page after this one; None on the last
    """

    files: Sequence[StoredFile]
    total: int
    next: str | None


class FileService:
    """Everything that can be done to files, whoever asks: page, API or command line.

    :param still_valid: whether an identity still holds, in the transaction that acts on it

    Thread-safe. Methods that change something have done so durably when they return, together
    with their audit record; when they raise, nothing was changed.
    """

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        audit: AuditLog,
        still_valid: Callable[[Connection, Identity], bool],
    ) -> None:
        self._store = store
        self._still_valid = still_valid
        self.blobs = blobs
        self._audit = audit

    def add(
        self, filename: str, content_type: str, blob: Blob, by: Identity | None = None
    ) -> StoredFile:
        """List a new file whose content is stored already; records ``file_uploaded``.

        :param by: who does it; None for the machine itself
        :raises Refused: 409 ``filename_taken``, 400 for the name, or 403 ``permission_revoked``
        :raises Unavailable: when the database cannot be written
        """
        check_filename(filename)
        file_id, version_id, now = new_id(), new_id(), time.time_ns() // 1000
        version = {
            "version_id": version_id,
            "file_id": file_id,
            "file_size_bytes": blob.size,
            "content_type": content_type,
            "sha256": blob.sha256,
            "created_at": now,
            "created_by": None if by is None else by.user_id,
        }
        row = {
            "file_id": file_id,
            "filename": filename,
            "state": _LISTED,
            "version_id": version_id,
            "created_at": now,
            "created_by": None if by is None else by.user_id,
            "changed_at": now,
        }

        def unit(connection: Connection) -> StoredFile:
            self._check_still(connection, by)
            if _find(connection, filename) is not None:
                raise taken(filename)
            connection.execute(insert(file), row)
            connection.execute(insert(file_version), version)
            self._audit.log(
                FileUploaded(
                    file_id=file_id,
                    filename=filename,
                    file_size_bytes=blob.size,
                    content_type=content_type,
                    sha256=blob.sha256,
                )
            )
            added = _find(connection, filename)
            if added is None:
                raise AssertionError("inserted, yet not there")
            return added

        return self._store.write(unit)

    def check_free(self, filename: str) -> None:
        """Refuse early what :meth:`add` would refuse: saves reading a body for nothing.

        :raises Refused: as :meth:`add`
        """
        check_filename(filename)
        with self._store.read() as connection:
            if _find(connection, filename) is not None:
                raise taken(filename)

    def find(self, filename: str) -> StoredFile:
        """The listed file of that name.

        :raises Refused: 404 ``file_not_found``
        """
        with self._store.read() as connection:
            found = _find(connection, filename)
        if found is None:
            raise missing(filename)
        return found

    def list(self, cursor: str | None = None, limit: int = PAGE_SIZE) -> Listing:
        """One page of the listed files.

        :raises Refused: 400 ``cursor_not_valid``
        """
        order = (file.c.changed_at, file.c.file_id)
        wanted = _files().order_by(*(column.desc() for column in order)).limit(limit + 1)
        if cursor is not None:
            wanted = wanted.where(tuple_(*order) < tuple_(*_read_cursor(cursor)))
        with self._store.read() as connection:
            rows = connection.execute(wanted).all()
            total = _count(connection)
        files = [_stored(row) for row in rows[:limit]]
        more = len(rows) > limit
        following = f"{files[-1].changed_at}-{files[-1].file_id}" if more else None
        return Listing(files, total, following)

    def count(self) -> int:
        """How many files are listed."""
        with self._store.read() as connection:
            return _count(connection)

    def trash(self, filename: str, by: Identity | None = None) -> StoredFile:
        """Move a file to the trash; records ``file_deleted``. Its bytes are kept.

        :param by: who does it; None for the machine itself
        :raises Refused: 404 ``file_not_found``, or 403 ``permission_revoked``
        :raises Unavailable: when the database cannot be written
        """

        def unit(connection: Connection) -> StoredFile:
            self._check_still(connection, by)
            found = _find(connection, filename)
            if found is None:
                raise missing(filename)
            connection.execute(
                update(file)
                .where(file.c.file_id == found.file_id)
                .values(state=_TRASHED, changed_at=time.time_ns() // 1000)
            )
            self._audit.log(
                FileDeleted(
                    file_id=found.file_id,
                    filename=found.filename,
                    file_size_bytes=found.file_size_bytes,
                    content_type=found.content_type,
                    sha256=found.sha256,
                )
            )
            return found

        return self._store.write(unit)

    def _check_still(self, connection: Connection, by: Identity | None) -> None:
        """An upload may take an hour, and its sender's account may be disabled meanwhile."""
        if by is not None and not self._still_valid(connection, by):
            raise revoked()


def content_sizes(store: Store) -> dict[str, int]:
    """Size by hash of every version that has been stored and not purged."""
    wanted = select(file_version.c.sha256, file_version.c.file_size_bytes).distinct()
    with store.read() as connection:
        return {row.sha256: row.file_size_bytes for row in connection.execute(wanted)}


def taken(filename: str) -> Refused:
    """The refusal of a name that is in use."""
    return Refused(
        "filename_taken",
        f"There is a file called “{filename}” already, and it was not touched. "
        "Delete it first, or upload under another name.",
        status=409,
    )


def missing(filename: str) -> Refused:
    """The refusal of a name that nothing bears."""
    return Refused(
        "file_not_found",
        f"There is no file called “{filename}”. It may have been deleted meanwhile.",
        status=404,
    )


def _files() -> Select[Any]:
    return (
        select(
            file.c.file_id,
            file.c.filename,
            file.c.changed_at,
            file_version.c.file_size_bytes,
            file_version.c.content_type,
            file_version.c.sha256,
            file.c.created_at,
            file.c.created_by,
        )
        .join(file_version, file.c.version_id == file_version.c.version_id)
        .where(file.c.state == _LISTED)
    )


def _count(connection: Connection) -> int:
    counted = select(func.count()).select_from(file).where(file.c.state == _LISTED)
    return connection.execute(counted).scalar_one()


def _find(connection: Connection, filename: str) -> StoredFile | None:
    row = connection.execute(_files().where(file.c.filename == filename)).one_or_none()
    return None if row is None else _stored(row)


def _stored(row: Row[Any]) -> StoredFile:
    return StoredFile(
        file_id=row.file_id,
        filename=row.filename,
        file_size_bytes=row.file_size_bytes,
        content_type=row.content_type,
        sha256=row.sha256,
        created_at=_rfc3339(row.created_at),
        created_by=row.created_by,
        changed_at=row.changed_at,
    )


def _rfc3339(microseconds: int) -> str:
    moment = datetime.fromtimestamp(microseconds // 1_000_000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{microseconds % 1_000_000:06d}Z"


def _read_cursor(cursor: str) -> tuple[int, str]:
    changed_at, _, file_id = cursor.partition("-")
    if not (changed_at.isascii() and changed_at.isdigit() and len(changed_at) < 19):
        raise Refused("cursor_not_valid", "That page address is damaged; start at the first page.")
    return int(changed_at), file_id

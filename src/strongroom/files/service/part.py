"""What the parts of :class:`~strongroom.files.service.FileService` share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, select, update

from strongroom.audit.extension import AuditLog
from strongroom.files.blobs import Blobs
from strongroom.files.model import Folder, Level, StoredFile, rfc3339
from strongroom.files.refusals import folder_missing, may_not, missing
from strongroom.files.tables import damaged, file_version, node
from strongroom.files.tree import FILE, FOLDER, open_folder
from strongroom.permissions import Identity, revoked
from strongroom.store import Store

T = TypeVar("T")

AT_ONCE: Final = 10_000
"""Files that one act may touch, each with its record: they are all in one transaction."""

DAY: Final = 86_400_000_000
"""Microseconds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much there may be.

    :param quota_bytes: of each person's uploads; 0 for no limit
    :param reserve_bytes: what uploads leave free on the disk
    :param trash_days: how long the trash and replaced versions are kept; 0 for ever
    """

    quota_bytes: int = 0
    reserve_bytes: int = 0
    trash_days: int = 30


class Part:
    """Storage and audit log.

    :param still_valid: whether an identity still holds, in the transaction that acts on it
    """

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        audit: AuditLog,
        still_valid: Callable[[Connection, Identity], bool],
        limits: Limits | None = None,
    ) -> None:
        self._store = store
        self.blobs = blobs
        self._audit = audit
        self._still_valid = still_valid
        self.limits = limits or Limits()

    def _act(self, by: Identity | None, unit: Callable[[Connection], T]) -> T:
        """Run a unit of work, if whoever asked for it still is who they were.

        An upload may take an hour, and its sender's account may be disabled meanwhile.

        :raises Refused: 403 ``permission_revoked``, or whatever the unit raises
        """

        def checked(connection: Connection) -> T:
            self._check_valid(connection, by)
            return unit(connection)

        return self._store.write(checked)

    def _check_valid(self, connection: Connection, by: Identity | None) -> None:
        """Refuse whoever is no longer who they were.

        :raises Refused: 403 ``permission_revoked``
        """
        if by is not None and not self._still_valid(connection, by):
            raise revoked()


def now() -> int:
    """Microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1000


def demand(folder: Folder | None, path: str, level: Level, what: str = "change anything") -> Folder:
    """The folder, when this much may be done in it.

    :param path: as whoever asked calls it
    :raises Refused: 404 when it is not there or may not be seen, 403 when less may be done in it
    """
    if folder is None:
        raise folder_missing(path)
    if folder.level < Level.READ:
        raise folder_missing(path, hidden=True)
    if folder.level < level:
        raise may_not(what, folder.path)
    return folder


def demand_around(
    connection: Connection, row: Row[Any], by: Identity | None, level: Level, what: str
) -> Folder:
    """The folder that something listed is in, when this much may be done there.

    What may not be seen is missing under the id that was asked for: its name would tell of it.

    :raises Refused: 404 when it cannot be reached or may not be seen, 403
    """
    around = open_folder(connection, row.parent_id, by)
    if around is None or around.level < Level.READ:
        raise missing(hidden=around is not None)
    return demand(around, around.path, level, what)


def demand_node(
    connection: Connection,
    row: Row[Any],
    by: Identity | None,
    level: Level,
    what: str,
    *,
    trashed: bool = False,
) -> Folder:
    """The folder that a file or folder is in, when this much may be done there, and in itself.

    :param row: of the node, with its kind
    :param trashed: also when it is in the trash
    :raises Refused: 404 when it cannot be reached or may not be seen, 403
    """
    around = open_folder(connection, row.parent_id, by, trashed=trashed)
    own = around
    if row.kind == FOLDER:
        own = open_folder(connection, row.node_id, by, trashed=trashed)
    if around is None or own is None or min(around.level, own.level) < Level.READ:
        raise missing(hidden=around is not None)
    demand(around, around.path, level, what)
    demand(own, own.path, level, what)
    return around


def uploaded() -> tuple[ColumnElement[Any], ...]:
    """When, and by whom, the version that is shown was uploaded."""
    return (
        file_version.c.created_at.label("uploaded_at"),
        file_version.c.created_by.label("uploaded_by"),
    )


def files() -> Select[Any]:
    """Files with the version that is shown, whatever their state."""
    return (
        select(
            node.c.node_id,
            node.c.parent_id,
            node.c.name,
            node.c.state,
            node.c.changed_at,
            node.c.created_at,
            node.c.created_by,
            node.c.version_id,
            *uploaded(),
            file_version.c.file_size_bytes,
            file_version.c.content_type,
            file_version.c.detected_type,
            file_version.c.sha256,
            damaged.c.stamp.label("damage"),
        )
        .join(file_version, node.c.version_id == file_version.c.version_id)
        .outerjoin(damaged, damaged.c.sha256 == file_version.c.sha256)
        .where(node.c.kind == FILE)
    )


def file_row(connection: Connection, file_id: str) -> Row[Any] | None:
    """A file with the version that is shown, whatever its state."""
    return connection.execute(files().where(node.c.node_id == file_id)).one_or_none()


def sha256_of(connection: Connection, row: Row[Any]) -> str | None:
    """The hash of the content of a file; None of a folder."""
    found = None if row.kind == FOLDER else file_row(connection, row.node_id)
    return None if found is None else str(found.sha256)


def stored(row: Row[Any], folder: str) -> StoredFile:
    """A row of :func:`files`, of a file in that folder."""
    return StoredFile(
        file_id=row.node_id,
        filename=row.name,
        folder_id=row.parent_id,
        folder=folder,
        file_size_bytes=row.file_size_bytes,
        content_type=row.content_type,
        detected_type=row.detected_type,
        sha256=row.sha256,
        created_at=rfc3339(row.created_at),
        created_by=row.created_by,
        changed_at=rfc3339(row.uploaded_at),
        changed_by=row.uploaded_by,
        version_id=row.version_id,
        damage=row._mapping.get("damage"),
    )


def as_stored(connection: Connection, file_id: str, folder: Folder) -> StoredFile:
    """The file that was changed a moment ago, in that folder."""
    row = file_row(connection, file_id)
    if row is None:
        raise AssertionError("stored, yet not there")
    return stored(row, folder.path)


def replace_version(
    connection: Connection, current: Row[Any], version_id: str, size: int, moment: int
) -> None:
    """Show another version of a file; the one that was shown is kept.

    :param size: bytes of that version
    """
    connection.execute(
        update(file_version)
        .where(file_version.c.version_id == current.version_id)
        .values(replaced_at=moment)
    )
    connection.execute(
        update(node)
        .where(node.c.node_id == current.node_id)
        .values(version_id=version_id, file_size_bytes=size, changed_at=moment)
    )


def touch(connection: Connection, folder_id: str, moment: int) -> None:
    """Something in this folder changed."""
    connection.execute(
        update(node)
        .where(node.c.node_id == folder_id, node.c.changed_at < moment)
        .values(changed_at=moment)
    )

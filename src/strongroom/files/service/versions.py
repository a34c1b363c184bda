"""The contents that a file has had, and how it gets one of them again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select, update

from strongroom.files.events import VersionRestored
from strongroom.files.model import Level, StoredFile, Version, rfc3339
from strongroom.files.refusals import missing, version_missing
from strongroom.files.service.part import (
    Part,
    as_stored,
    demand_around,
    file_row,
    now,
    replace_version,
    stored,
    touch,
)
from strongroom.files.tables import damaged, file_version
from strongroom.files.tree import LISTED
from strongroom.permissions import Identity


class Versions(Part):
    """Shows versions, and gives one of them back."""

    def versions(
        self, file_id: str, by: Identity | None = None
    ) -> tuple[StoredFile, list[Version]]:
        """A listed file, and all contents that it has or had, newest first.

        :raises Refused: 404 ``file_not_found``
        """
        wanted = (
            select(file_version, damaged.c.stamp.label("damage"))
            .outerjoin(damaged, damaged.c.sha256 == file_version.c.sha256)
            .where(file_version.c.file_id == file_id)
            .order_by(file_version.c.created_at.desc(), file_version.c.version_id.desc())
        )
        with self._store.read() as connection:
            row = _listed(connection, file_id)
            folder = demand_around(connection, row, by, Level.READ, "see files")
            rows = connection.execute(wanted).all()
        return stored(row, folder.path), [
            _as_version(one, damaged=self.blobs.is_at(one.sha256, one.damage)) for one in rows
        ]

    def restore_version(
        self, file_id: str, version_id: str, by: Identity | None = None
    ) -> StoredFile:
        """Give a file a content again that it had; records ``version_restored``.

        What it has now is kept as a version.

        :raises Refused: 404 ``file_not_found`` or ``version_not_found``, 403
        """

        def unit(connection: Connection) -> StoredFile:
            row = _listed(connection, file_id)
            folder = demand_around(connection, row, by, Level.WRITE, "change files")
            wanted = select(file_version).where(
                file_version.c.file_id == file_id, file_version.c.version_id == version_id
            )
            old = connection.execute(wanted).one_or_none()
            if old is None:
                raise version_missing(row.name)
            if old.version_id == row.version_id:
                return stored(row, folder.path)
            moment = now()
            replace_version(connection, row, version_id, moment)
            connection.execute(
                update(file_version)
                .where(file_version.c.version_id == version_id)
                .values(replaced_at=None)
            )
            touch(connection, folder.folder_id, moment)
            self._audit.log(
                VersionRestored(
                    file_id=file_id,
                    filename=row.name,
                    folder=folder.path,
                    sha256=old.sha256,
                    previous_sha256=row.sha256,
                )
            )
            return as_stored(connection, file_id, folder)

        return self._act(by, unit)


def _listed(connection: Connection, file_id: str) -> Row[Any]:
    row = file_row(connection, file_id)
    if row is None or row.state != LISTED:
        raise missing(file_id)
    return row


def _as_version(row: Row[Any], *, damaged: bool) -> Version:
    return Version(
        version_id=row.version_id,
        file_size_bytes=row.file_size_bytes,
        content_type=row.content_type,
        detected_type=row.detected_type,
        sha256=row.sha256,
        created_at=rfc3339(row.created_at),
        created_by=row.created_by,
        replaced_at=None if row.replaced_at is None else rfc3339(row.replaced_at),
        damaged=damaged,
    )

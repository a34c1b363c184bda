"""The contents that a file has had, and how it gets one of them again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, literal, select, tuple_, update

from strongroom.files.events import ChangeNotNeeded, VersionRestored
from strongroom.files.model import Level, StoredFile, Version, VersionPage, rfc3339
from strongroom.files.refusals import missing, version_missing
from strongroom.files.service.cursors import read_values, write_values
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

_FIRST: Final = 2**63 - 1
"""Later than any time."""

_versions: Final = select(file_version, damaged.c.stamp.label("damage")).outerjoin(
    damaged, damaged.c.sha256 == file_version.c.sha256
)


class Versions(Part):
    """Shows versions, and gives one of them back."""

    def versions(
        self,
        file_id: str,
        by: Identity | None = None,
        *,
        cursor: str | None = None,
        limit: int = 200,
    ) -> VersionPage:
        """A listed file, and one page of the contents that it has or had.

        The one that is shown comes first, then the newest. On the pages after the first that is the
        one that was shown then.

        :raises Refused: 404 ``file_not_found``, 400 ``cursor_not_valid``
        """
        after = None if cursor is None else _After.read(cursor)
        with self._store.read() as connection:
            row = _listed(connection, file_id)
            folder = demand_around(connection, row, by, Level.READ, "see files")
            shown = row.version_id if after is None else after.shown
            first = file_version.c.version_id == shown
            mine = _versions.where(file_version.c.file_id == file_id)
            rows = [] if after else list(connection.execute(mine.where(first)).all())
            others = mine.where(~first).order_by(
                file_version.c.created_at.desc(), file_version.c.version_id.desc()
            )
            if after is not None:
                its = tuple_(literal(after.created_at), literal(after.version_id))
                others = others.where(
                    tuple_(file_version.c.created_at, file_version.c.version_id) < its
                )
            rows += connection.execute(others.limit(limit + 1 - len(rows))).all()
        end: _After | None = None
        if len(rows) > limit:
            rows = rows[:limit]
            last = rows[-1]
            # The one that is shown is before all others, however old it is.
            moment = _FIRST if last.version_id == shown else last.created_at
            end = _After(moment, last.version_id, shown)
        return VersionPage(
            stored(row, folder.path),
            [self._as_version(one) for one in rows],
            None if end is None else end.as_cursor(),
        )

    def version(self, file_id: str, version_id: str, by: Identity | None = None) -> StoredFile:
        """A listed file as it was with one of the contents that it has had.

        :raises Refused: 404 ``file_not_found`` or ``version_not_found``
        """
        with self._store.read() as connection:
            row = _listed(connection, file_id)
            folder = demand_around(connection, row, by, Level.READ, "see files")
            wanted = _versions.where(
                file_version.c.file_id == file_id, file_version.c.version_id == version_id
            )
            one = connection.execute(wanted).one_or_none()
        if one is None:
            raise version_missing(row.name)
        return replace(
            stored(row, folder.path),
            version_id=version_id,
            sha256=one.sha256,
            file_size_bytes=one.file_size_bytes,
            content_type=one.content_type,
            detected_type=one.detected_type,
            damage=one.damage,
        )

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
                self._audit.log(
                    ChangeNotNeeded(file_id=file_id, filename=row.name, folder=folder.path)
                )
                return stored(row, folder.path)
            moment = now()
            replace_version(connection, row, version_id, old.file_size_bytes, moment)
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

    def _as_version(self, row: Row[Any]) -> Version:
        return Version(
            version_id=row.version_id,
            file_size_bytes=row.file_size_bytes,
            content_type=row.content_type,
            detected_type=row.detected_type,
            sha256=row.sha256,
            created_at=rfc3339(row.created_at),
            created_by=row.created_by,
            replaced_at=None if row.replaced_at is None else rfc3339(row.replaced_at),
            damaged=self.blobs.is_at(row.sha256, row.damage),
        )


def _listed(connection: Connection, file_id: str) -> Row[Any]:
    row = file_row(connection, file_id)
    if row is None or row.state != LISTED:
        raise missing()
    return row


class _After(NamedTuple):
    """Where a page ended, and what was shown when the first one was."""

    created_at: int
    version_id: str
    shown: str

    def as_cursor(self) -> str:
        """The cursor of the page after that."""
        return write_values(self)

    @classmethod
    def read(cls, cursor: str) -> _After:
        """What :meth:`as_cursor` has written, or somebody else.

        :raises Refused: 400 ``cursor_not_valid``
        """
        return cls(*read_values(cursor, int, str, str))

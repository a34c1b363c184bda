"""Looking: one folder, one file, one page of a listing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from strongroom.files.model import Folder, Level, Listing, Sort, StoredFile
from strongroom.files.names import MAX_DEPTH, split_path
from strongroom.files.refusals import missing
from strongroom.files.service.paging import IS_LISTED, page, parts, place_of, visible, write_cursor
from strongroom.files.service.part import Part, demand, file_row, stored
from strongroom.files.service.searching import searched
from strongroom.files.service.subfolders import counts_in, subfolder
from strongroom.files.tables import node
from strongroom.files.tree import FILE, FOLDER, LISTED, child, open_folder, open_path
from strongroom.permissions import Identity

PAGE_SIZE: Final = 200


class Reading(Part):
    """What there is, as far as whoever asks may see it."""

    def folder(self, path: str, by: Identity | None = None, level: Level = Level.READ) -> Folder:
        """The folder of that path.

        :raises Refused: 404 ``folder_not_found``, 403 when less than ``level`` may be done in it
        """
        with self._store.read() as connection:
            return demand(open_path(connection, split_path(path), by), path, level)

    def folder_by_id(self, folder_id: str, by: Identity | None = None) -> Folder:
        """The folder of that id, wherever it is now.

        :raises Refused: 404 ``folder_not_found``
        """
        with self._store.read() as connection:
            return demand(open_folder(connection, folder_id, by), folder_id, Level.READ)

    def find(self, path: str, by: Identity | None = None) -> StoredFile:
        """The listed file of that path.

        :raises Refused: 404 ``file_not_found``, 400 for a name that no file can have
        """
        *above, name = split_path(path, MAX_DEPTH + 1) or [""]
        with self._store.read() as connection:
            folder = open_path(connection, above, by)
            if folder is None or folder.level < Level.READ:
                raise missing(path, hidden=folder is not None)
            row = child(connection, folder.folder_id, name)
            found = None if row is None else file_row(connection, row.node_id)
            if found is None:
                raise missing(path)
        return stored(found, folder.path)

    def file_by_id(self, file_id: str, by: Identity | None = None) -> StoredFile:
        """The listed file of that id, wherever it is now.

        :raises Refused: 404 ``file_not_found``
        """
        with self._store.read() as connection:
            row = file_row(connection, file_id)
            folder = None if row is None else open_folder(connection, row.parent_id, by)
            if row is None or row.state != LISTED or folder is None or folder.level < Level.READ:
                raise missing(hidden=folder is not None and folder.level < Level.READ)
        return stored(row, folder.path)

    def list(
        self,
        path: str = "/",
        by: Identity | None = None,
        *,
        sort: Sort = Sort.CHANGED,
        query: str = "",
        cursor: str | None = None,
        limit: int = PAGE_SIZE,
    ) -> Listing:
        """One page of a folder; or, with a query, of what bears it in its name there and below.

        :raises Refused: 404 ``folder_not_found``, 400 ``cursor_not_valid``
        """
        with self._store.read() as connection:
            folder = demand(open_path(connection, split_path(path), by), path, Level.READ)
            if query:
                return searched(connection, folder, by, query, cursor=cursor, limit=limit)
            rows: list[Row[Any]] = []
            for kind, after in parts(cursor, sort):
                wanted = page(kind, sort, after).where(node.c.parent_id == folder.folder_id)
                wanted = visible(wanted, by) if kind == FOLDER else wanted
                rows += connection.execute(wanted.limit(limit + 1 - len(rows))).all()
                if len(rows) > limit:
                    break
            total = _count(connection, folder, by)
            return _listing(connection, folder, rows, by, limit=limit, sort=sort, total=total)

    def count(self, path: str = "/", by: Identity | None = None) -> int:
        """How many files and folders are listed in a folder.

        :raises Refused: 404 ``folder_not_found``
        """
        with self._store.read() as connection:
            folder = demand(open_path(connection, split_path(path), by), path, Level.READ)
            return _count(connection, folder, by)


def _count(connection: Connection, folder: Folder, by: Identity | None) -> int:
    inside = select(func.count()).where(node.c.parent_id == folder.folder_id, IS_LISTED)
    folders = visible(inside.where(node.c.kind == FOLDER), by)
    files = inside.where(node.c.kind == FILE)
    return sum(connection.execute(one).scalar_one() for one in (folders, files))


def _listing(
    connection: Connection,
    folder: Folder,
    rows: Sequence[Row[Any]],
    by: Identity | None,
    *,
    limit: int,
    sort: Sort,
    total: int,
) -> Listing:
    shown = rows[:limit]
    counts = counts_in(connection, [row.node_id for row in shown if row.kind == FOLDER], by)
    return Listing(
        folder,
        [subfolder(row, folder.path, counts) for row in shown if row.kind == FOLDER],
        [stored(row, folder.path) for row in shown if row.kind == FILE],
        total,
        write_cursor(place_of(shown[-1], sort), sort) if len(rows) > limit else None,
        sort,
    )

"""Looking: one folder, one file, one page of a listing."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, exists, false, func, literal, or_, select, tuple_

from strongroom.files.model import Folder, Level, Listing, Sort, StoredFile, Subfolder, rfc3339
from strongroom.files.names import MAX_DEPTH, name_key, split_path
from strongroom.files.refusals import missing, not_a_cursor
from strongroom.files.service.part import Part, demand, file_row, stored
from strongroom.files.tables import EVERYONE, file_version, folder_permission, node
from strongroom.files.tree import (
    FILE,
    FOLDER,
    LISTED,
    child,
    open_folder,
    open_path,
)
from strongroom.permissions import Identity, Role

PAGE_SIZE: Final = 200
SCANNED: Final = 1_000
"""Hits of a search that are fetched together."""

_KEYS: Final = {
    Sort.CHANGED: (node.c.kind.desc(), node.c.changed_at.desc(), node.c.node_id.desc()),
    Sort.NAME: (node.c.kind.desc(), node.c.name_key, node.c.node_id),
    Sort.SIZE: (node.c.kind.desc(), file_version.c.file_size_bytes.desc(), node.c.node_id.desc()),
}  # folders first: they have no version, and "folder" is after "file"


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
                raise missing(file_id, hidden=folder is not None and folder.level < Level.READ)
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
                return _searched(connection, folder, by, query, cursor=cursor, limit=limit)
            wanted = _page(sort, cursor).where(node.c.parent_id == folder.folder_id)
            rows = connection.execute(_visible(wanted, by).limit(limit + 1)).all()
            total = connection.execute(_count(folder, by)).scalar_one()
            return _listing(connection, folder, rows, by, limit=limit, sort=sort, total=total)

    def count(self, path: str = "/", by: Identity | None = None) -> int:
        """How many files and folders are listed in a folder.

        :raises Refused: 404 ``folder_not_found``
        """
        with self._store.read() as connection:
            folder = demand(open_path(connection, split_path(path), by), path, Level.READ)
            return int(connection.execute(_count(folder, by)).scalar_one())


def _rows() -> Select[Any]:
    return (
        select(
            node.c.node_id,
            node.c.parent_id,
            node.c.kind,
            node.c.name,
            node.c.name_key,
            node.c.changed_at,
            node.c.created_at,
            node.c.created_by,
            node.c.version_id,
            file_version.c.file_size_bytes,
            file_version.c.content_type,
            file_version.c.detected_type,
            file_version.c.sha256,
        )
        .outerjoin(file_version, node.c.version_id == file_version.c.version_id)
        .where(node.c.state == LISTED)
    )


def _page(sort: Sort, cursor: str | None) -> Select[Any]:
    wanted = _rows().order_by(*_KEYS[sort])
    if cursor is None:
        return wanted
    kind, key, node_id = _read_cursor(cursor, sort)
    own: Any = {
        Sort.CHANGED: node.c.changed_at,
        Sort.NAME: node.c.name_key,
        Sort.SIZE: func.coalesce(file_version.c.file_size_bytes, 0),
    }[sort]
    after = tuple_(own, node.c.node_id), tuple_(literal(key), literal(node_id))
    rest = after[0] > after[1] if sort is Sort.NAME else after[0] < after[1]
    same = (node.c.kind == kind) & rest
    return wanted.where(or_(same, node.c.kind == FILE) if kind == FOLDER else same)


def _visible(wanted: Select[Any], by: Identity | None) -> Select[Any]:
    """Without the folders that have a list of their own on which whoever asks is not."""
    if by is None or by.user_id is None or by.role is Role.ADMIN:
        return wanted
    own = exists().where(folder_permission.c.folder_id == node.c.node_id)
    mine = own.where(folder_permission.c.user_id.in_((by.user_id, EVERYONE)))
    return wanted.where(or_(node.c.kind == FILE, ~own, mine))


def _count(folder: Folder, by: Identity | None) -> Select[Any]:
    counted = (
        select(func.count())
        .select_from(node)
        .where(node.c.parent_id == folder.folder_id, node.c.state == LISTED)
    )
    return _visible(counted, by)


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
    counts = _counts(connection, [row.node_id for row in shown if row.kind == FOLDER], by)
    return Listing(
        folder,
        [_subfolder(row, folder.path, counts) for row in shown if row.kind == FOLDER],
        [stored(row, folder.path) for row in shown if row.kind == FILE],
        total,
        _write_cursor(shown[-1], sort) if len(rows) > limit else None,
        sort,
    )


def _searched(
    connection: Connection,
    folder: Folder,
    by: Identity | None,
    query: str,
    *,
    cursor: str | None,
    limit: int,
) -> Listing:
    """Newest first within files and folders, from the whole tree; those below this folder kept."""
    pattern = name_key(query).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    found: list[tuple[Row[Any], Folder]] = []
    places: dict[str, Folder | None] = {}
    wanted = _page(Sort.CHANGED, cursor).where(
        node.c.name_key.like(f"%{pattern}%", escape="\\"), node.c.parent_id.is_not(None)
    )
    # One pass, however many hits may not be seen: the whole is sorted once, and read as needed.
    streamed = _visible(wanted, by).execution_options(yield_per=SCANNED)
    # The database would read no further than a NUL; no name has one.
    with connection.execute(streamed if "\0" not in query else streamed.where(false())) as rows:
        for row in rows:
            if row.parent_id not in places:
                places[row.parent_id] = open_folder(connection, row.parent_id, by)
            place = places[row.parent_id]
            if place is not None and place.level >= Level.READ and folder.folder_id in place.chain:
                found.append((row, place))
            if len(found) > limit:
                break
    shown = found[:limit]
    counts = _counts(connection, [row.node_id for row, _ in shown if row.kind == FOLDER], by)
    return Listing(
        folder,
        [_subfolder(row, place.path, counts) for row, place in shown if row.kind == FOLDER],
        [stored(row, place.path) for row, place in shown if row.kind == FILE],
        None,
        _write_cursor(shown[-1][0], Sort.CHANGED) if len(found) > limit else None,
        Sort.CHANGED,
        query,
    )


def _counts(
    connection: Connection, folder_ids: Sequence[str], by: Identity | None
) -> dict[str, int]:
    if not folder_ids:
        return {}
    counted = (
        select(node.c.parent_id, func.count())
        .where(node.c.parent_id.in_(folder_ids), node.c.state == LISTED)
        .group_by(node.c.parent_id)
    )
    return {row[0]: row[1] for row in connection.execute(_visible(counted, by))}


def _subfolder(row: Row[Any], path: str, counts: dict[str, int]) -> Subfolder:
    return Subfolder(
        folder_id=row.node_id,
        filename=row.name,
        folder=path,
        count=counts.get(row.node_id, 0),
        created_at=rfc3339(row.created_at),
        created_by=row.created_by,
        changed_at=row.changed_at,
    )


def _write_cursor(row: Row[Any], sort: Sort) -> str:
    key = {
        Sort.CHANGED: row.changed_at,
        Sort.NAME: row.name_key,
        Sort.SIZE: row.file_size_bytes or 0,
    }[sort]
    written = json.dumps([sort, row.kind, key, row.node_id], ensure_ascii=False)
    return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")


def _read_cursor(cursor: str, sort: Sort) -> tuple[str, int | str, str]:
    try:
        written = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        read = json.loads(written)
        json.dumps(read, ensure_ascii=False).encode()  # half a character is none
    except (ValueError, binascii.Error, RecursionError):
        raise not_a_cursor() from None
    if not isinstance(read, list) or len(read) != 4:
        raise not_a_cursor()
    of, kind, key, node_id = read
    number = type(key) is int and 0 <= key < 2**63
    if of != sort or kind not in (FILE, FOLDER) or not isinstance(node_id, str):
        raise not_a_cursor()
    if not (isinstance(key, str) if sort is Sort.NAME else number):
        raise not_a_cursor()
    return kind, key, node_id

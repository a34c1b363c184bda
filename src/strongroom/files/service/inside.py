"""What is in a folder, at any depth: found with few queries, and never more than one act may touch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import CTE, Connection, Row, func, literal_column, select

from strongroom.errors import Refused
from strongroom.files.model import Folder, Level
from strongroom.files.refusals import too_many
from strongroom.files.service.paging import IS_LISTED, visible
from strongroom.files.service.part import AT_ONCE, file_row, files
from strongroom.files.tables import node
from strongroom.files.tree import FILE, FOLDER, asks_no_list, own_levels
from strongroom.permissions import Identity

TOGETHER: Final = 500
"""Folders that are looked into with one query."""

IS_FOLDER: Final = node.c.kind == literal_column(f"'{FOLDER}'")
"""Spelt out, since an index of folders alone serves no statement that names a kind later."""

_COLUMNS: Final = (node.c.node_id, node.c.parent_id, node.c.name)


def below(folder_id: str, *, listed: bool = True, by: Identity | None = None) -> CTE:
    """The folders below a folder, each after the one that it is in.

    :param listed: without those that are in the trash themselves
    :param by: without those that they may not see, and what is in them
    """
    inside = select(*_COLUMNS).where(IS_FOLDER)
    if listed:
        inside = inside.where(IS_LISTED)
    inside = visible(inside, by)
    top = inside.where(node.c.parent_id == folder_id).cte("below", recursive=True)
    return top.union_all(inside.where(node.c.parent_id == top.c.node_id))


def folders_in(connection: Connection, folder_id: str) -> Sequence[Row[Any]]:
    """The listed folders below a folder, each after the one that it is in.

    :raises Refused: 409 ``too_many_at_once``
    """
    found = connection.execute(select(below(folder_id)).limit(AT_ONCE + 1)).all()
    if len(found) > AT_ONCE:
        raise too_many(AT_ONCE)
    return found


def files_in(
    connection: Connection, row: Row[Any], around: Folder, by: Identity | None, what: str
) -> tuple[list[tuple[Row[Any], str]], int]:
    """The file itself; or the listed files in a folder, at any depth, with their folders' paths.

    Whoever takes a folder away, or gives it back, must be allowed to in each folder in it.

    :param around: what it is in
    :param what: the act, as in “you may not …”
    :returns: the files; and how many folders they are in or could be
    :raises Refused: 403, 409 ``too_many_at_once``
    """
    if row.kind == FILE:
        file = file_row(connection, row.node_id)
        return [] if file is None else [(file, around.path)], 0
    folders = folders_in(connection, row.node_id)
    check_inside(connection, row, by, what)
    paths = Paths(row.node_id, around.below(row.name), folders)
    ids = [row.node_id, *(inner.node_id for inner in folders)]
    found: list[tuple[Row[Any], str]] = []
    for start in range(0, len(ids), TOGETHER):
        some = node.c.parent_id.in_(ids[start : start + TOGETHER])
        wanted = files().where(some, IS_LISTED).limit(AT_ONCE + 1 - len(found))
        found += [(one, paths.of(one.parent_id)) for one in connection.execute(wanted)]
        if len(found) > AT_ONCE:
            raise too_many(AT_ONCE)
    return found, len(ids)


def check_inside(connection: Connection, folder: Row[Any], by: Identity | None, what: str) -> None:
    """Refuse an act on a folder with folders in it that somebody may not change.

    Those that do not say themselves who may what are as the one that they are in.

    :raises Refused: 403
    """
    if asks_no_list(by):
        return
    ids = select(below(folder.node_id).c.node_id)
    levels = own_levels(connection, ids, by).values()
    if min(levels, default=Level.WRITE) < Level.WRITE:
        # Not its name: it may be one that they must not know.
        raise Refused(
            "permission_missing",
            f"There are folders in “{folder.name}” that you may not {what}. "
            "Ask whoever manages them.",
            status=403,
        )


class Paths:
    """Paths of folders below one; only of those that are asked for, since they may be long.

    :param folders: rows with the id, the name and what it is in
    """

    def __init__(self, top_id: str, top: str, folders: Sequence[Row[Any]]) -> None:
        self._known = {top_id: top}
        self._rows = {row.node_id: row for row in folders}

    def of(self, folder_id: str) -> str:
        """The path of a folder among them."""
        names: list[str] = []
        at = folder_id
        while at not in self._known:
            names.append(self._rows[at].name)
            at = self._rows[at].parent_id
        path = "/".join([self._known[at], *reversed(names)])
        self._known[folder_id] = path
        return path


class Tally:
    """Counts the files in folders, as far as somebody may see them, until it has seen enough.

    :param left: how many files and folders are looked at for all counts together
    """

    def __init__(self, connection: Connection, by: Identity | None, left: int) -> None:
        self._connection = connection
        self._by = by
        self._left = left

    def count(self, folder_id: str) -> int | None:
        """The listed files in a folder, at any depth; None where that would be looking too long."""
        seen = below(folder_id, by=self._by)
        inner = self._seen(select(seen.c.node_id))
        if inner is None:
            return None
        inside = select(node.c.node_id).where(node.c.kind == FILE, IS_LISTED)
        here = self._seen(inside.where(node.c.parent_id == folder_id))
        deeper = 0
        if inner:
            lower = self._seen(inside.where(node.c.parent_id.in_(select(seen.c.node_id))))
            if lower is None:
                return None
            deeper = lower
        return None if here is None else here + deeper

    def _seen(self, wanted: Any) -> int | None:
        looked = select(func.count()).select_from(wanted.limit(self._left + 1).subquery())
        count = int(self._connection.execute(looked).scalar_one())
        if count > self._left:
            self._left = 0
            return None
        self._left -= count
        return count

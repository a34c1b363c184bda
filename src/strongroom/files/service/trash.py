"""The trash: what is deleted can be had back, as it was and where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, update

from strongroom.errors import Refused
from strongroom.files.conditions import ANY, Condition
from strongroom.files.events import FileDeleted, FileRestored, FolderDeleted, FolderRestored
from strongroom.files.model import Folder, Level
from strongroom.files.names import check_filename, name_key
from strongroom.files.refusals import missing, root_fixed, taken, too_many
from strongroom.files.service.extent import check_extent
from strongroom.files.service.inside import files_in
from strongroom.files.service.part import (
    AT_ONCE,
    demand_node,
    file_row,
    now,
    sha256_of,
    touch,
)
from strongroom.files.service.trashed import TrashList
from strongroom.files.tables import ROOT_ID, node
from strongroom.files.tree import (
    FILE,
    FOLDER,
    LISTED,
    TRASHED,
    by_id,
    child,
    open_folder,
    outermost_first,
)
from strongroom.permissions import Identity

_DELETE = "delete files"


@dataclass(frozen=True, slots=True)
class Deleted:
    """What went to the trash, or came back.

    :param folder: that it was in, or is in again
    :param count: files, those in a folder included
    :param folders: that went along, itself included
    """

    node_id: str
    filename: str
    folder: str
    count: int
    folders: int = 0


class Trash(TrashList):
    """Deletes, and restores."""

    def trash(
        self,
        node_ids: Sequence[str],
        by: Identity | None = None,
        condition: Condition = ANY,
    ) -> list[Deleted]:
        """Move files and folders to the trash, all or none; their bytes are kept.

        Records ``file_deleted`` for every file, those in folders included, and ``folder_deleted``.

        :param condition: that each of them must meet
        :raises Refused: 404 ``file_not_found``, 403, 409 ``too_many_at_once`` or ``root_folder``,
            412 ``version_not_current``
        """

        def unit(connection: Connection) -> list[Deleted]:
            # What is in a folder that goes too is an act of its own, and comes before it.
            ids = reversed(outermost_first(connection, node_ids))
            return _each(node_ids, ids, lambda one: self._trash(connection, one, by, condition))

        return self._act(by, unit)

    def _trash(
        self, connection: Connection, node_id: str, by: Identity | None, condition: Condition
    ) -> Deleted:
        row = by_id(connection, node_id)
        if row is None or row.state != LISTED:
            raise missing()
        if node_id == ROOT_ID:
            raise root_fixed()
        around = demand_node(connection, row, by, Level.WRITE, _DELETE)
        if condition is not ANY:
            condition.check(row.name, sha256_of(connection, row))
        found, folders = files_in(connection, row, around, by, "delete")
        moment = now()
        connection.execute(
            update(node)
            .where(node.c.node_id == node_id)
            .values(state=TRASHED, changed_at=moment, trashed_by=None if by is None else by.user_id)
        )
        touch(connection, around.folder_id, moment)
        for one, path in found:
            self._audit.log(
                FileDeleted(
                    file_id=one.node_id,
                    filename=one.name,
                    folder=path,
                    file_size_bytes=one.file_size_bytes,
                    content_type=one.content_type,
                    sha256=one.sha256,
                )
            )
        if row.kind == FOLDER:
            path = around.below(row.name)
            self._audit.log(FolderDeleted(folder_id=node_id, folder=path, count=len(found)))
        return Deleted(node_id, row.name, around.path, len(found), folders)

    def restore(
        self, node_ids: Sequence[str], by: Identity | None = None, *, name: str | None = None
    ) -> list[Deleted]:
        """Put files and folders back where they were, all or none.

        Records ``file_restored`` for every file, those in folders included, and ``folder_restored``.

        :param name: another name, where its own is in use
        :raises Refused: 404 ``file_not_found``, 403, 409 ``filename_taken`` or ``folder_in_trash``
        """
        if name is not None:
            check_filename(name)

        def unit(connection: Connection) -> list[Deleted]:
            ids = outermost_first(connection, node_ids)
            return _each(node_ids, ids, lambda one: self._restore(connection, one, by, name))

        return self._act(by, unit)

    def _restore(
        self, connection: Connection, node_id: str, by: Identity | None, name: str | None
    ) -> Deleted:
        row, around = demand_trashed(connection, node_id, by, Level.WRITE, "restore files")
        if open_folder(connection, row.parent_id, by) is None:
            raise Refused(
                "folder_in_trash",
                f"“{row.name}” was in the folder “{around.path}”, which is in the trash too. "
                "Restore that first.",
                status=409,
            )
        name = row.name if name is None else name
        there = child(connection, row.parent_id, name)
        if there is not None:
            current = file_row(connection, there.node_id) if there.kind == FILE else None
            raise taken(name, None if current is None else current.sha256)
        if row.kind == FOLDER and name != row.name:
            check_extent(connection, node_id, around, name)
        moment = now()
        connection.execute(
            update(node)
            .where(node.c.node_id == node_id)
            .values(
                state=LISTED, name=name, name_key=name_key(name), changed_at=moment, trashed_by=None
            )
        )
        touch(connection, row.parent_id, moment)
        again = by_id(connection, node_id)
        if again is None:
            raise AssertionError("there a moment ago")
        found, folders = files_in(connection, again, around, by, "restore")
        renamed = row.name if name != row.name and row.kind == FILE else None
        for one, path in found:
            self._audit.log(
                FileRestored(
                    file_id=one.node_id,
                    filename=one.name,
                    folder=path,
                    sha256=one.sha256,
                    previous_filename=renamed,
                )
            )
        if row.kind == FOLDER:
            self._audit.log(
                FolderRestored(
                    folder_id=node_id,
                    folder=around.below(name),
                    count=len(found),
                    previous_folder=around.below(row.name) if name != row.name else None,
                )
            )
        return Deleted(node_id, name, around.path, len(found), folders)


def demand_trashed(
    connection: Connection, node_id: str, by: Identity | None, level: Level, what: str
) -> tuple[Row[Any], Folder]:
    """Something in the trash, and the folder it was in, when this much may be done there.

    :raises Refused: 404, 403
    """
    row = by_id(connection, node_id)
    if row is None or row.state != TRASHED:
        raise missing()
    return row, demand_node(connection, row, by, level, what, trashed=True)


def _each(
    node_ids: Sequence[str], in_turn: Iterable[str], act: Callable[[str], Deleted]
) -> list[Deleted]:
    """What became of each, in the order asked for.

    :raises Refused: 409 ``too_many_at_once``
    """
    done: dict[str, Deleted] = {}
    count = folders = 0
    for node_id in in_turn:
        done[node_id] = act(node_id)
        count += done[node_id].count
        folders += done[node_id].folders
        if max(count, folders) > AT_ONCE:
            raise too_many(AT_ONCE)
    return [done[node_id] for node_id in dict.fromkeys(node_ids)]

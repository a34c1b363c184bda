"""Another name, another folder: the same file, with its history."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, update

from strongroom.files.events import ChangeNotNeeded, FileMoved, FileRenamed, FolderMoved
from strongroom.files.model import Folder, Level
from strongroom.files.names import MAX_DEPTH, check_filename, name_key, split_path
from strongroom.files.refusals import into_itself, missing, root_fixed, taken
from strongroom.files.service.extent import check_extent
from strongroom.files.service.inside import check_inside
from strongroom.files.service.part import Part, demand, demand_node, file_row, now, touch
from strongroom.files.tables import ROOT_ID, node
from strongroom.files.tree import FILE, FOLDER, LISTED, by_id, child, open_folder, open_path
from strongroom.permissions import Identity

_MOVE = "move files"


class Moving(Part):
    """Renames and moves files and folders."""

    def node_at(self, path: str, by: Identity | None = None) -> str:
        """The id of the file or folder of that path, for acts that take one.

        :raises Refused: 404 ``file_not_found``, 400
        """
        names = split_path(path, MAX_DEPTH + 1)
        if not names:
            return ROOT_ID
        with self._store.read() as connection:
            folder = open_path(connection, names[:-1], by)
            found = None if folder is None else child(connection, folder.folder_id, names[-1])
            inside = found is not None and found.kind == FOLDER
            shown = open_folder(connection, found.node_id, by) if found and inside else folder
            if found is None or shown is None or shown.level < Level.READ:
                raise missing(path, hidden=found is not None)
            return str(found.node_id)

    def move(
        self,
        node_id: str,
        by: Identity | None = None,
        *,
        name: str | None = None,
        folder_id: str | None = None,
    ) -> str:
        """Give a file or folder another name, put it into another folder, or both.

        Records ``file_renamed``, ``file_moved`` or ``folder_moved``.

        :param name: None to keep it
        :param folder_id: None to leave it where it is
        :returns: its path from now on
        :raises Refused: 404, 403, 409 ``filename_taken`` or ``folder_into_itself``, or 400
        """
        if name is not None:
            check_filename(name)

        def unit(connection: Connection) -> str:
            return self._move(connection, node_id, by, name, folder_id)

        return self._act(by, unit)

    def move_all(self, node_ids: list[str], folder_id: str, by: Identity | None = None) -> int:
        """Put files and folders into another folder, all or none; returns how many.

        :raises Refused: as :meth:`move`
        """

        def unit(connection: Connection) -> int:
            for node_id in dict.fromkeys(node_ids):
                self._move(connection, node_id, by, None, folder_id)
            return len(set(node_ids))

        return self._act(by, unit)

    def _move(
        self,
        connection: Connection,
        node_id: str,
        by: Identity | None,
        name: str | None,
        folder_id: str | None,
    ) -> str:
        row = by_id(connection, node_id)
        if row is None or row.state != LISTED:
            raise missing()
        if row.node_id == ROOT_ID:
            raise root_fixed()
        source = demand_node(connection, row, by, Level.WRITE, _MOVE)
        target = source
        if folder_id is not None and folder_id != source.folder_id:
            target = demand(open_folder(connection, folder_id, by), folder_id, Level.WRITE, _MOVE)
        name = row.name if name is None else name
        if (target.folder_id, name) == (row.parent_id, row.name):
            self._audit.log(_not_needed(row, source))
            return source.below(name)
        if row.kind == FOLDER and target is not source:
            # Else it could be taken from those who have it, to where they cannot go.
            check_inside(connection, row, by, "move")
        self._check_place(connection, row, target, name)
        moment = now()
        connection.execute(
            update(node)
            .where(node.c.node_id == node_id)
            .values(parent_id=target.folder_id, name=name, name_key=name_key(name))
        )
        for changed in {source.folder_id, target.folder_id}:
            touch(connection, changed, moment)
        self._record_move(row, source, target, name)
        return target.below(name)

    def _check_place(
        self, connection: Connection, row: Row[Any], target: Folder, name: str
    ) -> None:
        if row.kind == FOLDER:
            if row.node_id in target.chain:
                raise into_itself(row.name)
            check_extent(connection, row.node_id, target, name)
        found = child(connection, target.folder_id, name)
        if found is not None:
            current = file_row(connection, found.node_id) if found.kind == FILE else None
            raise taken(name, None if current is None else current.sha256)

    def _record_move(self, row: Row[Any], source: Folder, target: Folder, name: str) -> None:
        if row.kind == FOLDER:
            self._audit.log(
                FolderMoved(
                    folder_id=row.node_id,
                    folder=target.below(name),
                    previous_folder=source.below(row.name),
                )
            )
        elif source.folder_id == target.folder_id:
            self._audit.log(
                FileRenamed(
                    file_id=row.node_id,
                    filename=name,
                    previous_filename=row.name,
                    folder=target.path,
                )
            )
        else:
            self._audit.log(
                FileMoved(
                    file_id=row.node_id,
                    filename=name,
                    previous_filename=row.name,
                    folder=target.path,
                    previous_folder=source.path,
                )
            )


def _not_needed(row: Row[Any], around: Folder) -> ChangeNotNeeded:
    if row.kind == FOLDER:
        return ChangeNotNeeded(folder_id=row.node_id, folder=around.below(row.name))
    return ChangeNotNeeded(file_id=row.node_id, filename=row.name, folder=around.path)

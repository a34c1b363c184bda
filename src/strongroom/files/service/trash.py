"""The trash: what is deleted can be had back, as it was and where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from strongroom.errors import Refused
from strongroom.files.events import FileDeleted, FileRestored, FolderDeleted, FolderRestored
from strongroom.files.model import Folder, Level, Trashed, rfc3339
from strongroom.files.names import check_filename, name_key
from strongroom.files.refusals import missing, root_fixed, taken, too_many
from strongroom.files.service.part import (
    AT_ONCE,
    DAY,
    Part,
    demand_node,
    file_row,
    files,
    now,
    touch,
)
from strongroom.files.tables import ROOT_ID, file_version, node
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
    """

    node_id: str
    filename: str
    folder: str
    count: int


class Trash(Part):
    """Deletes, lists what was deleted, and restores."""

    def trash(self, node_ids: Sequence[str], by: Identity | None = None) -> list[Deleted]:
        """Move files and folders to the trash, all or none; their bytes are kept.

        Records ``file_deleted`` for every file, those in folders included, and ``folder_deleted``.

        :raises Refused: 404 ``file_not_found``, 403, 409 ``too_many_at_once`` or ``root_folder``
        """

        def unit(connection: Connection) -> list[Deleted]:
            # What is in a folder that goes too is an act of its own, and comes before it.
            ids = reversed(outermost_first(connection, node_ids))
            return _each(node_ids, ids, lambda one: self._trash(connection, one, by))

        return self._act(by, unit)

    def _trash(self, connection: Connection, node_id: str, by: Identity | None) -> Deleted:
        row = by_id(connection, node_id)
        if row is None or row.state != LISTED:
            raise missing(node_id)
        if node_id == ROOT_ID:
            raise root_fixed()
        around = demand_node(connection, row, by, Level.WRITE, _DELETE)
        if row.kind == FOLDER:
            self._check_all(connection, row, by)
        moment = now()
        connection.execute(
            update(node)
            .where(node.c.node_id == node_id)
            .values(state=TRASHED, changed_at=moment, trashed_by=None if by is None else by.user_id)
        )
        touch(connection, around.folder_id, moment)
        found = files_in(connection, row, around)
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
        return Deleted(node_id, row.name, around.path, len(found))

    def _check_all(self, connection: Connection, folder: Row[Any], by: Identity | None) -> None:
        """Whoever deletes a folder must be allowed to in each folder in it.

        :raises Refused: 403
        """
        for row in folders_in(connection, folder.node_id):
            inner = open_folder(connection, row.node_id, by)
            if inner is not None and inner.level < Level.WRITE:
                # Not its name: it may be one that they must not know.
                raise Refused(
                    "permission_missing",
                    f"There are folders in “{folder.name}” that you may not delete. "
                    "Ask whoever manages them.",
                    status=403,
                )

    def trashed(
        self,
        by: Identity | None = None,
        limit: int = 1_000,
        at_least: Level = Level.WRITE,
    ) -> list[Trashed]:
        """The newest in the trash that whoever asks could restore.

        :param at_least: what they may do there; :attr:`Level.MANAGE` for what they could purge
        """
        wanted = (
            select(node, file_version.c.file_size_bytes)
            .outerjoin(file_version, node.c.version_id == file_version.c.version_id)
            .where(node.c.state == TRASHED)
            .order_by(node.c.changed_at.desc(), node.c.node_id.desc())
            .execution_options(yield_per=200)
        )
        found: list[Trashed] = []
        places: dict[str, Folder | None] = {}
        with self._store.read() as connection:
            for row in connection.execute(wanted):
                if row.parent_id not in places:
                    places[row.parent_id] = open_folder(connection, row.parent_id, by, trashed=True)
                around = places[row.parent_id]
                own = around
                if row.kind == FOLDER:
                    own = open_folder(connection, row.node_id, by, trashed=True)
                if around is None or own is None:
                    continue
                level = min(around.level, own.level)
                if level < at_least:
                    continue
                found.append(self._shown(connection, row, around, level))
                if len(found) == limit:
                    break
        return found

    def _shown(
        self, connection: Connection, row: Row[Any], around: Folder, level: Level
    ) -> Trashed:
        days = self.limits.trash_days
        inside = row.kind == FOLDER
        return Trashed(
            node_id=row.node_id,
            kind=row.kind,
            filename=row.name,
            folder=around.path,
            file_size_bytes=row.file_size_bytes,
            count=_count_files(connection, row.node_id) if inside else None,
            trashed_at=rfc3339(row.changed_at),
            trashed_by=row.trashed_by,
            purged_at=rfc3339(row.changed_at + days * DAY) if days else None,
            can_purge=level >= Level.MANAGE,
        )

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
        moment = now()
        connection.execute(
            update(node)
            .where(node.c.node_id == node_id)
            .values(
                state=LISTED, name=name, name_key=name_key(name), changed_at=moment, trashed_by=None
            )
        )
        touch(connection, row.parent_id, moment)
        found = files_in(connection, by_id(connection, node_id), around)
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
        return Deleted(node_id, name, around.path, len(found))


def demand_trashed(
    connection: Connection, node_id: str, by: Identity | None, level: Level, what: str
) -> tuple[Row[Any], Folder]:
    """Something in the trash, and the folder it was in, when this much may be done there.

    :raises Refused: 404, 403
    """
    row = by_id(connection, node_id)
    if row is None or row.state != TRASHED:
        raise missing(node_id)
    return row, demand_node(connection, row, by, level, what, trashed=True)


def folders_in(connection: Connection, folder_id: str) -> Sequence[Row[Any]]:
    """The listed folders below a folder, at any depth, each after the one that it is in."""
    columns = (node.c.node_id, node.c.parent_id, node.c.name)
    listed = (node.c.kind == FOLDER) & (node.c.state == LISTED)
    below = (
        select(*columns).where(node.c.parent_id == folder_id, listed).cte("below", recursive=True)
    )
    deeper = below.union_all(select(*columns).where(node.c.parent_id == below.c.node_id, listed))
    return connection.execute(select(deeper)).all()


def files_in(
    connection: Connection, row: Row[Any] | None, around: Folder
) -> list[tuple[Row[Any], str]]:
    """The file itself; or the listed files in a folder, at any depth, with their folders' paths.

    :param around: what it is in
    :raises Refused: 409 ``too_many_at_once``
    """
    if row is None:
        raise AssertionError("there a moment ago")
    if row.kind == FILE:
        found = file_row(connection, row.node_id)
        return [] if found is None else [(found, around.path)]
    paths = {row.node_id: around.below(row.name)}
    for inner in folders_in(connection, row.node_id):
        paths[inner.node_id] = f"{paths[inner.parent_id]}/{inner.name}"
    ids = list(paths)
    found_all: list[tuple[Row[Any], str]] = []
    for start in range(0, len(ids), 500):
        some = node.c.parent_id.in_(ids[start : start + 500])
        wanted = files().where(some, node.c.state == LISTED).limit(AT_ONCE + 1)
        found_all += [(one, paths[one.parent_id]) for one in connection.execute(wanted)]
        if len(found_all) > AT_ONCE:
            raise too_many(_count_files(connection, row.node_id), AT_ONCE)
    return found_all


def _count_files(connection: Connection, folder_id: str) -> int:
    """The listed files in a folder, at any depth."""
    ids = [folder_id, *(inner.node_id for inner in folders_in(connection, folder_id))]
    count = 0
    for start in range(0, len(ids), 500):
        some = node.c.parent_id.in_(ids[start : start + 500])
        counted = select(func.count()).select_from(node)
        wanted = counted.where(some, node.c.kind == FILE, node.c.state == LISTED)
        count += connection.execute(wanted).scalar_one()
    return count


def _each(
    node_ids: Sequence[str], in_turn: Iterable[str], act: Callable[[str], Deleted]
) -> list[Deleted]:
    """What became of each, in the order asked for.

    :raises Refused: 409 ``too_many_at_once``
    """
    done: dict[str, Deleted] = {}
    count = 0
    for node_id in in_turn:
        done[node_id] = act(node_id)
        count += done[node_id].count
        if count > AT_ONCE:
            raise too_many(count, AT_ONCE)
    return [done[node_id] for node_id in dict.fromkeys(node_ids)]

"""Steps in which a folder goes for good, so that nobody waits long for a large one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Row, delete, exists, select

from strongroom.files.model import Level
from strongroom.files.refusals import may_not, missing
from strongroom.files.service.inside import IS_FOLDER, TOGETHER, Paths
from strongroom.files.service.trash import demand_trashed
from strongroom.files.tables import file_version, folder_permission, node
from strongroom.files.tree import FILE, by_id, chain_of, own_levels, path_of
from strongroom.permissions import Identity

IN_STEPS: Final = 1_000
"""Contents purged in one transaction: others shall not wait for a large folder."""

PURGE: Final = "delete anything for good"


class Drops(Protocol):
    """What a step does with what it has found; the service does it."""

    def drop_versions(
        self,
        connection: Connection,
        rows: Sequence[Row[Any]],
        path_in: Callable[[str], str] | None = None,
    ) -> None:
        """Delete versions, and record it."""

    def record_folder(self, folder_id: str, path: str, count: int) -> None:
        """Record that a folder is gone for good, with so many contents."""


class Step:
    """Purges some of what is below something in the trash, and at last that itself.

    It goes down to the deepest folders it comes to, and up again: with what is in a folder gone, the
    folder goes. So a step looks at a few folders of each depth, however many there are.
    """

    def __init__(
        self,
        service: Drops,
        node_id: str,
        by: Identity | None,
        purged_before: int,
        *,
        old: int | None,
    ) -> None:
        self._service = service
        self._node_id = node_id
        self._by = by
        self._before = purged_before
        self._old = old
        self._left = IN_STEPS
        self._purged = 0

    def run(self, connection: Connection) -> tuple[bool, int]:
        """Whether that was all, and how many contents went."""
        row, around = demand_trashed(connection, self._node_id, self._by, Level.MANAGE, PURGE)
        if self._old is not None and row.changed_at >= self._old:
            raise missing()  # restored meanwhile, and deleted again
        if row.kind == FILE:
            self._purge(connection, [row], lambda _folder_id: around.path)
            return by_id(connection, row.node_id) is None, self._purged
        levels = self._levels(connection, row)
        paths = Paths(row.node_id, around.below(row.name), [one for some in levels for one in some])
        for folders in reversed(levels):
            ids = [one.node_id for one in folders]
            check_below(connection, self._node_id, ids, self._by)
            inside = select(node).where(node.c.parent_id.in_(ids), node.c.kind == FILE)
            while self._left > 0 and (files := connection.execute(inside.limit(self._left)).all()):
                self._purge(connection, files, paths.of)
            if self._left <= 0:
                return False, self._purged
            self._left -= _drop_empty(connection, ids)
        if by_id(connection, row.node_id) is not None:
            return False, self._purged
        self._service.record_folder(
            row.node_id, around.below(row.name), self._before + self._purged
        )
        return True, self._purged

    def _levels(self, connection: Connection, row: Row[Any]) -> list[Sequence[Any]]:
        """Some of the folders of each depth, whatever their state; those of the last have none."""
        levels: list[Sequence[Any]] = [[row]]
        columns = (node.c.node_id, node.c.parent_id, node.c.name)
        while levels[-1]:
            above = [one.node_id for one in levels[-1]]
            inside = select(*columns).where(node.c.parent_id.in_(above), IS_FOLDER)
            levels.append(connection.execute(inside.limit(min(IN_STEPS, TOGETHER))).all())
        return levels[:-1]

    def _purge(
        self,
        connection: Connection,
        files: Sequence[Row[Any]],
        path_in: Callable[[str], str],
    ) -> None:
        """Delete the contents of these files, as many as are left for this step; and the files."""
        versions = self._versions(connection, files)
        self._service.drop_versions(connection, versions, path_in)
        self._purged += len(versions)
        self._left -= max(len(versions), len(files))
        # Not one that has content left; and none may come back without one.
        left = exists().where(file_version.c.file_id == node.c.node_id)
        for start in range(0, len(files), TOGETHER):
            some = [one.node_id for one in files[start : start + TOGETHER]]
            connection.execute(delete(node).where(node.c.node_id.in_(some), ~left))

    def _versions(self, connection: Connection, files: Sequence[Row[Any]]) -> list[Row[Any]]:
        found: list[Row[Any]] = []
        for start in range(0, len(files), TOGETHER):
            some = [one.node_id for one in files[start : start + TOGETHER]]
            wanted = (
                select(file_version, node.c.name, node.c.parent_id)
                .join(node, node.c.node_id == file_version.c.file_id)
                .where(file_version.c.file_id.in_(some))
                # Those that are shown go last: what is restored between two steps has them yet.
                .order_by(file_version.c.replaced_at.is_(None))
                .limit(self._left - len(found))
            )
            found += connection.execute(wanted).all()
            if len(found) == self._left:
                break
        return found


def check_below(connection: Connection, node_id: str, folder_ids: Any, by: Identity | None) -> None:
    """Whoever purges a folder must manage every folder in it.

    :param folder_ids: some of these, or a query for them
    :raises Refused: 403
    """
    levels = own_levels(connection, folder_ids, by).values()
    if min(levels, default=Level.MANAGE) < Level.MANAGE:
        raise may_not(PURGE, path_of(chain_of(connection, node_id)))


def _drop_empty(connection: Connection, folder_ids: Sequence[str]) -> int:
    """Delete those of these folders that nothing is in any more; how many."""
    inside = node.alias()
    wanted = select(node.c.node_id).where(
        node.c.node_id.in_(folder_ids), ~exists().where(inside.c.parent_id == node.c.node_id)
    )
    ids = connection.execute(wanted).scalars().all()
    if ids:
        connection.execute(delete(folder_permission).where(folder_permission.c.folder_id.in_(ids)))
        connection.execute(delete(node).where(node.c.node_id.in_(ids)))
    return len(ids)

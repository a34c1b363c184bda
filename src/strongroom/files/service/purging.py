"""Gone for good: what was long enough in the trash, or is to go now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, exists, select

from strongroom.errors import Refused
from strongroom.files.events import FilePurged, FolderPurged
from strongroom.files.model import Level
from strongroom.files.refusals import may_not, missing
from strongroom.files.service.part import DAY, now
from strongroom.files.service.room import Room
from strongroom.files.service.trash import Trash, demand_trashed
from strongroom.files.tables import file_version, folder_permission, node
from strongroom.files.tree import (
    FILE,
    FOLDER,
    TRASHED,
    by_id,
    chain_of,
    open_folder,
    outermost_first,
    path_of,
)
from strongroom.permissions import Identity, Role

IN_STEPS: Final = 1_000
"""Contents purged in one transaction: others shall not wait for a large folder."""

_PURGE: Final = "delete anything for good"


class Purging(Trash, Room):
    """Deletes for good. The bytes go with the next collection, unless another file has the same."""

    def purge(self, node_ids: Sequence[str], by: Identity | None = None) -> int:
        """Delete for good what is in the trash, in steps; each that is done stays done.

        Records ``file_purged`` for every content, versions included, and ``folder_purged``.

        :returns: how many contents
        :raises Refused: 404 ``file_not_found``, or 403
        """
        with self._store.read() as connection:
            # What is in a folder that goes too would be gone with it.
            ids = outermost_first(connection, node_ids)[::-1]
        return sum(self._purge(node_id, by) for node_id in ids)

    def _purge(self, node_id: str, by: Identity | None, old: int | None = None) -> int:
        """Delete one thing for good, if it was deleted before ``old``; returns how many contents.

        :raises Refused: 404 ``file_not_found``, or 403
        """
        count = 0
        while True:
            done, purged = self._act(by, _Step(self, node_id, by, count, old=old).run)
            count += purged
            if done:
                return count

    def empty_trash(self, by: Identity | None = None) -> int:
        """Delete everything in the trash for good that whoever asks may; returns how many contents."""
        count, kept = 0, set[str]()
        while found := [
            item.node_id
            for item in self.trashed(by, at_least=Level.MANAGE)
            if item.node_id not in kept
        ]:
            for node_id in reversed(found):  # what is in a folder was deleted before it
                try:
                    count += self.purge([node_id], by)
                except Refused as refusal:
                    if refusal.reason == "permission_revoked":
                        raise
                    kept.add(node_id)  # there is something in it that they may not purge
        return count

    def purge_old(self, stopping: Callable[[], bool] = lambda: False) -> int:
        """Delete for good what was replaced or deleted before as many days as the trash keeps.

        :param stopping: asked between two steps; what is left then is left to the next time
        :returns: how many contents
        """
        if not self.limits.trash_days:
            return 0
        before = now() - self.limits.trash_days * DAY
        count = 0
        old = select(node.c.node_id).where(node.c.state == TRASHED, node.c.changed_at < before)
        with self._store.read() as connection:
            trashed = connection.execute(old.order_by(node.c.changed_at)).scalars().all()
        for node_id in trashed:
            if stopping():
                return count
            # It may be gone: restored meanwhile, or purged with a folder that it was in.
            with suppress(Refused):
                count += self._purge(node_id, None, before)
        while not stopping():
            purged = self._act(None, lambda c: self._purge_replaced(c, before))
            count += purged
            if not purged:
                break
        return count

    def _purge_replaced(self, connection: Connection, before: int) -> int:
        wanted = (
            select(file_version, node.c.name, node.c.parent_id)
            .join(node, node.c.node_id == file_version.c.file_id)
            .where(file_version.c.replaced_at < before)
            .limit(IN_STEPS)
        )
        rows = connection.execute(wanted).all()
        self.drop_versions(connection, rows)
        return len(rows)

    def drop_versions(self, connection: Connection, rows: Sequence[Row[Any]]) -> None:
        """Delete versions, given with name and folder of their files, and record it."""
        paths: dict[str, str] = {}
        sizes: Counter[str] = Counter()
        for row in rows:
            if row.parent_id not in paths:
                paths[row.parent_id] = path_of(chain_of(connection, row.parent_id))
            if row.created_by is not None:
                sizes[row.created_by] += row.file_size_bytes
            connection.execute(
                delete(file_version).where(file_version.c.version_id == row.version_id)
            )
            self._audit.log(
                FilePurged(
                    file_id=row.file_id,
                    filename=row.name,
                    folder=paths[row.parent_id],
                    file_size_bytes=row.file_size_bytes,
                    sha256=row.sha256,
                )
            )
        self._release(connection, dict(sizes))

    def record_folder(self, folder_id: str, path: str, count: int) -> None:
        """Record that a folder is gone for good, with so many contents."""
        self._audit.log(FolderPurged(folder_id=folder_id, folder=path, count=count))


class _Step:
    """Purges some of what is below something in the trash, and at last that itself."""

    def __init__(
        self,
        service: Purging,
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

    def run(self, connection: Connection) -> tuple[bool, int]:
        """Whether that was all, and how many contents went."""
        row, around = demand_trashed(connection, self._node_id, self._by, Level.MANAGE, _PURGE)
        if self._old is not None and row.changed_at >= self._old:
            raise missing(self._node_id)  # restored meanwhile, and deleted again
        folder_ids = _folders_of(connection, row)
        self._check_all(connection, folder_ids)
        files = self._files(connection, row, folder_ids)
        versions = self._versions(connection, files)
        self._service.drop_versions(connection, versions)
        self._drop_emptied(connection, files)
        if row.kind == FILE:
            return by_id(connection, row.node_id) is None, len(versions)
        if len(versions) == IN_STEPS or len(files) == IN_STEPS:
            return False, len(versions)
        for folder_id in reversed(folder_ids):
            connection.execute(
                delete(folder_permission).where(folder_permission.c.folder_id == folder_id)
            )
            connection.execute(delete(node).where(node.c.node_id == folder_id))
        self._service.record_folder(
            row.node_id, around.below(row.name), self._before + len(versions)
        )
        return True, len(versions)

    def _drop_emptied(self, connection: Connection, files: Sequence[Row[Any]]) -> None:
        """Delete the files that have no content left: they must not come back without one."""
        left = exists().where(file_version.c.file_id == node.c.node_id)
        for start in range(0, len(files), 500):
            some = [one.node_id for one in files[start : start + 500]]
            connection.execute(delete(node).where(node.c.node_id.in_(some), ~left))

    def _check_all(self, connection: Connection, folder_ids: Sequence[str]) -> None:
        """Whoever purges a folder must manage every folder in it.

        :raises Refused: 403
        """
        if self._by is None or self._by.user_id is None or self._by.role is Role.ADMIN:
            return
        for folder_id in folder_ids:
            folder = open_folder(connection, folder_id, self._by, trashed=True)
            if folder is not None and folder.level < Level.MANAGE:
                raise may_not(_PURGE, path_of(chain_of(connection, self._node_id)))

    def _files(
        self, connection: Connection, row: Row[Any], folder_ids: Sequence[str]
    ) -> Sequence[Row[Any]]:
        if row.kind == FILE:
            return [row]
        found: list[Row[Any]] = []
        for start in range(0, len(folder_ids), 500):
            some = node.c.parent_id.in_(folder_ids[start : start + 500])
            wanted = select(node).where(some, node.c.kind == FILE).limit(IN_STEPS - len(found))
            found += connection.execute(wanted).all()
            if len(found) == IN_STEPS:
                break
        return found

    def _versions(self, connection: Connection, files: Sequence[Row[Any]]) -> list[Row[Any]]:
        found: list[Row[Any]] = []
        for start in range(0, len(files), 500):
            some = [one.node_id for one in files[start : start + 500]]
            wanted = (
                select(file_version, node.c.name, node.c.parent_id)
                .join(node, node.c.node_id == file_version.c.file_id)
                .where(file_version.c.file_id.in_(some))
                # Those that are shown go last: what is restored between two steps has them yet.
                .order_by(file_version.c.replaced_at.is_(None))
                .limit(IN_STEPS - len(found))
            )
            found += connection.execute(wanted).all()
            if len(found) == IN_STEPS:
                break
        return found


def _folders_of(connection: Connection, row: Row[Any]) -> list[str]:
    """The folder and all below it, whatever their state, each after the one that it is in."""
    if row.kind == FILE:
        return []
    start = select(node.c.node_id).where(node.c.node_id == row.node_id)
    below = start.cte("below", recursive=True)
    deeper = below.union_all(
        select(node.c.node_id).where(node.c.parent_id == below.c.node_id, node.c.kind == FOLDER)
    )
    return list(connection.execute(select(deeper)).scalars())

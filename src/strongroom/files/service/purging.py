"""Gone for good: what was long enough in the trash, or is to go now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from strongroom.errors import Refused
from strongroom.files.events import ChangeNotNeeded, FilePurged, FolderPurged
from strongroom.files.model import Level
from strongroom.files.service import purge_steps
from strongroom.files.service.inside import below
from strongroom.files.service.part import DAY, now
from strongroom.files.service.room import Room
from strongroom.files.service.sifting import Edge, Sifting
from strongroom.files.service.trash import Trash, demand_trashed
from strongroom.files.tables import file_version, node
from strongroom.files.tree import TRASHED, chain_of, outermost_first, path_of
from strongroom.permissions import Identity


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
        with self._store.read() as connection:
            self._check_valid(connection, by)
            row, _ = demand_trashed(connection, node_id, by, Level.MANAGE, purge_steps.PURGE)
            # Before anything goes. Each step asks again, for what it is about to delete.
            purge_steps.check_below(
                connection, row.node_id, select(below(node_id, listed=False).c.node_id), by
            )
        count = 0
        while True:
            done, purged = self._act(by, purge_steps.Step(self, node_id, by, count, old=old).run)
            count += purged
            if done:
                return count

    def empty_trash(self, by: Identity | None = None) -> int:
        """Delete everything in the trash for good that whoever asks may; returns how many contents.

        What may not go, for something in it, stays, and what is older is gone on with. Records
        ``change_not_needed`` where nothing went.
        """
        count, gone = 0, False
        after: Edge | None = None
        while True:
            with self._store.read() as connection:
                sifting = Sifting(
                    connection,
                    by,
                    after=after,
                    rows=purge_steps.IN_STEPS,
                    places=purge_steps.IN_STEPS,
                )
                found = [row.node_id for row, _ in sifting.found(Level.MANAGE)]
            for node_id in reversed(found):  # what is in a folder was deleted before it
                try:
                    count += self._purge(node_id, by)
                    gone = True
                except Refused as refusal:
                    if refusal.reason == "permission_revoked":
                        raise
                    # There is something in it that they may not purge.
            after = sifting.edge
            if after is None:
                break
        if not gone:
            self._act(by, lambda _connection: self._audit.log(ChangeNotNeeded()))
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
            .limit(purge_steps.IN_STEPS)
        )
        rows = connection.execute(wanted).all()
        self.drop_versions(connection, rows)
        return len(rows)

    def drop_versions(
        self,
        connection: Connection,
        rows: Sequence[Row[Any]],
        path_in: Callable[[str], str] | None = None,
    ) -> None:
        """Delete versions, given with name and folder of their files, and record it.

        :param path_in: gives the path of a folder, where that is known already
        """
        paths: dict[str, str] = {}
        sizes: Counter[str] = Counter()
        for row in rows:
            if row.parent_id not in paths:
                paths[row.parent_id] = (
                    path_in(row.parent_id)
                    if path_in is not None
                    else path_of(chain_of(connection, row.parent_id))
                )
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

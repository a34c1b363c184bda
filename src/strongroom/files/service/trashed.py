"""What is in the trash, as far as somebody could have it back."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Row

from strongroom.files.model import Level, Trashed, TrashPage, rfc3339
from strongroom.files.service.inside import Tally
from strongroom.files.service.part import DAY, Part
from strongroom.files.service.sifting import Edge, Sifting, edge_of
from strongroom.files.tree import FOLDER, open_folder
from strongroom.permissions import Identity

COUNTED: Final = 100
"""More things in the trash than these are not counted for a page that shows how many."""

LOOKED_AT: Final = 1_000
PLACES: Final = 200
"""How much is looked at for that."""

PAGE_ROWS: Final = 10_000
PAGE_PLACES: Final = 1_000
"""Things that are looked at for one page of the trash, and folders that are looked up."""

TALLIED: Final = 20_000
"""Files and folders in trashed folders that are looked at for one page, to say how many there are."""


class TrashList(Part):
    """Lists what was deleted."""

    def trashed(
        self,
        by: Identity | None = None,
        *,
        cursor: str | None = None,
        limit: int = 200,
    ) -> TrashPage:
        """One page of what whoever asks could restore, the newest first.

        A page may have fewer than ``limit``, or none, and another one after it.

        :raises Refused: 400 ``cursor_not_valid``
        """
        after = None if cursor is None else Edge.read(cursor)
        found: list[Trashed] = []
        with self._store.read() as connection:
            sifting = Sifting(connection, by, after=after, rows=PAGE_ROWS, places=PAGE_PLACES)
            tally = Tally(connection, by, TALLIED)
            last: Row[Any] | None = None
            for row, level in sifting.found(Level.WRITE):
                if len(found) == limit and last is not None:
                    return TrashPage(found, edge_of(last).as_cursor())
                found.append(self._shown(connection, row, level, tally))
                last = row
        end = sifting.edge
        return TrashPage(found, None if end is None else end.as_cursor(), partial=end is not None)

    def trash_count(self, by: Identity | None = None) -> int:
        """How many things in the trash whoever asks could restore, as far as :data:`COUNTED`.

        Cheap enough for every page: only the newest :data:`LOOKED_AT` are looked at, in
        :data:`PLACES` folders at most. Where the trash is full of what others may not see, it is a
        count of those among them; that it is no more than that would tell of the others.
        """
        count = 0
        with self._store.read() as connection:
            sifting = Sifting(connection, by, rows=LOOKED_AT, places=PLACES)
            for count, _ in enumerate(sifting.found(Level.WRITE), start=1):
                if count == COUNTED:
                    break
        return count

    def _shown(self, connection: Connection, row: Row[Any], level: Level, tally: Tally) -> Trashed:
        days = self.limits.trash_days
        inside = row.kind == FOLDER
        around = open_folder(connection, row.parent_id, None, trashed=True)
        return Trashed(
            node_id=row.node_id,
            kind=row.kind,
            filename=row.name,
            folder="/" if around is None else around.path,
            file_size_bytes=None if inside else row.file_size_bytes,
            count=tally.count(row.node_id) if inside else None,
            trashed_at=rfc3339(row.changed_at),
            trashed_by=row.trashed_by,
            purged_at=rfc3339(row.changed_at + days * DAY) if days else None,
            can_purge=level >= Level.MANAGE,
        )

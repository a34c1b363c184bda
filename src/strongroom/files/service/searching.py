"""Searching: by part of a name, in a folder and all below it.

No index finds the middle of a word, so names are looked through, the newest first; but never more
than :data:`VISITED` of each kind for one page. Where that is not the end, the page says so and its
cursor goes on from there, so that whoever follows the cursors has looked through all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, false, func, not_, select

from strongroom.files.model import Folder, Level, Listing, Sort
from strongroom.files.names import name_key
from strongroom.files.service.paging import (
    IS_LISTED,
    Place,
    beyond,
    page,
    parts,
    place_of,
    visible,
    write_cursor,
)
from strongroom.files.service.part import stored
from strongroom.files.service.subfolders import counts_in, subfolder
from strongroom.files.tables import node
from strongroom.files.tree import FILE, FOLDER, chain_of, is_listed, level_in, path_of
from strongroom.permissions import Identity

VISITED: Final = 50_000
"""Names of each kind that are looked through for one page."""

SCANNED: Final = 1_000
"""Hits that are fetched together."""

PLACES: Final = 1_000
"""Folders of hits that are looked up for one page, to see whether the hit is where it was looked for."""

SMALL: Final = 500
"""Folders below one up to which its own names alone are looked through; else those of all."""

_SORT: Final = Sort.CHANGED


def searched(
    connection: Connection,
    folder: Folder,
    by: Identity | None,
    query: str,
    *,
    cursor: str | None,
    limit: int,
) -> Listing:
    """One page of what bears the query in its name: folders first, the newest first.

    A page may have fewer hits than ``limit``, or none, and another one after it.

    :raises Refused: 400 ``cursor_not_valid``
    """
    found = _Found(connection, folder, by, limit)
    below = _below(connection, folder)
    end: str | None = None
    for kind, after in parts(cursor, _SORT):
        edge = _edge(connection, kind, after) if below is None else None
        wanted = _matching(page(kind, _SORT, after), query)
        if below is not None:
            # Not by an index that is in this order: that one has the names of all folders.
            moment = (node.c.changed_at + 0).desc()
            wanted = wanted.where(node.c.parent_id.in_(below))
            wanted = wanted.order_by(None).order_by(moment, node.c.node_id.desc())
        if edge is not None:
            wanted = wanted.where(not_(beyond(_SORT, edge)))
        end = found.take(visible(wanted, by) if kind == FOLDER else wanted)
        if end is None and edge is not None:
            end = write_cursor(edge, _SORT)
            found.partial = True
        if end is not None:
            break
    return found.listing(query, end)


@dataclass(slots=True)
class _Found:
    """Hits that lie in the folder or below it, and may be seen."""

    connection: Connection
    folder: Folder
    by: Identity | None
    limit: int
    partial: bool = False
    _hits: list[Row[Any]] = field(default_factory=list)
    _places: dict[str, bool] = field(default_factory=dict)
    """Whether the folder is one whose hits may be shown: no paths, which may be long and many."""

    def take(self, wanted: Select[Any]) -> str | None:
        """Take hits until there are enough; the cursor that goes on then, None at the end."""
        last: Row[Any] | None = None
        # Read as needed: however many hits may not be seen, they are gone through once.
        with self.connection.execute(wanted.execution_options(yield_per=SCANNED)) as rows:
            for row in rows:
                if row.parent_id not in self._places:
                    if len(self._places) >= PLACES and last is not None:
                        self.partial = True
                        return write_cursor(place_of(last, _SORT), _SORT)
                    self._places[row.parent_id] = self._is_inside(row.parent_id)
                if self._places[row.parent_id]:
                    if len(self._hits) == self.limit:
                        return write_cursor(place_of(self._hits[-1], _SORT), _SORT)
                    self._hits.append(row)
                last = row
        return None

    def _is_inside(self, place_id: str) -> bool:
        chain = chain_of(self.connection, place_id)
        ids = [row.node_id for row in chain]
        if self.folder.folder_id not in ids or not is_listed(chain):
            return False
        return level_in(self.connection, ids, self.by) >= Level.READ

    def listing(self, query: str, end: str | None) -> Listing:
        """The page."""
        ids = [row.node_id for row in self._hits if row.kind == FOLDER]
        counts = counts_in(self.connection, ids, self.by)
        paths = {
            place_id: path_of(chain_of(self.connection, place_id))
            for place_id in {row.parent_id for row in self._hits}
        }
        return Listing(
            self.folder,
            [
                subfolder(row, paths[row.parent_id], counts)
                for row in self._hits
                if row.kind == FOLDER
            ],
            [stored(row, paths[row.parent_id]) for row in self._hits if row.kind == FILE],
            None,
            end,
            _SORT,
            query,
            self.partial,
        )


def _matching(wanted: Select[Any], query: str) -> Select[Any]:
    if "\0" in query:  # the database would read no further; no name has one
        return wanted.where(false())
    pattern = name_key(query).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    matching = node.c.name_key.like(f"%{pattern}%", escape="\\")
    return wanted.where(matching, node.c.parent_id.is_not(None))


def _edge(connection: Connection, kind: str, after: Place | None) -> Place | None:
    """The last that is looked through for this page; None where there are not so many."""
    wanted: Select[Any] = (
        select(node.c.kind, node.c.changed_at, node.c.node_id)
        .where(node.c.kind == kind, IS_LISTED)
        .order_by(node.c.changed_at.desc(), node.c.node_id.desc())
    )
    if after is not None:
        wanted = wanted.where(beyond(_SORT, after))
    row = connection.execute(wanted.offset(VISITED - 1).limit(1)).one_or_none()
    return None if row is None else place_of(row, _SORT)


def _below(connection: Connection, folder: Folder) -> Sequence[str] | None:
    """The ids of a folder and all below it; None where it is better to look through all names."""
    if folder.is_root:
        return None
    ids = [folder.folder_id, *_folders_below(connection, folder.folder_id)]
    if len(ids) > SMALL:
        return None
    names = select(node.c.node_id).where(node.c.parent_id.in_(ids), IS_LISTED).limit(VISITED + 1)
    counted = select(func.count()).select_from(names.subquery())
    return None if connection.execute(counted).scalar_one() > VISITED else ids


def _folders_below(connection: Connection, folder_id: str) -> Iterator[str]:
    """The ids of listed folders below one, as far as there are few."""
    inside = select(node.c.node_id).where(node.c.kind == FOLDER, IS_LISTED)
    below = inside.where(node.c.parent_id == folder_id).cte("below", recursive=True)
    deeper = below.union_all(inside.where(node.c.parent_id == below.c.node_id))
    yield from connection.execute(select(deeper.c.node_id).limit(SMALL)).scalars()

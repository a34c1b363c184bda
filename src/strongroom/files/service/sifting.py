"""The trash as somebody sees it: newest first, in pages, and never more looked through than so much.

What others have deleted where one may not see it lies between. A page that was looked through far
enough ends, and its cursor goes on from there: whoever follows the cursors sees all that they may.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, literal, literal_column, select, tuple_

from strongroom.files.model import Level
from strongroom.files.service.cursors import read_values, write_values
from strongroom.files.tables import node
from strongroom.files.tree import FOLDER, TRASHED, open_folder, own_levels
from strongroom.permissions import Identity

TOGETHER: Final = 500
"""Rows that are fetched together."""


class Edge(NamedTuple):
    """Where a page ended."""

    moment: int
    node_id: str

    def as_cursor(self) -> str:
        """The cursor of the page after that."""
        return write_values(self)

    @classmethod
    def read(cls, cursor: str) -> Edge:
        """What :meth:`as_cursor` has written, or somebody else.

        :raises Refused: 400 ``cursor_not_valid``
        """
        return cls(*read_values(cursor, int, str))


class Sifting:
    """Goes through the trash, in one state of the database. Used once.

    :param after: where the page before ended
    :param rows: how many may be looked at
    :param places: how many folders may be looked up
    :ivar edge: what was looked at last, when that was not the end; else None
    """

    def __init__(
        self,
        connection: Connection,
        by: Identity | None,
        *,
        after: Edge | None = None,
        rows: int,
        places: int,
    ) -> None:
        self._connection = connection
        self._by = by
        self._after = after
        self._rows = rows
        self._places = places
        self._levels: dict[str, Level] = {}
        self.edge: Edge | None = None

    def found(self, at_least: Level) -> Iterator[tuple[Row[Any], Level]]:
        """What somebody may do so much with, and what they may do with it."""
        wanted = (
            select(node)
            .where(node.c.state == literal_column(f"'{TRASHED}'"))
            .order_by(node.c.changed_at.desc(), node.c.node_id.desc())
            .execution_options(yield_per=TOGETHER)
        )
        if self._after is not None:
            its = tuple_(literal(self._after.moment), literal(self._after.node_id))
            wanted = wanted.where(tuple_(node.c.changed_at, node.c.node_id) < its)
        last, looked = None, 0
        with self._connection.execute(wanted) as rows:
            for some in rows.partitions():
                own = self._own(some)
                for row in some:
                    if looked >= self._rows or self._is_far(row):
                        self.edge = last
                        return
                    looked += 1
                    last = edge_of(row)
                    around = self._level(row)
                    level = min(around, own.get(row.node_id, around))
                    if level >= at_least:
                        yield row, level

    def _own(self, rows: Any) -> dict[str, Level]:
        ids = [row.node_id for row in rows if row.kind == FOLDER]
        return own_levels(self._connection, ids, self._by) if ids else {}

    def _is_far(self, row: Row[Any]) -> bool:
        return bool(self._levels) and (
            row.parent_id not in self._levels and len(self._levels) >= self._places
        )

    def _level(self, row: Row[Any]) -> Level:
        """In what it was in; its path is not kept, since there may be many."""
        if row.parent_id not in self._levels:
            folder = open_folder(self._connection, row.parent_id, self._by, trashed=True)
            self._levels[row.parent_id] = Level.NONE if folder is None else folder.level
        return self._levels[row.parent_id]


def edge_of(row: Row[Any]) -> Edge:
    """Where a page ends that has this row last."""
    return Edge(row.changed_at, row.node_id)

"""Folders as rows of a listing, with how much is in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from strongroom.files.model import Subfolder, rfc3339
from strongroom.files.service.paging import IS_LISTED, visible
from strongroom.files.tables import node
from strongroom.files.tree import FILE, FOLDER
from strongroom.permissions import Identity


def counts_in(
    connection: Connection, folder_ids: Sequence[str], by: Identity | None
) -> dict[str, int]:
    """How many files and folders are in each of these folders."""
    counts = dict.fromkeys(folder_ids, 0)
    if not counts:
        return counts
    inside = (
        select(node.c.parent_id, func.count())
        .where(node.c.parent_id.in_(folder_ids), IS_LISTED)
        .group_by(node.c.parent_id)
    )
    folders = visible(inside.where(node.c.kind == FOLDER), by)
    for one in (folders, inside.where(node.c.kind == FILE)):
        for folder_id, count in connection.execute(one):
            counts[folder_id] += count
    return counts


def subfolder(row: Row[Any], path: str, counts: dict[str, int]) -> Subfolder:
    """A row of :func:`page`, of a folder in that one."""
    return Subfolder(
        folder_id=row.node_id,
        filename=row.name,
        folder=path,
        count=counts.get(row.node_id, 0),
        created_at=rfc3339(row.created_at),
        created_by=row.created_by,
        changed_at=rfc3339(row.changed_at),
    )

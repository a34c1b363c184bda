"""How far down a folder goes, and how long the paths in it are: no place is too deep for it, or too far."""

from __future__ import annotations

from sqlalchemy import Connection, LargeBinary, cast, func, literal, select

from strongroom.files.model import Folder
from strongroom.files.names import MAX_DEPTH, check_path_size, split_path
from strongroom.files.tables import node
from strongroom.files.tree import FOLDER


def check_extent(connection: Connection, folder_id: str, target: Folder, name: str) -> None:
    """Refuse a place for a folder in which it, or a folder in it, would be too deep or too far.

    What is in the trash counts as well, since it can come back.

    :param target: the folder that it shall be in
    :param name: that it shall have there
    :raises Refused: 400 ``path_too_deep`` or ``path_too_long``
    """
    start = select(node.c.node_id, literal(1).label("depth"), literal(0).label("size")).where(
        node.c.node_id == folder_id
    )
    below = start.cte("below", recursive=True)
    size = below.c.size + 1 + func.length(cast(node.c.name, LargeBinary))
    deeper = below.union_all(
        select(node.c.node_id, below.c.depth + 1, size).where(
            node.c.parent_id == below.c.node_id, node.c.kind == FOLDER
        )
    )
    depth, longest = connection.execute(
        select(func.max(deeper.c.depth), func.max(deeper.c.size))
    ).one()
    if len(target.chain) - 1 + depth > MAX_DEPTH:
        split_path("/" + "x/" * (MAX_DEPTH + 1))  # refuses, in its own words
    check_path_size(len(target.below(name).encode()) + longest)

"""Where things are, and who may what there: by ids, never by the letters of a path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, case, func, literal, select

from strongroom.files.model import Folder, Level
from strongroom.files.names import MAX_DEPTH
from strongroom.files.tables import EVERYONE, ROOT_ID, folder_permission, node
from strongroom.permissions import Identity, Permission, Role

FOLDER: Final = "folder"
FILE: Final = "file"
LISTED: Final = "listed"
TRASHED: Final = "trashed"

_RANK: Final = case(
    {level.word: int(level) for level in Level}, value=folder_permission.c.level, else_=0
)

_child: Final = select(node).where(
    node.c.parent_id == bindparam("parent_id"),
    node.c.name == bindparam("name"),
    node.c.state == LISTED,
)

_chain_start: Final = select(
    node.c.node_id, node.c.parent_id, node.c.name, node.c.state, node.c.kind, literal(0).label("up")
).where(node.c.node_id == bindparam("node_id"))
_chain_rows: Final = _chain_start.cte("chain", recursive=True)
_chain: Final = _chain_rows.union_all(
    select(
        node.c.node_id,
        node.c.parent_id,
        node.c.name,
        node.c.state,
        node.c.kind,
        _chain_rows.c.up + 1,
    ).where(node.c.node_id == _chain_rows.c.parent_id, _chain_rows.c.up <= MAX_DEPTH)
)
_upwards: Final = select(_chain).order_by(_chain.c.up.desc())

_grants: Final = select(folder_permission).where(
    folder_permission.c.folder_id.in_(bindparam("chain", expanding=True))
)


def child(connection: Connection, parent_id: str, name: str) -> Row[Any] | None:
    """What is listed under a name in a folder."""
    return connection.execute(_child, {"parent_id": parent_id, "name": name}).one_or_none()


def by_id(connection: Connection, node_id: str) -> Row[Any] | None:
    """A file or folder, wherever and in whatever state it is."""
    return connection.execute(select(node).where(node.c.node_id == node_id)).one_or_none()


def chain_of(connection: Connection, node_id: str) -> Sequence[Row[Any]]:
    """A file or folder and all that it is in, the root first; empty when there is none."""
    return connection.execute(_upwards, {"node_id": node_id}).all()


def outermost_first(connection: Connection, node_ids: Sequence[str]) -> list[str]:
    """The ids, each once, of what is in others after those; unknown ones come first."""
    return sorted(dict.fromkeys(node_ids), key=lambda one: len(chain_of(connection, one)))


def path_of(chain: Sequence[Row[Any]]) -> str:
    """The path that a chain from the root spells."""
    return "/" + "/".join(row.name for row in chain[1:])


def is_listed(chain: Sequence[Row[Any]]) -> bool:
    """Whether neither it nor anything it is in is in the trash."""
    return bool(chain) and all(row.state == LISTED for row in chain)


def open_path(connection: Connection, names: Sequence[str], by: Identity | None) -> Folder | None:
    """The folder of that path, whatever may be done in it; None when there is none."""
    here, chain, created_at = ROOT_ID, [ROOT_ID], 0
    for name in names:
        found = child(connection, here, name)
        if found is None or found.kind != FOLDER:
            return None
        here, created_at = found.node_id, found.created_at
        chain.append(here)
    level = level_in(connection, chain, by)
    return Folder(here, "/" + "/".join(names), tuple(chain), level, created_at)


def open_folder(
    connection: Connection, folder_id: str, by: Identity | None, *, trashed: bool = False
) -> Folder | None:
    """The folder of that id, whatever may be done in it; None when it cannot be reached.

    :param trashed: also when it is in the trash
    """
    chain = chain_of(connection, folder_id)
    if not chain or chain[-1].kind != FOLDER or not (trashed or is_listed(chain)):
        return None
    ids = tuple(row.node_id for row in chain)
    return Folder(folder_id, path_of(chain), ids, level_in(connection, ids, by))


def level_in(connection: Connection, chain: Sequence[str], by: Identity | None) -> Level:
    """What somebody may do in the last folder of a chain of ids.

    The nearest folder that says who may what decides alone.

    :param by: None for the machine itself, which may everything
    """
    most = most_of(by)
    if by is None or asks_no_list(by) or most is Level.NONE:
        return most
    rows = connection.execute(_grants, {"chain": list(chain)}).all()
    said = {row.folder_id for row in rows}
    nearest = next((folder_id for folder_id in reversed(chain) if folder_id in said), None)
    granted = [
        Level.of(row.level)
        for row in rows
        if row.folder_id == nearest and row.user_id in (by.user_id, EVERYONE)
    ]
    return min(most, max(granted, default=Level.NONE))


def own_levels(connection: Connection, folder_ids: Any, by: Identity | None) -> dict[str, Level]:
    """What somebody may do in those of these folders that say themselves who may what.

    :param folder_ids: no more than a statement can name, or a query for them
    """
    if by is None or asks_no_list(by):
        return {}
    mine = folder_permission.c.user_id.in_((by.user_id, EVERYONE))
    granted = func.max(case((mine, _RANK), else_=int(Level.NONE)))
    wanted = (
        select(folder_permission.c.folder_id, granted)
        .where(folder_permission.c.folder_id.in_(folder_ids))
        .group_by(folder_permission.c.folder_id)
    )
    most = most_of(by)
    return {row[0]: min(most, Level(row[1])) for row in connection.execute(wanted)}


def asks_no_list(by: Identity | None) -> bool:
    """Whether somebody may the same everywhere, whatever folders say."""
    return by is None or by.user_id is None or by.role is Role.ADMIN


def most_of(by: Identity | None) -> Level:
    """What the role, or the scopes of a token, allow anywhere."""
    if by is None or Permission.FILES_WRITE in by.permissions:
        return Level.MANAGE
    return Level.READ if Permission.FILES_READ in by.permissions else Level.NONE

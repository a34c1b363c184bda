"""Pages of what is listed: one kind after the other, each in the order of an index, from a cursor on.

Folders come first in every order, which no one index over both kinds could serve.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from sqlalchemy import Row, Select, exists, literal, literal_column, or_, select, tuple_

from strongroom.files.model import Sort
from strongroom.files.refusals import not_a_cursor
from strongroom.files.service.cursors import read_values, write_values
from strongroom.files.service.part import uploaded
from strongroom.files.tables import EVERYONE, file_version, folder_permission, node
from strongroom.files.tree import FILE, FOLDER, LISTED
from strongroom.permissions import Identity, Role

IS_LISTED: Final = node.c.state == literal_column(f"'{LISTED}'")
"""Spelt out, since an index of listed ones alone serves no statement that names a state later."""

_KEYS: Final[dict[Sort, Any]] = {
    Sort.CHANGED: node.c.changed_at,
    Sort.NAME: node.c.name_key,
    Sort.SIZE: node.c.file_size_bytes,  # of folders 0
}


class Place(NamedTuple):
    """Where a page ended.

    :param key: what is sorted by: a time, a name's key or a size
    """

    kind: str
    key: int | str
    node_id: str


def parts(cursor: str | None, sort: Sort) -> Iterator[tuple[str, Place | None]]:
    """The kinds that are to be shown from a cursor on, and after what.

    :raises Refused: 400 ``cursor_not_valid``
    """
    after = None if cursor is None else read_cursor(cursor, sort)
    if after is None or after.kind == FOLDER:
        yield FOLDER, after
        after = None
    yield FILE, after


def page(kind: str, sort: Sort, after: Place | None) -> Select[Any]:
    """Listed ones of a kind, in order; of files with the version that is shown."""
    columns: list[Any] = [
        node.c.node_id,
        node.c.parent_id,
        node.c.kind,
        node.c.name,
        node.c.name_key,
        node.c.changed_at,
        node.c.created_at,
        node.c.created_by,
        node.c.version_id,
        node.c.file_size_bytes,
    ]
    wanted = select(*columns).select_from(node)
    if kind == FILE:
        types = (file_version.c.content_type, file_version.c.detected_type)
        version = (*types, file_version.c.sha256, *uploaded())
        # An outer join, so that the files are found first, and in their order.
        joined = node.outerjoin(file_version, node.c.version_id == file_version.c.version_id)
        wanted = select(*columns, *version).select_from(joined)
    key = _KEYS[sort]
    order = (key, node.c.node_id) if sort is Sort.NAME else (key.desc(), node.c.node_id.desc())
    wanted = wanted.where(node.c.kind == kind, IS_LISTED).order_by(*order)
    return wanted if after is None else wanted.where(beyond(sort, after))


def beyond(sort: Sort, after: Place) -> Any:
    """Of the same kind, what comes after it."""
    mine = tuple_(_KEYS[sort], node.c.node_id)
    its = tuple_(literal(after.key), literal(after.node_id))
    return mine > its if sort is Sort.NAME else mine < its


def visible(wanted: Select[Any], by: Identity | None) -> Select[Any]:
    """Of folders, without those that have a list of their own on which whoever asks is not."""
    if by is None or by.user_id is None or by.role is Role.ADMIN:
        return wanted
    own = exists().where(folder_permission.c.folder_id == node.c.node_id)
    mine = own.where(folder_permission.c.user_id.in_((by.user_id, EVERYONE)))
    return wanted.where(or_(~own, mine))


def place_of(row: Row[Any], sort: Sort) -> Place:
    """Where a page ends that has this row last."""
    return Place(row.kind, row._mapping[_KEYS[sort].name], row.node_id)


def write_cursor(end: Place, sort: Sort) -> str:
    """The cursor of the page after that."""
    return write_values([sort, *end])


def read_cursor(cursor: str, sort: Sort) -> Place:
    """What :func:`write_cursor` has written, or somebody else.

    :raises Refused: 400 ``cursor_not_valid``
    """
    key_kind = str if sort is Sort.NAME else int
    of, kind, key, node_id = read_values(cursor, str, str, key_kind, str)
    if of != sort or kind not in (FILE, FOLDER):
        raise not_a_cursor()
    return Place(kind, key, node_id)

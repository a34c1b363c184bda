"""What goes into a zip: all below a folder, or what was chosen, as far as it may be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, exists, select

from strongroom.errors import Refused
from strongroom.files.model import Folder, Level, StoredFile
from strongroom.files.names import split_path
from strongroom.files.refusals import missing
from strongroom.files.service.paging import visible
from strongroom.files.service.part import AT_ONCE, demand, file_row, files, stored
from strongroom.files.tables import folder_permission, node
from strongroom.files.tree import FOLDER, LISTED, by_id, level_in, open_folder, open_path
from strongroom.files.zipping.names import portable, portable_names
from strongroom.permissions import Identity

NAMELESS: Final = "files"
"""What a zip is called that is of the root, or of no one folder."""

PATHS: Final = 16 * 1024 * 1024
"""Bytes of all paths together that one zip holds: they stay in memory as long as it is made."""

_TOGETHER: Final = 500
"""Folders that are looked into with one query."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file or folder in a zip.

    :param path: in the zip; of a folder it ends in ``/``
    :param changed_at: microseconds since 1970-01-01 UTC
    :param file: None for a folder
    """

    path: str
    changed_at: int
    file: StoredFile | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a zip is to hold.

    :param name: of the zip, and of the one folder at its top
    :param folder: that all of it is in; None where that is no single one, or may not be seen
    :param members: each after the folder it is in
    """

    name: str
    folder: Folder | None
    members: Sequence[Member]

    @property
    def files(self) -> list[StoredFile]:
        """The files among them."""
        return [member.file for member in self.members if member.file is not None]


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder that is still to be looked into, and what it is called in the zip."""

    folder: Folder
    path: str


_Found = tuple[str, int, StoredFile | Folder]
"""Its own name, when it was changed, and what it is."""


class Choosing:
    """Finds members, in one state of the database. Used once.

    At most :data:`~strongroom.files.service.part.AT_ONCE` files and as many folders: each file
    leaves a record, and all of these are in one transaction. Of paths, at most :data:`PATHS`.

    :ivar at: the file or folder that was looked at last, for the record of a refusal
    """

    def __init__(self, connection: Connection, by: Identity | None) -> None:
        self._connection = connection
        self._by = by
        self._members: list[Member] = []
        self._left = {StoredFile: AT_ONCE, Folder: AT_ONCE}
        self._room = PATHS
        self.at: Row[Any] | None = None

    def folder(self, path: str) -> Chosen:
        """All below the folder of that path, without the folders in it that may not be read.

        :raises Refused: 404 ``folder_not_found``, 409 ``too_many_at_once``, 400
        """
        return self._whole(
            demand(open_path(self._connection, split_path(path), self._by), path, Level.READ)
        )

    def nodes(self, node_ids: Sequence[str]) -> Chosen:
        """These files and folders, with all that is in the folders and may be read.

        :raises Refused: 404 ``file_not_found`` for any that is not there or may not be read,
            409 ``too_many_at_once``
        """
        found = [self._find(node_id) for node_id in dict.fromkeys(node_ids)]
        if len(found) == 1 and isinstance(folder := found[0][2], Folder):
            return self._whole(folder)
        around = self._around(found)
        changed_at = max(moment for _, moment, _ in found)
        return self._chosen(around, changed_at, found)

    def _find(self, node_id: str) -> _Found:
        row = by_id(self._connection, node_id)
        if row is None or row.state != LISTED:
            raise missing()
        self.at = row
        inside = row.kind == FOLDER
        folder = open_folder(self._connection, node_id if inside else row.parent_id, self._by)
        if folder is None or folder.level < Level.READ:
            raise missing(hidden=folder is not None)
        if inside:
            return row.name, row.changed_at, folder
        file = file_row(self._connection, node_id)
        if file is None:
            raise missing()
        return row.name, row.changed_at, stored(file, folder.path)

    def _around(self, found: Iterable[_Found]) -> Folder | None:
        """The one folder that all of these are in, where it may be seen."""
        ids = {
            one.chain[-2:-1] if isinstance(one, Folder) else (one.folder_id,) for _, _, one in found
        }
        if len(ids) != 1 or not (only := ids.pop()):
            return None
        folder = open_folder(self._connection, only[0], self._by)
        return folder if folder is not None and folder.level >= Level.READ else None

    def _whole(self, folder: Folder) -> Chosen:
        row = by_id(self._connection, folder.folder_id)
        name = portable(folder.name) if folder.name else NAMELESS
        place = _Place(folder, f"{name}/")
        self._members.append(Member(place.path, 0 if row is None else row.changed_at))
        self._walk([place])
        return self._done(name, folder)

    def _chosen(self, around: Folder | None, changed_at: int, found: Sequence[_Found]) -> Chosen:
        name = portable(around.name) if around is not None and around.name else NAMELESS
        self._members.append(Member(f"{name}/", changed_at))
        self._walk(self._add(f"{name}/", found))
        return self._done(name, around)

    def _done(self, name: str, folder: Folder | None) -> Chosen:
        return Chosen(name, folder, sorted(self._members, key=lambda member: member.path))

    def _walk(self, places: Sequence[_Place]) -> None:
        while places:
            below: list[_Place] = []
            for start in range(0, len(places), _TOGETHER):
                below += self._look_into(places[start : start + _TOGETHER])
            places = below

    def _look_into(self, places: Sequence[_Place]) -> list[_Place]:
        found: dict[str, list[_Found]] = {place.folder.folder_id: [] for place in places}
        folders = {place.folder.folder_id: place.folder for place in places}
        listed = node.c.parent_id.in_(folders) & (node.c.state == LISTED)
        most = self._left[StoredFile] + 1
        for row in self._connection.execute(files().where(listed).limit(most)):
            file = stored(row, folders[row.parent_id].path)
            found[row.parent_id].append((row.name, row.changed_at, file))
        own = exists().where(folder_permission.c.folder_id == node.c.node_id).label("own")
        inner = visible(select(node, own).where(listed, node.c.kind == FOLDER), self._by)
        for row in self._connection.execute(inner.limit(self._left[Folder] + 1)):
            folder = self._below(folders[row.parent_id], row)
            if folder.level >= Level.READ:  # else it is left out, and so is all in it
                found[row.parent_id].append((row.name, row.changed_at, folder))
        # Only now, so that no name tells of a folder that may not be seen.
        return [
            inside
            for place in places
            for inside in self._add(place.path, found[place.folder.folder_id])
        ]

    def _below(self, above: Folder, row: Row[Any]) -> Folder:
        chain = (*above.chain, row.node_id)
        level = level_in(self._connection, chain, self._by) if row.own else above.level
        path = above.below(row.name)
        self._charge(path)
        return Folder(row.node_id, path, chain, level)

    def _add(self, path: str, found: Sequence[_Found]) -> list[_Place]:
        """Make members of these in one folder of the zip; the folders among them."""
        places = []
        names = portable_names([name for name, _, _ in found])
        for name, (_, changed_at, one) in zip(names, found, strict=True):
            self._left[type(one)] -= 1
            if self._left[type(one)] < 0:
                raise _too_many()
            if isinstance(one, Folder):
                place = _Place(one, f"{path}{name}/")
                self._take(Member(place.path, changed_at))
                places.append(place)
            else:
                self._take(Member(f"{path}{name}", changed_at, one))
        return places

    def _take(self, member: Member) -> None:
        self._charge(member.path)
        self._members.append(member)

    def _charge(self, path: str) -> None:
        self._room -= len(path.encode())
        if self._room < 0:
            raise Refused(
                "too_many_at_once",
                f"The paths of what is in it have more than {PATHS:,} characters together, and a zip "
                "takes no more. Take a part of it.",
                status=409,
            )


def _too_many() -> Refused:
    return Refused(
        "too_many_at_once",
        f"There are more than {AT_ONCE:,} files or folders in it, and a zip takes no more, since "
        "each file leaves a record. Take a part of them.",
        status=409,
    )

"""Every method of the file service as an act in one scene, with the level that it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from strongroom.files.model import Level
from strongroom.files.service import FileService
from strongroom.permissions import Identity
from tests.unit.files.cabinet import Cabinet, blob_of

NOBODY_HAS: Final = "11111111-1111-7111-8111-111111111111"


@dataclass(frozen=True, slots=True)
class Scene:
    """A room in a top folder, and a free place where everybody may everything.

    :param room: its path; there are a file with two versions, a folder, and a file in the trash
    """

    files: FileService
    by: Identity
    room: str
    room_id: str
    file_id: str
    old_version: str
    current: str
    gone: str
    free_id: str
    free_file: str

    def without(self) -> Scene:
        """The same acts upon what is not there."""
        return replace(
            self, room="/top/none", room_id=NOBODY_HAS, file_id=NOBODY_HAS, gone=NOBODY_HAS
        )

    def as_without(self, message: str) -> str:
        """What was said of something, as it would be said of nothing."""
        for mine in (self.room_id, self.file_id, self.gone):
            message = message.replace(mine, NOBODY_HAS)
        return message.replace(self.room, "/top/none")


def set_scene(cabinet: Cabinet, by: Identity) -> Scene:
    """Make it; whoever it is acts upon it."""
    first = cabinet.put("/top/room/plan.txt", "1")
    current = cabinet.replace("/top/room/plan.txt", "2")
    cabinet.put("/top/room/sub/inner.txt")
    gone = cabinet.put("/top/room/gone.txt")
    cabinet.files.trash([gone.file_id])
    free = cabinet.put("/free/own.txt")
    cabinet.share("/free", everyone=Level.MANAGE)
    return Scene(
        cabinet.files,
        by,
        "/top/room",
        first.folder_id,
        first.file_id,
        first.version_id,
        current.sha256,
        gone.file_id,
        free.folder_id,
        free.file_id,
    )


Act = Callable[[Scene], object]

READING: Final[dict[str, Act]] = {
    "folder": lambda s: s.files.folder(s.room, s.by),
    "folder_by_id": lambda s: s.files.folder_by_id(s.room_id, s.by),
    "list": lambda s: s.files.list(s.room, s.by),
    "search": lambda s: s.files.list(s.room, s.by, query="plan"),
    "count": lambda s: s.files.count(s.room, s.by),
    "find": lambda s: s.files.find(f"{s.room}/plan.txt", s.by),
    "file_by_id": lambda s: s.files.file_by_id(s.file_id, s.by),
    "node_at": lambda s: s.files.node_at(f"{s.room}/plan.txt", s.by),
    "node_at_folder": lambda s: s.files.node_at(s.room, s.by),
    "versions": lambda s: s.files.versions(s.file_id, s.by),
}
WRITING: Final[dict[str, Act]] = {
    "folder_to_write": lambda s: s.files.folder(s.room, s.by, Level.WRITE),
    "place": lambda s: s.files.place(s.room, s.by),
    "make_folder": lambda s: s.files.make_folder(f"{s.room}/new", s.by),
    "make_on_the_way": lambda s: s.files.place(f"{s.room}/sub2/new", s.by, make=True),
    "check_free": lambda s: s.files.check_free(s.room_id, "new", s.by),
    "add": lambda s: s.files.add(s.room_id, "new", "text/plain", blob_of("x"), s.by),
    "add_a_taken_name": lambda s: s.files.add(
        s.room_id, "plan.txt", "text/plain", blob_of("x"), s.by, replaces=s.current
    ),
    "restore_version": lambda s: s.files.restore_version(s.file_id, s.old_version, s.by),
    "rename": lambda s: s.files.move(s.file_id, s.by, name="other"),
    "rename_folder": lambda s: s.files.move(s.room_id, s.by, name="other"),
    "move_out": lambda s: s.files.move(s.file_id, s.by, folder_id=s.free_id),
    "move_in": lambda s: s.files.move(s.free_file, s.by, folder_id=s.room_id),
    "move_folder_out": lambda s: s.files.move_all([s.room_id], s.free_id, s.by),
    "move_with_others": lambda s: s.files.move_all([s.free_file, s.file_id], s.free_id, s.by),
    "trash": lambda s: s.files.trash([s.file_id], s.by),
    "trash_with_others": lambda s: s.files.trash([s.free_file, s.file_id], s.by),
    "trash_folder": lambda s: s.files.trash([s.room_id], s.by),
    "restore": lambda s: s.files.restore([s.gone], s.by),
    "restore_renamed": lambda s: s.files.restore([s.gone], s.by, name="other"),
}
MANAGING: Final[dict[str, Act]] = {
    "purge": lambda s: s.files.purge([s.gone], s.by),
    "permissions": lambda s: s.files.permissions(s.room_id, s.by),
    "permit": lambda s: s.files.permit(
        s.room_id, {s.by.user_id: Level.MANAGE, None: Level.READ}, s.by
    ),
}
ACTS: Final = {
    name: (level, act)
    for level, acts in (
        (Level.READ, READING),
        (Level.WRITE, WRITING),
        (Level.MANAGE, MANAGING),
    )
    for name, act in acts.items()
}

MAKES_WHAT_IS_MISSING: Final = {"make_on_the_way"}
"""Where the folder were not there, these would make it: a hidden one cannot look like none."""

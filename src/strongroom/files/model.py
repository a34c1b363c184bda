"""What there is: files, folders, and pages of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any, Final

from strongroom.files.tables import ROOT_ID


class Level(IntEnum):
    """What somebody may do in a folder; each includes those before it."""

    NONE = 0
    READ = 1
    """List and download."""
    WRITE = 2
    """Upload, replace, rename, move, delete, restore."""
    MANAGE = 3
    """Delete for good, and say who may what."""

    @property
    def word(self) -> str:
        """As it is stored, recorded and shown."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Level:
        """The level of that word.

        :raises KeyError: it is none
        """
        return _LEVELS[word]


_LEVELS: Final = {level.word: level for level in Level}


class Sort(StrEnum):
    """What a listing is sorted by; folders always come first."""

    CHANGED = "changed"
    """Newest first."""
    NAME = "name"
    SIZE = "size"
    """Largest first."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that can be reached.

    :param chain: ids of the folders above it from the root down, and its own
    :param level: what whoever asked may do in it
    """

    folder_id: str
    path: str
    chain: tuple[str, ...]
    level: Level
    created_at: int = 0

    @property
    def name(self) -> str:
        """Its own; empty for the root."""
        return self.path.rsplit("/", 1)[1]

    @property
    def is_root(self) -> bool:
        """Whether it is in no other."""
        return self.folder_id == ROOT_ID

    def below(self, name: str) -> str:
        """The path of what is called so in it."""
        return f"{self.path.rstrip('/')}/{name}"

    def as_json(self) -> dict[str, Any]:
        """The folder as the API shows it."""
        return {"folder_id": self.folder_id, "folder": self.path, "permission": self.level.word}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file and the version of it that is shown.

    :param created_at: when there was first a file, RFC 3339, UTC
    :param changed_at: when what it holds now was uploaded, by ``changed_by``; RFC 3339, UTC
    :param content_type: as it was declared
    :param detected_type: as its first bytes show
    :param damage: the stamp of its stored content when that was found damaged; None if it was not
    """

    file_id: str
    filename: str
    folder_id: str
    folder: str
    file_size_bytes: int
    content_type: str
    detected_type: str
    sha256: str
    created_at: str
    created_by: str | None
    changed_at: str
    changed_by: str | None
    version_id: str
    damage: str | None = None

    @property
    def path(self) -> str:
        """Folder and name."""
        return f"{self.folder.rstrip('/')}/{self.filename}"

    def as_json(self) -> dict[str, Any]:
        """The file as the API shows it."""
        return {
            "file_id": self.file_id,
            "filename": self.filename,
            "folder": self.folder,
            "file_size_bytes": self.file_size_bytes,
            "content_type": self.content_type,
            "detected_type": self.detected_type,
            "sha256": self.sha256,
            "created_at": self.created_at,
            "created_by": self.created_by,
            "changed_at": self.changed_at,
            "changed_by": self.changed_by,
        }


@dataclass(frozen=True, slots=True)
class Subfolder:
    """A folder as a row of a listing.

    :param count: files and folders in it
    :param changed_at: when something in it came, went or was changed; RFC 3339, UTC
    """

    folder_id: str
    filename: str
    folder: str
    count: int
    created_at: str
    created_by: str | None
    changed_at: str

    @property
    def path(self) -> str:
        """Where it is, and its name."""
        return f"{self.folder.rstrip('/')}/{self.filename}"

    def as_json(self) -> dict[str, Any]:
        """The folder as a listing of the API shows it."""
        return {
            "folder_id": self.folder_id,
            "name": self.filename,
            "folder": self.path,
            "count": self.count,
            "created_at": self.created_at,
            "created_by": self.created_by,
            "changed_at": self.changed_at,
        }


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a folder, or of what was found in and below it.

    :param total: files and folders in all; None where nobody has counted
    :param next: cursor of the page after this one; None on the last
    :param partial: whether a search ended for this page before it had looked at everything
    """

    folder: Folder
    folders: Sequence[Subfolder]
    files: Sequence[StoredFile]
    total: int | None
    next: str | None
    sort: Sort = Sort.CHANGED
    query: str = ""
    partial: bool = False

    @property
    def count(self) -> int:
        """How many are on this page."""
        return len(self.folders) + len(self.files)

    def as_json(self) -> dict[str, Any]:
        """The page as the API shows it."""
        return {
            "folder": self.folder.path,
            "permission": self.folder.level.word,
            "folders": [item.as_json() for item in self.folders],
            "files": [item.as_json() for item in self.files],
            "next": self.next,
        }


@dataclass(frozen=True, slots=True)
class Version:
    """One of the contents that a file has or had.

    :param replaced_at: RFC 3339; None for the one that is shown
    :param damaged: whether its stored content is not what was uploaded, and not handed out
    """

    version_id: str
    file_size_bytes: int
    content_type: str
    detected_type: str
    sha256: str
    created_at: str
    created_by: str | None
    replaced_at: str | None
    damaged: bool = False

    def as_json(self) -> dict[str, Any]:
        """The version as the API shows it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Trashed:
    """Something in the trash.

    :param folder: where it was
    :param count: of a folder, the files in it that whoever asked may see; None for a file, and where
        there is too much to count
    :param can_purge: whether whoever asked may delete it for good
    """

    node_id: str
    kind: str
    filename: str
    folder: str
    file_size_bytes: int | None
    count: int | None
    trashed_at: str
    trashed_by: str | None
    purged_at: str | None
    can_purge: bool

    def as_json(self) -> dict[str, Any]:
        """As the API shows it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class TrashPage:
    """One page of the trash.

    :param next: cursor of the page after this one; None on the last
    :param partial: whether this page ended before it was full, since enough was looked through
    """

    items: Sequence[Trashed]
    next: str | None
    partial: bool = False


@dataclass(frozen=True, slots=True)
class VersionPage:
    """One page of the contents that a file has or had: the one that is shown first, then the newest.

    :param next: cursor of the page after this one; None on the last
    """

    file: StoredFile
    items: Sequence[Version]
    next: str | None


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody, or everyone, may do in a folder.

    :param user_id: None for everyone
    """

    user_id: str | None
    level: Level


def rfc3339(microseconds: int) -> str:
    """A time since 1970-01-01 UTC as people and programs read it."""
    moment = datetime.fromtimestamp(microseconds // 1_000_000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{microseconds % 1_000_000:06d}Z"

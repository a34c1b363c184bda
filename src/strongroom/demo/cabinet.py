"""The clinic's folders and files, as the events of the week leave them, and the rows that say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, delete, insert

from strongroom.demo.documents import Document
from strongroom.demo.people import ANA, BEN, LENA, MIA, TOM, Person
from strongroom.demo.week import Week
from strongroom.files.blobs import Blobs
from strongroom.files.events import (
    FileDeleted,
    FileDownloaded,
    FilePurged,
    FileRenamed,
    FileRestored,
    FileUploaded,
)
from strongroom.files.model import Level
from strongroom.files.names import name_key
from strongroom.files.tables import (
    EVERYONE,
    ROOT_ID,
    file_version,
    folder_permission,
    node,
    user_storage,
)
from strongroom.files.tree import FILE, FOLDER, LISTED, TRASHED
from strongroom.files.types import HEAD_BYTES, detect

CLINICAL: Final = "/Patients"
OFFICE: Final = "/Finance"


@dataclass(slots=True)
class Version:
    """One content of a file."""

    version_id: str
    document: Document
    stored_at: int
    by: Person
    replaced_at: int | None = None

    @property
    def sha256(self) -> str:
        """Of the content."""
        return sha256(self.document.content).hexdigest()

    @property
    def detected_type(self) -> str:
        """As the first bytes show."""
        return detect(self.document.content[:HEAD_BYTES], self.document.name)


@dataclass(slots=True)
class File:
    """A file of the demo, as it is at some moment of the week."""

    file_id: str
    folder: str
    name: str
    versions: list[Version] = field(default_factory=list)
    trashed_by: Person | None = None
    changed_at: int = 0

    @property
    def path(self) -> str:
        """Its address in the API."""
        return f"/api/v1/files{self.folder}/{self.name}"

    @property
    def now(self) -> Version:
        """What it holds."""
        return self.versions[-1]

    def said(self) -> dict[str, Any]:
        """What most events say of it."""
        return {"file_id": self.file_id, "filename": self.name, "folder": self.folder}

    def content(self) -> dict[str, Any]:
        """What they say of its content."""
        document = self.now.document
        return {
            "file_size_bytes": len(document.content),
            "content_type": document.content_type,
            "sha256": self.now.sha256,
        }


class Cabinet:
    """Changes files and gives the events that say so; :meth:`keep` writes what came of it."""

    def __init__(self, week: Week) -> None:
        self._week = week
        self._made_at = week.at(7, 7.9)
        self.folders = {"/": ROOT_ID}
        self.files: list[File] = []
        self._open_to_all: set[str] = set()

    def folder_id(self, path: str) -> str:
        """The id of a folder, which is made where it is missing, with those above it."""
        if path not in self.folders:
            above = path.rpartition("/")[0] or "/"
            self.folder_id(above)
            self.folders[path] = self._week.new_id(self._made_at)
        return self.folders[path]

    def store(self, moment: int, document: Document, by: Person) -> tuple[File, FileUploaded]:
        """A new file."""
        file = File(self._week.new_id(moment), document.folder, document.name)
        self.files.append(file)
        return file, self.replace(moment, file, document, by)

    def replace(self, moment: int, file: File, document: Document, by: Person) -> FileUploaded:
        """Another content of it, or its first."""
        previous = file.now if file.versions else None
        if previous is not None:
            previous.replaced_at = moment
        file.versions.append(Version(self._week.new_id(moment), document, moment, by))
        file.changed_at = moment
        return FileUploaded(
            **file.said(),
            **file.content(),
            folder_id=self.folder_id(file.folder),
            detected_type=file.now.detected_type,
            previous_sha256=None if previous is None else previous.sha256,
        )

    @staticmethod
    def download(file: File) -> FileDownloaded:
        """Its bytes leave."""
        return FileDownloaded(**file.said(), **file.content())

    @staticmethod
    def rename(moment: int, file: File, name: str) -> FileRenamed:
        """It has another name."""
        previous, file.name, file.changed_at = file.name, name, moment
        return FileRenamed(**file.said(), previous_filename=previous)

    @staticmethod
    def trash(moment: int, file: File, by: Person) -> FileDeleted:
        """It goes to the trash."""
        file.trashed_by, file.changed_at = by, moment
        return FileDeleted(**file.said(), **file.content())

    @staticmethod
    def restore(moment: int, file: File) -> FileRestored:
        """It comes back."""
        file.trashed_by, file.changed_at = None, moment
        return FileRestored(**file.said(), sha256=file.now.sha256)

    def purge(self, file: File) -> FilePurged:
        """It is gone for good; it may have had one content only."""
        self.files.remove(file)
        content = file.content()
        del content["content_type"]
        return FilePurged(**file.said(), **content)

    def open_to_all(self, path: str) -> None:
        """Everyone may read there from now on."""
        self._open_to_all.add(path)

    def keep(self, connection: Connection) -> None:
        """Write rows of all there is now; nothing else may be there."""
        connection.execute(insert(node), list(self._nodes()))
        connection.execute(insert(file_version), list(self._versions()))
        connection.execute(delete(folder_permission))
        connection.execute(insert(folder_permission), list(self._permissions()))
        used: Counter[str] = Counter()
        for row in self._versions():
            used[row["created_by"]] += row["file_size_bytes"]
        rows = [{"user_id": user_id, "used_bytes": size} for user_id, size in used.items()]
        connection.execute(insert(user_storage), rows)

    def publish(self, blobs: Blobs) -> None:
        """Store the contents of all there is now."""
        for document in {v.sha256: v.document for f in self.files for v in f.versions}.values():
            with blobs.receive() as incoming:
                incoming.write(document.content)
                incoming.publish(document.name)

    def _nodes(self) -> Iterator[dict[str, Any]]:
        nothing = {"version_id": None, "trashed_by": None, "file_size_bytes": 0}
        for path, folder_id in self.folders.items():
            if path == "/":
                continue
            above, _, name = path.rpartition("/")
            yield {
                **nothing,
                **_named(folder_id, self.folders[above or "/"], FOLDER, name),
                "state": LISTED,
                "created_at": self._made_at,
                "created_by": ANA.user_id,
                "changed_at": self._made_at,
            }
        for file in self.files:
            yield {
                **_named(file.file_id, self.folders[file.folder], FILE, file.name),
                "state": LISTED if file.trashed_by is None else TRASHED,
                "version_id": file.now.version_id,
                "created_at": file.versions[0].stored_at,
                "created_by": file.versions[0].by.user_id,
                "changed_at": file.changed_at,
                "trashed_by": None if file.trashed_by is None else file.trashed_by.user_id,
                "file_size_bytes": len(file.now.document.content),
            }

    def _versions(self) -> Iterator[dict[str, Any]]:
        for file in self.files:
            for version in file.versions:
                yield {
                    "version_id": version.version_id,
                    "file_id": file.file_id,
                    "file_size_bytes": len(version.document.content),
                    "content_type": version.document.content_type,
                    "detected_type": version.detected_type,
                    "sha256": version.sha256,
                    "created_at": version.stored_at,
                    "created_by": version.by.user_id,
                    "replaced_at": version.replaced_at,
                }

    def _permissions(self) -> Iterator[dict[str, str]]:
        levels = {
            "/": {EVERYONE: Level.WRITE},
            OFFICE: {ANA.user_id: Level.MANAGE},
            CLINICAL: {one.user_id: Level.WRITE for one in (MIA, BEN, LENA)}
            | {one.user_id: Level.MANAGE for one in (ANA, TOM)},
        }
        for path in self._open_to_all:
            levels[path][EVERYONE] = Level.READ
        for path, granted in levels.items():
            for user_id, level in granted.items():
                folder_id = self.folders[path]
                yield {"folder_id": folder_id, "user_id": user_id, "level": level.word}


def _named(node_id: str, parent_id: str, kind: str, name: str) -> dict[str, Any]:
    return {
        "node_id": node_id,
        "parent_id": parent_id,
        "kind": kind,
        "name": name,
        "name_key": name_key(name),
    }

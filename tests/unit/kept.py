"""An installation with real content, whose upkeep is done when a test says so."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from strongroom.audit.extension import AuditLog
from strongroom.bootstrap import OWN_CATALOGUE, Installation
from strongroom.files.blobs import Blob, Blobs, key_of
from strongroom.files.model import StoredFile
from strongroom.files.service import FileService
from strongroom.files.service.part import DAY, Limits
from strongroom.files.tables import ROOT_ID
from strongroom.files.tus.uploads import ResumableUploads
from strongroom.files.upkeep import Upkeep, collect
from strongroom.settings import load

HOURS = 3600.0


class Kept:
    """Files, their content on disk, and what was recorded of them."""

    def __init__(self, data: Path) -> None:
        self.installation = Installation.open(load(data=data))
        self.store = self.installation.store
        self.objects = self.installation.objects
        self.root = data / "objects"
        self.blobs = Blobs(self.objects)
        self.audit = AuditLog(
            store=self.store, viewer=None, catalogue=OWN_CATALOGUE, signing=None, name="strongroom"
        )
        self.files = FileService(
            self.store, self.blobs, self.audit, lambda *_: True, Limits(trash_days=30)
        )

    def publish(self, content: bytes) -> Blob:
        """What an upload does first."""
        with self.blobs.receive() as incoming:
            incoming.write(content)
            return incoming.publish()

    def add(self, name: str, content: bytes, replaces: str | None = None) -> StoredFile:
        """Upload a file."""
        blob = self.publish(content)
        return self.files.add(ROOT_ID, name, "text/plain", blob, replaces=replaces)

    def orphan(self, content: bytes, hours: float = 2) -> Blob:
        """Content that a crash has left so many hours ago."""
        blob = self.publish(content)
        self.age(blob.sha256, hours)
        return blob

    def path(self, sha256: str) -> Path:
        """Where a content lies, if it is there."""
        return self.root / key_of(sha256)

    def age(self, sha256: str, hours: float) -> None:
        """Let it have been published so long ago."""
        then = time.time() - hours * HOURS
        os.utime(self.path(sha256), (then, then))

    def damage(self, sha256: str) -> None:
        """Another byte, as a disk does it: size and times stay."""
        path = self.path(sha256)
        before = path.stat()
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def trashed_long_ago(self, file_id: str) -> None:
        """Let a file have been deleted before more days than the trash keeps."""
        self.files.trash([file_id])
        self.alter(
            "UPDATE node SET changed_at = changed_at - ? WHERE node_id = ?", 31 * DAY, file_id
        )

    def alter(self, statement: str, *values: object) -> None:
        """Past the service."""
        self.store.write(lambda connection: connection.exec_driver_sql(statement, values))

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the database holds."""
        with self.store.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement)]

    def collect(self) -> int:
        """Remove what no version names."""
        return collect(self.store, self.objects)

    def upkeep(self, scrub_days: float = 0) -> Upkeep:
        """The threads, not started."""
        resumable = ResumableUploads(
            self.files, self.objects, self.store, self.audit, max_bytes=10**9, expiry=86_400
        )
        return Upkeep(self.store, self.objects, self.files, resumable, scrub_days=scrub_days)

    def recorded(self, event: str) -> list[dict[str, Any]]:
        """Records of that event, oldest first."""
        return self.audit.records(f"event:{event}")

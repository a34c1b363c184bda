"""Folders and files on a real database, the people who use them, and what was recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from strongroom.audit.events import Stream
from strongroom.audit.extension import AuditLog
from strongroom.audit.journal.check import check_stream
from strongroom.bootstrap import OWN_CATALOGUE, SCHEMAS
from strongroom.errors import Refused
from strongroom.files.blobs import Blob, Blobs
from strongroom.files.model import Folder, Level, Sort, StoredFile
from strongroom.files.service import FileService
from strongroom.files.service.part import Limits
from strongroom.files.service.room import counted
from strongroom.files.tables import ROOT_ID, file_version, node, user_storage
from strongroom.files.tree import FILE, chain_of
from strongroom.objects import LocalObjects
from strongroom.permissions import PERMISSIONS, Identity, Permission, Role
from strongroom.store import Store
from strongroom.store.migrate import migrate


def person(name: str, role: Role = Role.MEMBER, *scopes: Permission) -> Identity:
    """Somebody with a session; with scopes, somebody's token."""
    if scopes:
        allowed = PERMISSIONS[role] & frozenset(scopes)
        return Identity(f"u-{name}", name, role, allowed, token_id=f"t-{name}")
    return Identity(f"u-{name}", name, role, PERMISSIONS[role], session_id=f"s-{name}")


MIA = person("mia")
BEN = person("ben")
EVE = person("eve")
ADA = person("ada", Role.ADMIN)


def blob_of(content: bytes | str | int) -> Blob:
    """What storing this content gives; a number is a size, with a hash of its own."""
    if isinstance(content, int):
        return Blob(f"{content:064x}", content, "application/octet-stream")
    data = content.encode() if isinstance(content, str) else content
    return Blob(hashlib.sha256(data).hexdigest(), len(data), "text/plain")


class Cabinet:
    """The service on a database of its own; the machine acts where nobody is named."""

    def __init__(self, store: Store, folder: Path, limits: Limits | None = None) -> None:
        migrate(store, *SCHEMAS)
        self.store = store
        self.audit = AuditLog(store=store, viewer=None, catalogue=OWN_CATALOGUE, signing=None)
        self.gone: set[str] = set()
        """Ids of people whose rights were taken meanwhile."""
        self.files = FileService(
            store, Blobs(LocalObjects(folder / "objects")), self.audit, self._valid, limits
        )
        for one in (MIA, BEN, EVE, ADA):
            self.know(one)

    def _valid(self, _connection: Connection, identity: Identity) -> bool:
        return identity.user_id not in self.gone

    def know(self, one: Identity) -> None:
        """Put somebody into the directory of people."""
        self.store.write(lambda c: self.audit.people.put(c, str(one.user_id), one.name))

    def folder(self, path: str) -> Folder:
        """The folder of that path, made where it is missing."""
        return self.files.place(path, make=True)

    def put(
        self, path: str, content: bytes | str | int = "content", by: Identity | None = None
    ) -> StoredFile:
        """Store a file; folders above it are made."""
        above, _, name = path.rpartition("/")
        folder = self.files.place(above, by, make=True)
        return self.files.add(folder.folder_id, name, "text/plain", blob_of(content), by)

    def replace(
        self, path: str, content: bytes | str | int, by: Identity | None = None
    ) -> StoredFile:
        """New content for a file that is there."""
        old = self.files.find(path, by)
        return self.files.add(
            old.folder_id,
            old.filename,
            "text/plain",
            blob_of(content),
            by,
            replaces=old.sha256,
        )

    def id(self, path: str) -> str:
        """Of what is there."""
        return self.files.node_at(path)

    def share(self, path: str, **levels: Level) -> None:
        """Give a folder a list of its own: ``mia=Level.READ, everyone=…``; nobody: inherit."""
        wanted: Mapping[str | None, Level] = {
            None if who == "everyone" else f"u-{who}": level for who, level in levels.items()
        }
        self.files.permit(self.id(path), wanted)

    def names(self, path: str = "/", by: Identity | None = None, query: str = "") -> list[str]:
        """What is listed there: folders with a slash behind, then files."""
        found = self.files.list(path, by, query=query, sort=Sort.CHANGED if query else Sort.NAME)
        return [f"{one.filename}/" for one in found.folders] + [one.filename for one in found.files]

    def trashed(self, by: Identity | None = None) -> list[str]:
        """Paths of what is in the trash, the newest first."""
        return [f"{one.folder.rstrip('/')}/{one.filename}" for one in self.files.trashed(by).items]

    def records(self) -> list[dict[str, Any]]:
        """Everything recorded, oldest first."""
        return list(self.audit.records("stream:audit"))

    def events(self) -> list[str]:
        """Names of all events, oldest first."""
        return [record["event"] for record in self.records()]

    @contextmanager
    def recording(self) -> Iterator[list[dict[str, Any]]]:
        """What is recorded in the block, and nothing else, once it has ended."""
        before, during = len(self.records()), list[dict[str, Any]]()
        yield during
        during += self.records()[before:]

    @contextmanager
    def refused(self, reason: str, status: int) -> Iterator[pytest.ExceptionInfo[Refused]]:
        """The block is refused, and neither files nor records are other than before."""
        before = self.state()
        with pytest.raises(Refused) as refusal:
            yield refusal
        assert (refusal.value.reason, refusal.value.status) == (reason, status)
        assert self.state() == before

    def state(self) -> tuple[Any, ...]:
        """All that is stored and recorded."""
        with self.store.read() as connection:
            tables = [
                sorted(map(tuple, connection.execute(select(table)).all()), key=repr)
                for table in (node, file_version, user_storage)
            ]
        return (*tables, len(self.records()))

    def used(self, by: Identity) -> int:
        """Bytes that somebody's quota knows of."""
        return self.files.usage_of(str(by.user_id)).used

    def check(self) -> None:
        """What holds at any time, whatever was done."""
        assert check_stream(self.store, Stream.AUDIT) >= 0
        with self.store.read() as connection:
            kept = {row.user_id: row.used_bytes for row in connection.execute(select(user_storage))}
            summed = counted(connection)
            nodes = connection.execute(select(node)).all()
            current = connection.execute(
                select(file_version.c.version_id).where(file_version.c.replaced_at.is_(None))
            ).scalars()
            shown = sorted(row.version_id for row in nodes if row.kind == FILE)
            assert sorted(current) == shown, "each file shows the one version not replaced"
            sizes = {
                row.version_id: row.file_size_bytes
                for row in connection.execute(select(file_version))
            }
            kept_sizes = {row.node_id: row.file_size_bytes for row in nodes}
            assert kept_sizes == {row.node_id: sizes.get(row.version_id, 0) for row in nodes}
            assert {who: used for who, used in kept.items() if used} == {
                who: size for who, size in summed.items() if size
            }
            folders = {row.parent_id for row in nodes} - {None}
            for folder_id in folders:
                chain = chain_of(connection, folder_id)
                assert chain[0].node_id == ROOT_ID, "everything is below the root"

"""Content becomes a file: new ones, replacements, and versions that come back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from strongroom.audit.pipeline.clock import new_id
from strongroom.errors import Refused
from strongroom.files.blobs import Blob
from strongroom.files.events import FileUploaded, FolderCreated
from strongroom.files.model import Folder, Level, StoredFile
from strongroom.files.names import check_filename, name_key, split_path
from strongroom.files.refusals import (
    folder_missing,
    may_not,
    not_matched,
    taken,
)
from strongroom.files.service.part import as_stored, demand, file_row, now, replace_version, touch
from strongroom.files.service.room import Room
from strongroom.files.tables import ROOT_ID, file_version, node
from strongroom.files.tree import FILE, FOLDER, LISTED, child, level_in, open_folder, open_path
from strongroom.permissions import Identity
from strongroom.store import Store

Beside = Callable[[Connection, StoredFile], None]

_UPLOAD = "upload or change files"


class Storing(Room):
    """Adds files, versions and folders."""

    def place(self, path: str, by: Identity | None = None, *, make: bool = False) -> Folder:
        """The folder of that path, in which whoever asks may store files.

        :param make: make those that are missing on the way; recorded as ``folder_created`` each
        :raises Refused: 404 ``folder_not_found``, 403, 409 when a file stands in the way, or 400
        """
        names = split_path(path)
        with self._store.read() as connection:
            found = open_path(connection, names, by)
            if found is None and not make:
                raise folder_missing(path)
            if found is not None and found.level < Level.READ and make:
                raise _as_if_missing(connection, names, by)
        if found is not None:
            return demand(found, path, Level.WRITE, _UPLOAD)
        return self._act(by, lambda connection: self._make(connection, names, by))

    def make_folder(self, path: str, by: Identity | None = None) -> Folder:
        """Make a folder in one that is there; records ``folder_created``.

        :raises Refused: 409 ``filename_taken``, 404 ``folder_not_found``, 403, or 400
        """
        names = split_path(path)
        if not names:
            raise taken("/")

        def unit(connection: Connection) -> Folder:
            above = open_path(connection, names[:-1], by)
            above = demand(above, "/" + "/".join(names[:-1]), Level.WRITE, "make a folder")
            _check_free(connection, above.folder_id, names[-1])
            return self._make(connection, names, by)

        return self._act(by, unit)

    def _make(self, connection: Connection, names: list[str], by: Identity | None) -> Folder:
        chain = [ROOT_ID]
        for depth, name in enumerate(names, start=1):
            path = "/" + "/".join(names[:depth])
            found = child(connection, chain[-1], name)
            if found is not None and found.kind == FOLDER:
                chain.append(found.node_id)
                continue
            level = level_in(connection, chain, by)
            if level < Level.READ:
                raise _as_if_missing(connection, names, by)
            if found is not None:
                raise taken(name, _sha256(connection, found))
            if level < Level.WRITE:
                raise may_not("make a folder", "/" + "/".join(names[: depth - 1]))
            chain.append(self._insert_folder(connection, chain[-1], name, path, by))
        folder = open_path(connection, names, by)
        if folder is not None and folder.level < Level.READ:
            raise _as_if_missing(connection, names, by)
        return demand(folder, "/" + "/".join(names), Level.WRITE, _UPLOAD)

    def _insert_folder(
        self, connection: Connection, parent_id: str, name: str, path: str, by: Identity | None
    ) -> str:
        folder_id, moment = new_id(), now()
        connection.execute(
            insert(node),
            _node(folder_id, parent_id, FOLDER, name, version_id=None, moment=moment, by=by),
        )
        touch(connection, parent_id, moment)
        self._audit.log(FolderCreated(folder_id=folder_id, folder=path))
        return folder_id

    def check_free(
        self, folder_id: str, filename: str, by: Identity | None = None, replaces: str | None = None
    ) -> None:
        """Refuse early what :meth:`add` would refuse: saves reading a body for nothing.

        :raises Refused: as :meth:`add`
        """
        check_filename(filename)
        with self._store.read() as connection:
            demand(open_folder(connection, folder_id, by), filename, Level.WRITE, _UPLOAD)
            _check_name(connection, folder_id, filename, replaces)

    def admit(
        self,
        folder_id: str,
        filename: str,
        blob: Blob,
        by: Identity | None = None,
        replaces: str | None = None,
    ) -> None:
        """Refuse what :meth:`add` would refuse, before content is published, which cannot be undone.

        Where whoever asks has a quota, room is held for it until it is added.

        :raises Refused: as :meth:`add`
        """

        check_filename(filename)
        usage = self.usage(by)
        limited = usage is not None and usage.quota

        def check(connection: Connection) -> None:
            demand(open_folder(connection, folder_id, by), filename, Level.WRITE, _UPLOAD)
            if limited:
                self._hold(connection, by, blob)
            _check_name(connection, folder_id, filename, replaces)

        if limited:
            self._act(by, check)
            return
        with self._store.read() as connection:
            self._check_valid(connection, by)
            check(connection)

    def add(
        self,
        folder_id: str,
        filename: str,
        content_type: str,
        blob: Blob,
        by: Identity | None = None,
        *,
        replaces: str | None = None,
        started_at: int | None = None,
        beside: Beside | None = None,
    ) -> StoredFile:
        """List a file whose content is stored already; records ``file_uploaded``.

        :param replaces: SHA-256 of the content that the file of that name has now, and which is
            kept as a version; None for a new file
        :param started_at: when it began to arrive, microseconds since 1970-01-01 UTC
        :param beside: done in the same transaction
        :raises Refused: 409 ``filename_taken``, 412 ``version_not_current``, 400 for the name,
            404 or 403 for the folder, 403 ``permission_revoked``, 507 ``quota_exceeded``
        """
        check_filename(filename)

        def unit(connection: Connection) -> StoredFile:
            folder = open_folder(connection, folder_id, by)
            folder = demand(folder, filename, Level.WRITE, _UPLOAD)
            self._charge(connection, by, blob)
            current = _check_name(connection, folder_id, filename, replaces)
            moment = now()
            version = _version(
                new_id(), current and current.node_id, content_type, blob, moment=moment, by=by
            )
            if current is None:
                row = _node(
                    new_id(),
                    folder_id,
                    FILE,
                    filename,
                    version_id=version["version_id"],
                    size=blob.size,
                    moment=moment,
                    by=by,
                )
                version["file_id"] = row["node_id"]
                connection.execute(insert(node), row)
            else:
                replace_version(connection, current, version["version_id"], blob.size, moment)
            connection.execute(insert(file_version), version)
            touch(connection, folder_id, moment)
            added = as_stored(connection, version["file_id"], folder)
            self._audit.log(
                FileUploaded(
                    file_id=added.file_id,
                    filename=filename,
                    folder=folder.path,
                    folder_id=folder_id,
                    file_size_bytes=blob.size,
                    content_type=content_type,
                    detected_type=blob.detected_type,
                    sha256=blob.sha256,
                    previous_sha256=None if current is None else current.sha256,
                    duration_ms=None if started_at is None else max(0, moment - started_at) / 1000,
                )
            )
            if beside is not None:
                beside(connection, added)
            return added

        return self._act(by, unit)


def content_sizes(store: Store) -> dict[str, int]:
    """Size by hash of every version that has been stored and not purged."""
    wanted = select(file_version.c.sha256, file_version.c.file_size_bytes).distinct()
    with store.read() as connection:
        return {row.sha256: row.file_size_bytes for row in connection.execute(wanted)}


def _as_if_missing(connection: Connection, names: list[str], by: Identity | None) -> Refused:
    """What whoever asks would hear if the first folder on this path that they may not see were not.

    Where they could make it, that it is not there: its name is in use.
    """
    chain = [ROOT_ID]
    for depth, name in enumerate(names):
        level = level_in(connection, chain, by)
        found = child(connection, chain[-1], name)
        if found is not None and level_in(connection, [*chain, found.node_id], by) >= Level.READ:
            chain.append(found.node_id)
            continue
        if Level.READ <= level < Level.WRITE:
            return may_not("make a folder", "/" + "/".join(names[:depth]))
        break
    return folder_missing("/" + "/".join(names), hidden=True)


def _check_name(
    connection: Connection, folder_id: str, filename: str, replaces: str | None
) -> Row[Any] | None:
    """The file to be replaced; None where there is none, and none is to be.

    :raises Refused: 409 ``filename_taken``, 412 ``version_not_current``
    """
    if replaces is None:
        _check_free(connection, folder_id, filename, replaceable=True)
        return None
    found = child(connection, folder_id, filename)
    current = None if found is None else file_row(connection, found.node_id)
    if current is None or current.sha256 != replaces:
        raise not_matched(filename, there=current is not None)
    return current


def _check_free(
    connection: Connection, folder_id: str, name: str, *, replaceable: bool = False
) -> None:
    found = child(connection, folder_id, name)
    if found is not None:
        raise taken(name, _sha256(connection, found), replaceable=replaceable)


def _sha256(connection: Connection, found: Row[Any]) -> str | None:
    row = None if found.kind == FOLDER else file_row(connection, found.node_id)
    return None if row is None else str(row.sha256)


def _node(
    node_id: str,
    parent_id: str,
    kind: str,
    name: str,
    *,
    version_id: str | None,
    size: int = 0,
    moment: int,
    by: Identity | None,
) -> dict[str, Any]:
    return {
        "node_id": node_id,
        "parent_id": parent_id,
        "kind": kind,
        "name": name,
        "name_key": name_key(name),
        "state": LISTED,
        "version_id": version_id,
        "file_size_bytes": size,
        "created_at": moment,
        "created_by": None if by is None else by.user_id,
        "changed_at": moment,
    }


def _version(
    version_id: str,
    file_id: str | None,
    content_type: str,
    blob: Blob,
    *,
    moment: int,
    by: Identity | None,
) -> dict[str, Any]:
    return {
        "version_id": version_id,
        "file_id": file_id,
        "file_size_bytes": blob.size,
        "content_type": content_type,
        "detected_type": blob.detected_type,
        "sha256": blob.sha256,
        "created_at": moment,
        "created_by": None if by is None else by.user_id,
    }

"""Resumable uploads: agreed upon, continued, finished, ended. Each change with its record.

What has arrived is in the object store, and only there; the database knows whose an upload is, what
it will be, and what it has become.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from strongroom.audit.extension import AuditLog
from strongroom.audit.pipeline.clock import new_id
from strongroom.errors import Refused, Unavailable
from strongroom.files.events import ChangeNotNeeded, UploadAborted
from strongroom.files.service import FileService
from strongroom.files.tree import open_folder
from strongroom.files.tus import rows
from strongroom.files.tus.errors import (
    expired,
    not_found,
    overrun,
    overtaken,
    too_large,
    wrong_offset,
)
from strongroom.files.tus.events import UploadStarted
from strongroom.files.tus.finishing import Finisher
from strongroom.files.tus.metadata import Metadata
from strongroom.files.tus.receiving import Piece, Receiver
from strongroom.files.tus.room import Room
from strongroom.files.tus.rows import UploadRow
from strongroom.objects import ObjectStore, Overtaken
from strongroom.permissions import Identity
from strongroom.store import Store

MICROSECONDS: Final = 1_000_000
STEP: Final = 60 * MICROSECONDS
"""What the end of an upload is put off by at least; less is not worth a commit."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an upload is.

    :param offset: bytes that have arrived; the whole length once the file is stored
    """

    upload: UploadRow
    offset: int


class ResumableUploads:
    """Everything that can be done to resumable uploads. Thread-safe, also between processes.

    The SHA-256 of a file is computed while its pieces arrive; see ``digests.py`` for when the whole
    file is read once more instead.

    :param max_bytes: of one file
    :param expiry: seconds that an upload is kept after somebody has last gone on with it
    """

    def __init__(
        self,
        files: FileService,
        objects: ObjectStore,
        store: Store,
        audit: AuditLog,
        *,
        max_bytes: int,
        expiry: int,
    ) -> None:
        self.max_bytes = max_bytes
        self.audit = audit
        self.objects = objects
        self.store = store
        self.expiry = expiry * MICROSECONDS
        self._files = files
        self._room = Room(files, store)
        self._receiver = Receiver(objects, audit, max_bytes)
        self._finisher = Finisher(objects, files, store, self._receiver.digests)

    def create(self, metadata: Metadata, length: int | None, by: Identity | None) -> UploadRow:
        """Agree upon an upload; records ``upload_started``.

        That it was survives power loss when this returns.

        :param length: in bytes; None when it is to be told later
        :raises Refused: for what the file service would refuse in the end, or 413
        :raises Unavailable: when the database cannot be written
        """
        if length is not None and length > self.max_bytes:
            raise too_large(self.max_bytes)
        self._files.check_room(length, by)
        self._room.check(by)
        folder = self._files.place(metadata.folder, by)
        if metadata.below:
            below = f"{folder.path.rstrip('/')}/{metadata.below}"
            folder = self._files.place(below, by, make=metadata.replaces is None)
        self._files.check_free(folder.folder_id, metadata.filename, by, replaces=metadata.replaces)
        now = _now()
        upload = UploadRow(
            upload_id=new_id(),
            parent_id=folder.folder_id,
            filename=metadata.filename,
            content_type=metadata.content_type,
            file_size_bytes=length,
            replaces=metadata.replaces,
            created_at=now,
            created_by=None if by is None else by.user_id,
            expires_at=now + self.expiry,
            file_id=None,
            metadata=metadata.sent,
        )

        def unit(connection: Connection) -> None:
            rows.add(connection, upload)
            self.audit.log(
                UploadStarted(
                    filename=upload.filename,
                    folder=folder.path,
                    folder_id=folder.folder_id,
                    content_type=upload.content_type,
                    file_size_bytes=length,
                )
            )

        begun = self.objects.begin(upload.upload_id)
        try:
            self.store.write(unit)
        except BaseException:
            begun.discard()
            raise
        return upload

    def find(self, upload_id: str, by: Identity | None) -> UploadRow:
        """The upload of whoever asks.

        :raises Refused: 404 for one that is not there, or somebody else's; 410 once it is too late,
            unless bytes of it still arrive
        """
        with self.store.read() as connection:
            found = rows.find(connection, upload_id)
        if found is None:
            raise not_found()
        if found.created_by != (None if by is None else by.user_id):
            raise not_found(hidden=True)
        if found.expires_at > (now := _now()):
            return found
        # One piece may take longer than an upload is kept between two.
        end = int((self.objects.resumable(upload_id).written_at() or 0) * MICROSECONDS)
        if (end := end + self.expiry) <= now:
            raise expired()
        return replace(found, expires_at=end)

    def progress(self, upload: UploadRow, by: Identity | None) -> Progress:
        """How far it is. One that is complete and not stored, after a crash, is stored now.

        :raises Refused: when it cannot be stored, as :meth:`FileService.add`
        """
        upload, size = self._arrived(upload)
        if upload.file_id is None and size == upload.file_size_bytes:
            return Progress(self._finisher.finish(upload, size, by), size)
        return Progress(upload, size)

    def append(
        self, upload: UploadRow, piece: Piece, by: Identity | None, length: int | None = None
    ) -> Progress:
        """Go on with it; with its last byte the file is stored, and ``file_uploaded`` recorded.

        When it returns, and also when the body breaks off, what has arrived survives power loss.

        :param length: of the whole upload, where it is told only now
        :raises Refused: see :meth:`Receiver.receive`, and :meth:`FileService.add`
        :raises ClientDisconnected: the body broke off
        :raises OSError: when it cannot be stored
        """
        upload, size = self._arrived(upload)
        if length is not None and length != upload.file_size_bytes:
            upload = self._tell_length(upload, length, size, piece, by)
        if upload.file_id is not None or size == upload.file_size_bytes:
            return self._append_nothing(upload, size, piece, by)
        self._files.check_free(upload.parent_id, upload.filename, by, replaces=upload.replaces)
        room = self._room.of(upload, size, by)
        try:
            size = self._receiver.receive(upload, piece, room)
        except (FileNotFoundError, Overtaken):
            raise self._ended(upload) from None
        except BaseException:
            with suppress(Unavailable):  # what broke first is what is told
                self._prolong(upload, size)
            raise
        upload = self._prolong(upload, size)
        if size == upload.file_size_bytes:
            upload = self._finisher.finish(upload, size, by)
        return Progress(upload, size)

    def terminate(self, upload: UploadRow) -> None:
        """End it and drop what has arrived; records ``upload_aborted``.

        A file that it has become stays; ``change_not_needed`` is recorded then.

        :raises Refused: 404 when it has ended already
        :raises Unavailable: when the database cannot be written
        """
        if upload.file_id is None and self.abort(upload):
            return

        def unit(connection: Connection) -> bool:
            removed = rows.remove(connection, upload.upload_id, stored=True)
            if removed:
                self.audit.log(ChangeNotNeeded(filename=upload.filename, file_id=upload.file_id))
            return removed

        if not self.store.write(unit):
            raise not_found()

    def abort(self, upload: UploadRow, *, expired_by: int | None = None) -> bool:
        """Drop an upload that was not stored; records ``upload_aborted``.

        :param expired_by: only if its time is over then, in microseconds since 1970
        :returns: whether it was there still, and not stored meanwhile
        """
        resumable = self.objects.resumable(upload.upload_id)
        try:
            size = resumable.arrived().size
        except FileNotFoundError:
            size = 0

        def unit(connection: Connection) -> bool:
            removed = rows.remove(connection, upload.upload_id, stored=False, expired_by=expired_by)
            if removed:
                self.audit.log(
                    UploadAborted(
                        bytes_in=size,
                        filename=upload.filename,
                        folder=_folder(connection, upload),
                        content_type=upload.content_type,
                    )
                )
            return removed

        if not self.store.write(unit):
            return False
        resumable.discard()
        self._receiver.digests.forget(upload.upload_id)
        return True

    def folder_of(self, upload: UploadRow) -> str | None:
        """Path of the folder that it goes into, for the records; None when that is gone for good."""
        with self.store.read() as connection:
            return _folder(connection, upload)

    def _arrived(self, upload: UploadRow) -> tuple[UploadRow, int]:
        """The upload, and how many bytes of it there are."""
        if upload.file_id is not None:
            return upload, upload.file_size_bytes or 0
        resumable = self.objects.resumable(upload.upload_id)
        try:
            return upload, resumable.arrived().size
        except FileNotFoundError:
            pass
        with self.store.read() as connection:
            found = rows.find(connection, upload.upload_id)
        if found is None:
            raise not_found()
        if found.file_id is not None:
            return found, found.file_size_bytes or 0
        # A power cut right after it was agreed upon: nothing of it had been promised.
        resumable.discard()
        self.objects.begin(upload.upload_id)
        return found, 0

    def _ended(self, upload: UploadRow) -> Refused:
        """Why a piece had nowhere to go: another connection has gone on with it, or ended it."""
        with self.store.read() as connection:
            found = rows.find(connection, upload.upload_id)
        return not_found() if found is None else overtaken()

    def _append_nothing(
        self, upload: UploadRow, size: int, piece: Piece, by: Identity | None
    ) -> Progress:
        """A client that has sent all of it, and does not know what became of that."""
        if piece.offset != size:
            raise wrong_offset(size)
        if piece.length or piece.stream.read(1):
            raise overrun(size)
        return self.progress(upload, by)

    def _tell_length(
        self, upload: UploadRow, length: int, size: int, piece: Piece, by: Identity | None
    ) -> UploadRow:
        """Fix the length, which cannot be changed any more: not with a piece that is refused."""
        if upload.file_size_bytes is not None:
            raise Refused(
                "length_known",
                f"This upload was announced with {upload.file_size_bytes:,} bytes, which stays so.",
            )
        if length > self.max_bytes:
            raise too_large(self.max_bytes)
        if piece.offset != size:
            raise wrong_offset(size)
        if length < size + (piece.length or 0):
            raise overrun(length)
        self._files.check_free(upload.parent_id, upload.filename, by, replaces=upload.replaces)
        self._files.check_room(length - size, by)  # what has arrived is in use already
        upload_id = upload.upload_id
        self.store.write(lambda connection: rows.set_length(connection, upload_id, length))
        return self.find(upload_id, by)

    def _prolong(self, upload: UploadRow, size: int) -> UploadRow:
        """Put off its end, since somebody has gone on with it."""
        end = _now() + self.expiry
        if end < upload.expires_at + STEP:
            return upload
        if size != upload.file_size_bytes:  # else that is written with the file
            upload_id = upload.upload_id
            self.store.write(lambda connection: rows.prolong(connection, upload_id, end))
        return replace(upload, expires_at=end)


def _now() -> int:
    return time.time_ns() // 1000


def _folder(connection: Connection, upload: UploadRow) -> str | None:
    folder = open_folder(connection, upload.parent_id, None, trashed=True)
    return None if folder is None else folder.path

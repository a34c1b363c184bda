"""The end of an upload: from all its bytes to a file that is listed. Every step can be repeated."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from strongroom.errors import Refused
from strongroom.files.blobs import Blob, key_of
from strongroom.files.model import StoredFile
from strongroom.files.service import FileService
from strongroom.files.tus import rows
from strongroom.files.tus.digests import Digest, Digests
from strongroom.files.tus.errors import damaged, not_found, wrong_offset
from strongroom.files.tus.rows import UploadRow
from strongroom.files.types import HEAD_BYTES, detect
from strongroom.objects import ObjectStore, Overtaken, Resumable
from strongroom.permissions import Identity
from strongroom.store import Store


class _Told(Exception):
    """Somebody else has finished or ended this upload meanwhile."""


@dataclass(frozen=True, slots=True)
class Finisher:
    """Stores complete uploads. Thread-safe.

    After a crash at any point the same is done once more, by whichever request finds the upload
    complete: hashing gives the same hash, publishing under it changes nothing, and of two
    transactions that list the file one is undone.
    """

    objects: ObjectStore
    files: FileService
    store: Store
    digests: Digests

    def finish(self, upload: UploadRow, size: int, by: Identity | None) -> UploadRow:
        """Store the upload, whose ``size`` bytes are all of it; the row as it is then.

        :raises Refused: as :meth:`FileService.add`, or 404 when it was ended meanwhile; what
            has arrived stays
        :raises OSError: when it cannot be stored
        :raises Unavailable: when the database cannot be written
        """
        resumable = self.objects.resumable(upload.upload_id)
        try:
            resumable.seal(size)
            blob = self._blob(upload, size, resumable)
            found = self._admitted(upload, blob, by)
            if found is not None:
                return found
            resumable.publish(key_of(blob.sha256))
        except Overtaken as error:
            raise wrong_offset(error.size) from None
        except FileNotFoundError:
            return self._found_gone(upload)
        stored = self._list(upload, blob, by)
        resumable.discard()
        self.digests.forget(upload.upload_id)
        return stored

    def _blob(self, upload: UploadRow, size: int, resumable: Resumable) -> Blob:
        arrived = resumable.arrived()
        digest = self.digests.take(upload.upload_id, arrived.token, size)
        if digest is not None:
            # It may be refused now, and asked for again.
            self.digests.keep(upload.upload_id, arrived.token, digest)
            sha256, head = digest.hash.hexdigest(), digest.head
        elif arrived.published is not None:  # and hashed, before a crash or a refusal
            sha256, head = (
                arrived.published.rsplit("/", 1)[1],
                self._head(resumable, arrived.published),
            )
        else:
            with resumable.open() as stream:
                read = Digest.of_stream(stream)
            self.digests.keep(upload.upload_id, arrived.token, read)
            sha256, head = read.hash.hexdigest(), read.head
        return Blob(sha256, size, detect(head, upload.filename))

    def _admitted(self, upload: UploadRow, blob: Blob, by: Identity | None) -> UploadRow | None:
        """Ask before it is published, which cannot be undone; the row, where it is stored already.

        :raises Refused: as :meth:`FileService.add`
        """
        try:
            self.files.admit(upload.parent_id, upload.filename, blob, by, upload.replaces)
        except Refused:
            # The name may be taken by this very upload, which another request has finished.
            found = self._row(upload.upload_id)
            if found is None or found.file_id is None:
                raise
            return found
        return None

    def _head(self, resumable: Resumable, key: str) -> bytes:
        try:
            stream = resumable.open()
        except FileNotFoundError:  # there are no hard links here, so it is the object by now
            stream = self.objects.open(key)
        with stream:
            return stream.read(HEAD_BYTES)

    def _list(self, upload: UploadRow, blob: Blob, by: Identity | None) -> UploadRow:
        def beside(connection: Connection, stored: StoredFile) -> None:
            end = upload.expires_at
            if not rows.set_stored(connection, upload.upload_id, stored.file_id, end):
                raise _Told

        try:
            self.files.add(
                upload.parent_id,
                upload.filename,
                upload.content_type,
                blob,
                by,
                replaces=upload.replaces,
                started_at=upload.created_at,
                beside=beside,
            )
        except (Refused, _Told) as error:
            # The name may be taken by this very upload, which another request has finished.
            found = self._row(upload.upload_id)
            if found is not None and found.file_id is not None:
                return found
            if isinstance(error, _Told):
                raise not_found() from None
            raise
        found = self._row(upload.upload_id)
        if found is None:
            raise not_found()  # stored, and ended at the same moment
        return found

    def _found_gone(self, upload: UploadRow) -> UploadRow:
        found = self._row(upload.upload_id)
        if found is None:
            raise not_found()
        if found.file_id is None:
            raise damaged()
        return found

    def _row(self, upload_id: str) -> UploadRow | None:
        with self.store.read() as connection:
            return rows.find(connection, upload_id)

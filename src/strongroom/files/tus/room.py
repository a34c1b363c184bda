"""How much more somebody may upload: what has arrived of unfinished uploads counts as well."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from strongroom.files.refusals import quota_exceeded
from strongroom.files.service import FileService
from strongroom.files.tus import rows
from strongroom.files.tus.errors import too_many
from strongroom.files.tus.rows import UploadRow
from strongroom.objects import ObjectStore
from strongroom.permissions import Identity
from strongroom.store import Store

UNFINISHED: Final = 1_000
"""Uploads of one person that may be unfinished at a time: each is a row and two files."""


@dataclass(frozen=True, slots=True)
class Room:
    """Counts what people have begun. Thread-safe.

    Pieces that arrive at the same moment do not see one another: as many more bytes can be kept as
    these are. When they become files they are counted again, one by one.
    """

    files: FileService
    objects: ObjectStore
    store: Store

    def of(self, upload: UploadRow, size: int, by: Identity | None) -> Callable[[int], None]:
        """Counts bytes that arrive, and refuses those that cannot be kept.

        What has arrived of this upload counts, and of others that are not finished; the service
        knows of stored files only.

        :raises Refused: 507 ``quota_exceeded`` where all of it could not be kept
        """
        take, usage = self.files.room(by), self.files.usage(by)
        if usage is None or not usage.quota:
            return take
        used, quota = usage.used + self._arrived_of(by, but=upload.upload_id), usage.quota
        wanted = size if upload.file_size_bytes is None else upload.file_size_bytes
        if used + wanted > quota:
            raise quota_exceeded(used, quota)
        left = quota - used - size

        def take_less(count: int) -> None:
            nonlocal left
            left -= count
            if left < 0:
                raise quota_exceeded(used, quota)
            take(count)

        return take_less

    def check(self, length: int | None, by: Identity | None) -> None:
        """Refuse one more upload where there are too many, or too much has arrived of them.

        :raises Refused: 429 ``too_many_uploads``, 507 ``quota_exceeded``
        """
        with self.store.read() as connection:
            count = len(rows.unfinished(connection, None if by is None else by.user_id))
        if count >= UNFINISHED:
            raise too_many(UNFINISHED)
        usage = self.files.usage(by)
        if usage is not None and usage.quota:
            used = usage.used + self._arrived_of(by)
            if used + (length or 0) > usage.quota:
                raise quota_exceeded(used, usage.quota)

    def _arrived_of(self, by: Identity | None, but: str | None = None) -> int:
        """Bytes that have arrived of somebody's unfinished uploads.

        :param but: id of one that does not count
        """
        with self.store.read() as connection:
            ids = rows.unfinished(connection, None if by is None else by.user_id)
        size = 0
        for upload_id in ids:
            if upload_id != but:
                with suppress(FileNotFoundError):  # it has just become a file, or ended
                    size += self.objects.resumable(upload_id).arrived().size
        return size

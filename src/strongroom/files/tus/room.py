"""How many uploads somebody may have begun, and how much more may arrive of one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from strongroom.files.service import FileService
from strongroom.files.tus import rows
from strongroom.files.tus.errors import too_many
from strongroom.files.tus.rows import UploadRow
from strongroom.permissions import Identity
from strongroom.store import Store

UNFINISHED: Final = 1_000
"""Uploads of one person that may be unfinished at a time: each is a row and two files."""


@dataclass(frozen=True, slots=True)
class Room:
    """Counts what people have begun. Thread-safe.

    The service counts the bytes: those of all unfinished uploads are in use, as stored ones are.
    """

    files: FileService
    store: Store

    def of(self, upload: UploadRow, size: int, by: Identity | None) -> Callable[[int], None]:
        """Counts bytes that arrive, and refuses those that cannot be kept.

        :param size: bytes of it that have arrived, and are in use already
        :raises Refused: 507 ``quota_exceeded`` where all of it could not be kept
        """
        length = upload.file_size_bytes
        return self.files.room(by, 0 if length is None else length - size)

    def check(self, by: Identity | None) -> None:
        """Refuse one more upload where there are too many.

        :raises Refused: 429 ``too_many_uploads``
        """
        with self.store.read() as connection:
            count = len(rows.unfinished(connection, None if by is None else by.user_id))
        if count >= UNFINISHED:
            raise too_many(UNFINISHED)

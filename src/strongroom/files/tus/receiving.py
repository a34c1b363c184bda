"""A piece of an upload: from the connection to the disk, hashed on the way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any, Final

from strongroom.audit.extension import AuditLog
from strongroom.errors import Refused
from strongroom.files.hashing import Hashing, HashThreads
from strongroom.files.tus.digests import Digests
from strongroom.files.tus.errors import (
    ChecksumMismatch,
    overrun,
    too_large,
    wrong_offset,
)
from strongroom.files.tus.events import UploadResumed
from strongroom.files.tus.headers import ALGORITHMS, Checksum
from strongroom.files.tus.rows import UploadRow
from strongroom.objects import ObjectStore, Overtaken, ResumableWriter

CHUNK: Final = 128 * 1024
"""Bytes read at a time: what the server reads ahead, so that it copies nothing twice."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of an upload's bytes, on their way.

    :param offset: where they belong
    :param length: of the body as announced; None when it is not known beforehand
    """

    offset: int
    stream: IO[bytes]
    length: int | None
    checksum: Checksum | None = None


@dataclass(slots=True)
class Receiver:
    """Receives pieces. Thread-safe; memory use does not depend on their size.

    :param max_bytes: of one file
    """

    objects: ObjectStore
    audit: AuditLog
    max_bytes: int
    digests: Digests = field(default_factory=Digests)
    threads: HashThreads = field(default_factory=HashThreads)

    def receive(self, upload: UploadRow, piece: Piece, room: Callable[[int], None]) -> int:
        """Append a piece; how many bytes there are then, which survive power loss.

        Whatever goes wrong on the way, what had arrived until then is kept, and is on disk; only of
        a piece with a checksum nothing is kept.

        :param room: told of each count of bytes that arrives; raises when it is too many
        :raises Refused: the client's mistake
        :raises Overtaken: another connection goes on with the upload, or has ended it
        :raises ClientDisconnected: the body broke off
        :raises FileNotFoundError: the upload was finished or terminated meanwhile
        :raises OSError: when it cannot be stored
        """
        if piece.length is not None:
            self._check_end(upload, piece.offset + piece.length)
        resumable = self.objects.resumable(upload.upload_id)
        unverified = piece.checksum is not None
        try:
            writer = resumable.take_over(piece.offset, unverified=unverified)
        except Overtaken as error:
            raise wrong_offset(error.size) from None
        try:
            return self._append(upload, piece, room, writer)
        finally:
            writer.close()

    def _append(
        self,
        upload: UploadRow,
        piece: Piece,
        room: Callable[[int], None],
        writer: ResumableWriter,
    ) -> int:
        before = writer.before
        digest = self.digests.take(upload.upload_id, before.token, before.size)
        start = None if digest is None or piece.checksum is None else digest.copy()
        verified = None if piece.checksum is None else ALGORITHMS[piece.checksum.algorithm]()
        hashing = Hashing(self.threads, *(one for one in (digest, verified) if one is not None))
        at = piece.offset
        try:
            if before.size and not before.orderly:
                self.audit.log(_resumed(upload, before.size))
            while chunk := piece.stream.read(CHUNK):
                at += len(chunk)
                self._check_end(upload, at)
                room(len(chunk))
                writer.write(chunk)
                hashing.update(chunk)  # after it: what is not written must not be hashed
            hashing.wait()
        except (Overtaken, FileNotFoundError):
            raise
        except BaseException:
            kept = digest if verified is None else start
            # What broke first is what is told.
            with suppress(Overtaken, OSError, RuntimeError):
                writer.finish(orderly=False, keep=verified is None)
                hashing.wait()
                self.digests.keep(upload.upload_id, writer.token, kept)
            raise
        finally:
            hashing.abandon()
        if not _matches(verified, piece.checksum):
            writer.finish(keep=False)
            self.digests.keep(upload.upload_id, writer.token, start)
            raise ChecksumMismatch
        size = writer.finish(whole=at == upload.file_size_bytes)
        self.digests.keep(upload.upload_id, writer.token, digest)
        return size

    def _check_end(self, upload: UploadRow, end: int) -> None:
        if (refusal := self.refusal(upload, end)) is not None:
            raise refusal

    def refusal(self, upload: UploadRow, end: int) -> Refused | None:
        """Why the upload cannot have so many bytes."""
        if upload.file_size_bytes is not None and end > upload.file_size_bytes:
            return overrun(upload.file_size_bytes)
        return too_large(self.max_bytes) if end > self.max_bytes else None


def _matches(verified: Any, checksum: Checksum | None) -> bool:
    return checksum is None or verified.digest() == checksum.digest


def _resumed(upload: UploadRow, size: int) -> UploadResumed:
    return UploadResumed(
        bytes_in=size,
        filename=upload.filename,
        folder_id=upload.parent_id,
        content_type=upload.content_type,
        file_size_bytes=upload.file_size_bytes,
    )

"""Reads stored bytes on the spot, and says whether they are those that were uploaded."""

from __future__ import annotations

import errno
import hashlib
import time
from collections.abc import Generator
from threading import BoundedSemaphore
from typing import Final

from strongroom.audit.events import Outcome
from strongroom.audit.extension import AuditLog
from strongroom.errors import ServerFault
from strongroom.files.events import ContentChecked
from strongroom.files.history.contents import Content, Health, Present
from strongroom.files.service import FileService
from strongroom.files.service.integrity import DAMAGED, MISSING

CHUNK: Final = 4 * 1_048_576
"""Bytes between two words about how far it is."""

AT_A_TIME: Final = 2
"""In one worker process: each keeps a processor and the disk busy."""

UNREADABLE: Final = "content_not_readable"
"""For now, and for no reason of its own."""

_IS_DAMAGE: Final = (errno.EIO, errno.EBADMSG, errno.EUCLEAN)
"""The disk cannot give the bytes back."""

_turns: Final = BoundedSemaphore(AT_A_TIME)


class Check:
    """One check. Used once, by one thread; begins when :meth:`run` is first asked for a step.

    :raises ServerFault: 503 ``too_many_checks`` when others take all there is, at once
    """

    def __init__(
        self, files: FileService, audit: AuditLog, file: Present, content: Content
    ) -> None:
        if not _turns.acquire(blocking=False):
            raise ServerFault(
                "too_many_checks",
                "Other contents are being read now, and this one would be too many at once. "
                "Try again in a moment.",
                status=503,
            )
        self._files = files
        self._audit = audit
        self._file = file
        self._content = content
        self._open = True

    def run(self) -> Generator[int, None, None]:
        """Read all of it; how many bytes are read, again and again until the end.

        What was found is remembered as the scrub does, and recorded as ``content_checked``, before
        this ends.

        :raises Unavailable: when that cannot be recorded
        """
        began = time.perf_counter()
        stamp = self._files.blobs.stamp(self._content.sha256) or ""
        try:
            reason = yield from self._read()
        except FileNotFoundError:
            reason, stamp = MISSING, ""
        except OSError as error:
            reason = DAMAGED if error.errno in _IS_DAMAGE else UNREADABLE
        finally:
            self.close()
        self._remember(reason, stamp)
        self._audit.log(
            ContentChecked(
                outcome=Outcome.SUCCESS if reason is None else Outcome.FAILED,
                file_id=self._file.file_id,
                filename=self._file.filename,
                sha256=self._content.sha256,
                file_size_bytes=self._content.file_size_bytes,
                duration_ms=round((time.perf_counter() - began) * 1000, 3),
                reason=reason,
            )
        )

    def close(self) -> None:
        """Let others have a turn; may be repeated."""
        if self._open:
            self._open = False
            _turns.release()

    def _read(self) -> Generator[int, None, str | None]:
        """How many bytes are read; then what is wrong with them, None for nothing."""
        digest, length = hashlib.sha256(), 0
        with self._files.blobs.open(self._content.sha256) as content:
            while chunk := content.read(CHUNK):
                digest.update(chunk)
                length += len(chunk)
                yield length
                if length > self._content.file_size_bytes:
                    break
        whole = length == self._content.file_size_bytes
        return None if whole and digest.hexdigest() == self._content.sha256 else DAMAGED

    def _remember(self, reason: str | None, stamp: str) -> None:
        if reason in (MISSING, DAMAGED):
            self._files.note_damage(self._content.sha256, reason, stamp, self._file.file_id)
        elif reason is None and self._content.health in (Health.DAMAGED, Health.MISSING):
            self._files.note_sound([self._content.sha256])

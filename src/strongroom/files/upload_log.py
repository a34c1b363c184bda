"""What became of an upload that was not stored, as exactly one record."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Final

from strongroom.audit.extension import AuditLog
from strongroom.errors import Refused, ServerFault
from strongroom.files.events import UploadAborted, UploadError, UploadFailed

_NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_DROPPED: Final = "Nothing of it was kept"
_KEPT: Final = "What is on its disk already is kept, and the upload can go on from there"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is known of a file that is being uploaded; None where it is not known."""

    filename: str | None = None
    content_type: str | None = None
    size: int | None = None
    """Bytes announced or received."""
    folder: str | None = None


class UploadLog:
    """Records refused, aborted and failed uploads. Thread-safe.

    Every method raises ``Unavailable`` when the record cannot be made durable.
    """

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    def refused(self, refusal: Refused, attempt: Attempt) -> None:
        """The client asked for what cannot be."""
        self._audit.log(
            UploadFailed(
                reason=refusal.recorded,
                status=refusal.status,
                filename=attempt.filename,
                folder=attempt.folder,
                content_type=attempt.content_type,
                file_size_bytes=attempt.size,
            )
        )

    def aborted(self, attempt: Attempt) -> None:
        """The client went away."""
        self._audit.log(
            UploadAborted(
                bytes_in=attempt.size or 0,
                filename=attempt.filename,
                folder=attempt.folder,
                content_type=attempt.content_type,
            )
        )

    def failed(self, error: Exception, attempt: Attempt, *, kept: bool = False) -> ServerFault:
        """The server could not store it; returns what to tell the client.

        :param kept: whether what had arrived before is kept, to be gone on with
        """
        fault = _fault(error, _KEPT if kept else _DROPPED)
        event = UploadError(
            reason=fault.reason,
            status=fault.status,
            filename=attempt.filename,
            folder=attempt.folder,
            content_type=attempt.content_type,
        )
        self._audit.log(event, error=error)
        return fault


def _fault(error: Exception, left: str) -> ServerFault:
    if isinstance(error, OSError) and error.errno in _NO_SPACE:
        return ServerFault(
            "storage_full",
            f"The server has no room left for this file. {left}; tell whoever runs the server.",
            status=507,
        )
    return ServerFault(
        "storage_failed",
        f"The server could not store this file. {left}; "
        "try again, and tell whoever runs the server if it happens again.",
    )

"""What is recorded of a resumable upload between its first byte and ``file_uploaded``."""

from __future__ import annotations

from strongroom.audit.events import Event, Level, Outcome, Stream, declare

_SUCCESS = {Outcome.SUCCESS: Level.INFO}


@declare("upload_started", stream=Stream.AUDIT, levels=_SUCCESS)
class UploadStarted(Event):
    """A resumable upload was agreed upon; its bytes follow in one request or in many."""

    filename: str
    folder: str
    folder_id: str
    content_type: str
    file_size_bytes: int | None = None


@declare("upload_resumed", stream=Stream.AUDIT, levels=_SUCCESS)
class UploadResumed(Event):
    """A resumable upload went on after it had been cut off; so many bytes were there already."""

    bytes_in: int
    filename: str
    folder_id: str
    content_type: str
    file_size_bytes: int | None = None

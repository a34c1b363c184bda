"""What the file server records."""

from __future__ import annotations

from strongroom.audit.events import Event, Level, Outcome, Stream, declare

SUCCESS = {Outcome.SUCCESS: Level.INFO}
REFUSED = {Outcome.DENIED: Level.WARNING}
BROKEN = {Outcome.FAILED: Level.ERROR}


@declare("file_uploaded", stream=Stream.AUDIT, levels=SUCCESS)
class FileUploaded(Event):
    """A file is stored, hashed and listed."""

    file_id: str
    filename: str
    file_size_bytes: int
    content_type: str
    sha256: str


@declare("upload_failed", stream=Stream.AUDIT, levels=REFUSED)
class UploadFailed(Event):
    """An upload was refused: the client asked for what cannot be."""

    reason: str
    status: int
    filename: str | None = None
    file_size_bytes: int | None = None
    content_type: str | None = None


@declare("upload_aborted", stream=Stream.AUDIT, levels={Outcome.FAILED: Level.WARNING})
class UploadAborted(Event):
    """The client went away before the upload was complete; nothing was kept."""

    bytes_in: int
    filename: str | None = None
    content_type: str | None = None


@declare("upload_error", stream=Stream.AUDIT, levels=BROKEN)
class UploadError(Event):
    """The server could not store an upload; nothing was kept."""

    reason: str
    status: int
    filename: str | None = None
    content_type: str | None = None


@declare("files_listed", stream=Stream.AUDIT, levels=SUCCESS)
class FilesListed(Event):
    """Somebody was shown which files there are."""

    count: int
    folder: str


@declare("list_failed", stream=Stream.AUDIT, levels=REFUSED | BROKEN)
class ListFailed(Event):
    """A listing was refused, or the server could not make it."""

    outcome: Outcome
    reason: str
    status: int


@declare("file_downloaded", stream=Stream.AUDIT, levels=SUCCESS)
class FileDownloaded(Event):
    """A file's bytes, or the range named, were released to this client."""

    file_id: str
    filename: str
    file_size_bytes: int
    content_type: str
    sha256: str
    range: str | None = None


@declare("download_failed", stream=Stream.AUDIT, levels=REFUSED | BROKEN)
class DownloadFailed(Event):
    """A download was refused, or the server could not read the stored bytes."""

    outcome: Outcome
    reason: str
    status: int
    filename: str
    file_id: str | None = None


@declare("file_deleted", stream=Stream.AUDIT, levels=SUCCESS)
class FileDeleted(Event):
    """A file went to the trash; its bytes are kept."""

    file_id: str
    filename: str
    file_size_bytes: int
    content_type: str
    sha256: str


@declare("delete_failed", stream=Stream.AUDIT, levels=REFUSED)
class DeleteFailed(Event):
    """A deletion was refused."""

    reason: str
    status: int
    filename: str


@declare("delete_error", stream=Stream.AUDIT, levels=BROKEN)
class DeleteError(Event):
    """The server could not delete; the file is where it was."""

    filename: str

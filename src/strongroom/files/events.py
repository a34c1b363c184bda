"""What the file server records."""

from __future__ import annotations

from strongroom.audit.events import Event, Level, Outcome, Stream, declare

SUCCESS = {Outcome.SUCCESS: Level.INFO}
REFUSED = {Outcome.DENIED: Level.WARNING}
BROKEN = {Outcome.FAILED: Level.ERROR}


@declare("file_uploaded", stream=Stream.AUDIT, levels=SUCCESS)
class FileUploaded(Event):
    """A file is stored, hashed and listed: a new one, or new content of one that was there."""

    file_id: str
    filename: str
    folder: str
    folder_id: str
    file_size_bytes: int
    content_type: str
    detected_type: str
    sha256: str
    previous_sha256: str | None = None
    duration_ms: float | None = None


@declare("upload_failed", stream=Stream.AUDIT, levels=REFUSED)
class UploadFailed(Event):
    """An upload was refused: the client asked for what cannot be."""

    reason: str
    status: int
    filename: str | None = None
    folder: str | None = None
    file_size_bytes: int | None = None
    content_type: str | None = None


@declare("upload_aborted", stream=Stream.AUDIT, levels={Outcome.FAILED: Level.WARNING})
class UploadAborted(Event):
    """The client went away before the upload was complete; nothing was kept."""

    bytes_in: int
    filename: str | None = None
    folder: str | None = None
    content_type: str | None = None


@declare("upload_error", stream=Stream.AUDIT, levels=BROKEN)
class UploadError(Event):
    """The server could not store an upload; nothing was kept."""

    reason: str
    status: int
    filename: str | None = None
    folder: str | None = None
    content_type: str | None = None


@declare("files_listed", stream=Stream.AUDIT, levels=SUCCESS)
class FilesListed(Event):
    """Somebody was shown what is in a folder, or what a search found there."""

    count: int
    folder: str
    folder_id: str


@declare("list_failed", stream=Stream.AUDIT, levels=REFUSED | BROKEN)
class ListFailed(Event):
    """A listing was refused, or the server could not make it."""

    outcome: Outcome
    reason: str
    status: int
    folder: str | None = None


@declare("file_downloaded", stream=Stream.AUDIT, levels=SUCCESS)
class FileDownloaded(Event):
    """A file's bytes, or the range named, were released to this client."""

    file_id: str
    filename: str
    folder: str
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
    filename: str | None = None
    folder: str | None = None
    file_id: str | None = None


@declare("content_damaged", stream=Stream.AUDIT, levels={Outcome.FAILED: Level.CRITICAL})
class ContentDamaged(Event):
    """Stored bytes are gone, or not what was uploaded; the file is not handed out."""

    reason: str
    file_id: str
    filename: str
    sha256: str
    file_size_bytes: int


@declare("file_deleted", stream=Stream.AUDIT, levels=SUCCESS)
class FileDeleted(Event):
    """A file went to the trash, by itself or with a folder it is in; its bytes are kept."""

    file_id: str
    filename: str
    folder: str
    file_size_bytes: int
    content_type: str
    sha256: str


@declare("delete_failed", stream=Stream.AUDIT, levels=REFUSED)
class DeleteFailed(Event):
    """A deletion was refused."""

    reason: str
    status: int
    filename: str | None = None
    folder: str | None = None


@declare("delete_error", stream=Stream.AUDIT, levels=BROKEN)
class DeleteError(Event):
    """The server could not delete; the file is where it was."""

    filename: str | None = None


@declare("file_restored", stream=Stream.AUDIT, levels=SUCCESS)
class FileRestored(Event):
    """A file came back from the trash, by itself or with a folder it is in."""

    file_id: str
    filename: str
    folder: str
    sha256: str
    previous_filename: str | None = None


@declare("file_purged", stream=Stream.AUDIT, levels=SUCCESS)
class FilePurged(Event):
    """One content of a file is gone for good: of one in the trash, or one that was replaced."""

    file_id: str
    filename: str
    folder: str
    file_size_bytes: int
    sha256: str


@declare("file_renamed", stream=Stream.AUDIT, levels=SUCCESS)
class FileRenamed(Event):
    """A file has another name."""

    file_id: str
    filename: str
    previous_filename: str
    folder: str


@declare("file_moved", stream=Stream.AUDIT, levels=SUCCESS)
class FileMoved(Event):
    """A file is in another folder, maybe under another name."""

    file_id: str
    filename: str
    previous_filename: str
    folder: str
    previous_folder: str


@declare("version_restored", stream=Stream.AUDIT, levels=SUCCESS)
class VersionRestored(Event):
    """A file has the content again that it had before; what it had now is kept as a version."""

    file_id: str
    filename: str
    folder: str
    sha256: str
    previous_sha256: str


@declare("versions_listed", stream=Stream.AUDIT, levels=SUCCESS)
class VersionsListed(Event):
    """Somebody was shown which contents a file has had."""

    file_id: str
    filename: str
    count: int


@declare("trash_listed", stream=Stream.AUDIT, levels=SUCCESS)
class TrashListed(Event):
    """Somebody was shown what is in the trash."""

    count: int


@declare("folder_created", stream=Stream.AUDIT, levels=SUCCESS)
class FolderCreated(Event):
    """There is a new folder."""

    folder_id: str
    folder: str


@declare("folder_moved", stream=Stream.AUDIT, levels=SUCCESS)
class FolderMoved(Event):
    """A folder has another name, or is in another folder, with all that is in it."""

    folder_id: str
    folder: str
    previous_folder: str


@declare("folder_deleted", stream=Stream.AUDIT, levels=SUCCESS)
class FolderDeleted(Event):
    """A folder went to the trash with the files in it, each of which has its own record."""

    folder_id: str
    folder: str
    count: int


@declare("folder_restored", stream=Stream.AUDIT, levels=SUCCESS)
class FolderRestored(Event):
    """A folder came back from the trash with the files in it, each of which has its own record."""

    folder_id: str
    folder: str
    count: int
    previous_folder: str | None = None


@declare("folder_purged", stream=Stream.AUDIT, levels=SUCCESS)
class FolderPurged(Event):
    """A folder is gone for good with all in it; each file has its own record."""

    folder_id: str
    folder: str
    count: int


@declare("folder_permission_changed", stream=Stream.AUDIT, levels=SUCCESS)
class FolderPermissionChanged(Event):
    """Somebody, or everyone, may do something else in a folder from now on."""

    folder_id: str
    folder: str
    permission: str
    previous_permission: str
    target_user_id: str | None = None


@declare("folder_permissions_viewed", stream=Stream.AUDIT, levels=SUCCESS)
class FolderPermissionsViewed(Event):
    """Somebody was shown who may what in a folder."""

    folder_id: str
    folder: str
    count: int


@declare("quota_changed", stream=Stream.AUDIT, levels=SUCCESS)
class QuotaChanged(Event):
    """Somebody may store more or less from now on; none means as much as the setting says."""

    target_user_id: str
    quota_bytes: int | None
    previous_quota_bytes: int | None


@declare("change_not_needed", stream=Stream.AUDIT, levels=SUCCESS)
class ChangeNotNeeded(Event):
    """What somebody asked for was so already: a name, a place, a content, permissions, an empty trash."""

    filename: str | None = None
    folder: str | None = None
    file_id: str | None = None
    folder_id: str | None = None


@declare("change_failed", stream=Stream.AUDIT, levels=REFUSED | BROKEN)
class ChangeFailed(Event):
    """A folder was not made, or something not renamed, moved, restored or purged."""

    outcome: Outcome
    reason: str
    status: int
    filename: str | None = None
    folder: str | None = None
    file_id: str | None = None


@declare("history_viewed", stream=Stream.AUDIT, levels=SUCCESS)
class HistoryViewed(Event):
    """An auditor was shown what ever happened to a file: so many records of it."""

    file_id: str
    count: int
    filename: str | None = None


@declare(
    "content_checked",
    stream=Stream.AUDIT,
    levels={Outcome.SUCCESS: Level.INFO, Outcome.FAILED: Level.ERROR},
)
class ContentChecked(Event):
    """Stored bytes were read and hashed because an auditor asked; failed where they are not those
    that were uploaded, or cannot be read."""

    outcome: Outcome
    file_id: str
    filename: str
    sha256: str
    file_size_bytes: int
    duration_ms: float
    reason: str | None = None

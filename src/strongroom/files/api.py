"""Files for scripts: ``/files`` and ``/files/<path>`` below the API's path."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from strongroom.audit.events import Outcome
from strongroom.errors import Refused, ServerFault, Unavailable
from strongroom.files.access import server
from strongroom.files.addresses import address_below, name_in_path
from strongroom.files.events import DeleteError, DeleteFailed, FilesListed, ListFailed, UploadFailed
from strongroom.files.service import PAGE_SIZE, ROOT, Listing, StoredFile
from strongroom.permissions import Permission, identity_of, needs

api = Blueprint("files_api", __name__)


@api.get("/files")
@api.get("/files/")
@needs(Permission.FILES_READ)
def list_files() -> dict[str, Any]:
    """One page of the files, newest first."""
    listing = listed()
    return {"files": [item.as_json() for item in listing.files], "next": listing.next}


@api.put("/files/<name:path>")
@needs(Permission.FILES_WRITE)
def put_file(path: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Store the body under a new name: ``curl -T report.pdf …/files/``."""
    here = server()
    try:
        filename = name_in_path(path)
        if "Content-Range" in request.headers:  # RFC 9110, section 14.5
            raise Refused(
                "partial_upload", "A part of a file cannot be uploaded this way; send it whole."
            )
    except Refused as refusal:
        here.audit.log(UploadFailed(reason=refusal.reason, status=refusal.status, filename=path))
        raise
    stored = here.uploads.put(
        filename,
        request.content_type,
        request.stream,
        request.content_length,
        identity_of(request),
    )
    return stored.as_json(), 201, {"Location": address(stored), "ETag": f'"{stored.sha256}"'}


@api.get("/files/<name:path>")
@needs(Permission.FILES_READ)
def get_file(path: str) -> Response:
    """The file's bytes, as an attachment."""
    return server().downloads.respond(path)


@api.delete("/files/<name:path>")
@needs(Permission.FILES_WRITE)
def delete_file(path: str) -> tuple[str, int]:
    """Move the file to the trash."""
    trash(path)
    return "", 204


def listed() -> Listing:
    """The page of files that the address asks for; recorded."""
    here = server()
    try:
        folder = request.args.get("folder", ROOT)
        if folder != ROOT:
            raise Refused("folder_not_found", f"There is no folder “{folder}”.", status=404)
        listing = here.files.list(request.args.get("cursor"), PAGE_SIZE)
    except Refused as refusal:
        here.audit.log(
            ListFailed(outcome=Outcome.DENIED, reason=refusal.reason, status=refusal.status)
        )
        raise
    except Exception as error:
        fault = ServerFault("list_error", "The server could not list the files. Try again.")
        here.audit.log(
            ListFailed(outcome=Outcome.FAILED, reason=fault.reason, status=fault.status),
            error=error,
        )
        raise fault from error
    here.audit.log(FilesListed(count=len(listing.files), folder=ROOT))
    return listing


def trash(filename: str) -> StoredFile:
    """Move a file to the trash; recorded whatever happens."""
    here = server()
    try:
        return here.files.trash(name_in_path(filename), identity_of(request))
    except Refused as refusal:
        here.audit.log(
            DeleteFailed(reason=refusal.reason, status=refusal.status, filename=filename)
        )
        raise
    except Unavailable:
        raise
    except Exception as error:
        here.audit.log(DeleteError(filename=filename), error=error)
        raise ServerFault(
            "delete_failed",
            "The server could not delete this file; it is where it was. Try again.",
        ) from error


def address(stored: StoredFile) -> str:
    """Where the file can be downloaded."""
    return address_below("files_api.get_file", stored.filename)

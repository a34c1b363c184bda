"""``/tus/``: resumable uploads for browsers and scripts, by tus 1.0.

``X-HTTP-Method-Override`` is honoured for ``POST`` to an upload alone. That gets around nothing: such a
request is checked as the change that it is (sign-in, CSRF token, permission) before it is looked at,
and all methods of an upload need the same permission.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

import orjson
from flask import Blueprint, Response, after_this_request, make_response, request, url_for
from werkzeug.http import http_date

from strongroom.audit.exchange import ENVIRON_KEY
from strongroom.errors import Refused
from strongroom.files.tus import headers, metadata
from strongroom.files.tus.access import uploads
from strongroom.files.tus.errors import CHECKSUM_MISMATCH, ChecksumMismatch
from strongroom.files.tus.receiving import Piece
from strongroom.files.tus.recording import recorded
from strongroom.files.tus.rows import UploadRow
from strongroom.files.tus.uploads import MICROSECONDS, Progress
from strongroom.permissions import Permission, identity_of, needs

tus = Blueprint("tus", __name__)

_OVERRIDE: Final = "X-HTTP-Method-Override"


@tus.after_request
def name_version(response: Response) -> Response:
    """On every answer, refusals included."""
    response.headers["Tus-Resumable"] = headers.VERSION
    if response.status_code == 412:
        response.headers["Tus-Version"] = headers.VERSION
    return response


@tus.errorhandler(ChecksumMismatch)
def tell_mismatch(error: ChecksumMismatch) -> Response:
    """A problem document (RFC 9457); its status has no name but the one that tus gives it."""
    problem = {
        "type": "about:blank",
        "title": "Checksum Mismatch",
        "status": CHECKSUM_MISMATCH,
        "detail": error.message,
        "reason": error.reason,
        "request_id": request.environ[ENVIRON_KEY].request_id,
    }
    response = make_response(orjson.dumps(problem))
    response.status = f"{CHECKSUM_MISMATCH} Checksum Mismatch"
    response.content_type = "application/problem+json"
    return response


@tus.route("/", methods=["OPTIONS"])
@tus.route("/<uuid:upload_id>", methods=["OPTIONS"])
@needs(Permission.FILES_WRITE)
def tell_options(upload_id: UUID | None = None) -> Response:  # noqa: ARG001  # the same for all
    """What this server can do."""
    response = _empty(204)
    response.headers["Tus-Version"] = headers.VERSION
    response.headers["Tus-Extension"] = headers.EXTENSIONS
    response.headers["Tus-Max-Size"] = str(uploads().max_bytes)
    response.headers["Tus-Checksum-Algorithm"] = ",".join(headers.ALGORITHMS)
    return response


@tus.post("/")
@needs(Permission.FILES_WRITE)
def create() -> Response:
    """Agree upon an upload, and take its first bytes where they come along."""
    here, by = uploads(), identity_of(request)
    with recorded(here) as trying:
        headers.check_version(request)
        _check_no_override()
        length = trying.size = headers.length(request)
        checksum, has_piece = headers.checksum(request), headers.has_piece(request)
        trying.what = wanted = metadata.parse(request.headers.get("Upload-Metadata"))
        if has_piece and length is not None and (request.content_length or 0) > length:
            raise Refused(
                "upload_overrun",
                f"The upload was announced with {length:,} bytes, and more came along.",
                status=413,
            )
        trying.what = upload = here.create(wanted, length, by)
        _tell_location(upload)
        if has_piece:
            piece = Piece(0, request.stream, request.content_length, checksum)
            progress = here.append(upload, piece, by)
        else:
            progress = here.progress(upload, by)  # an empty file is complete already
    response = _answer(progress, 201)
    if has_piece or progress.upload.file_id is not None:
        response.headers["Upload-Offset"] = str(progress.offset)
    return response


@tus.route("/<uuid:upload_id>", methods=["HEAD"])
@needs(Permission.FILES_WRITE)
def tell_progress(upload_id: UUID) -> Response:
    """Where to go on."""
    here, by = uploads(), identity_of(request)
    with recorded(here) as trying:
        headers.check_version(request)
        trying.what = upload = here.find(str(upload_id), by)
        progress = here.progress(upload, by)
    upload = progress.upload
    response = _answer(progress, 200)
    response.headers["Upload-Offset"] = str(progress.offset)
    if upload.file_size_bytes is None:
        response.headers["Upload-Defer-Length"] = "1"
    else:
        response.headers["Upload-Length"] = str(upload.file_size_bytes)
    response.headers["Upload-Metadata"] = upload.metadata or metadata.render(
        upload.filename, upload.content_type, upload.replaces
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@tus.patch("/<uuid:upload_id>")
@needs(Permission.FILES_WRITE)
def append(upload_id: UUID) -> Response:
    """Take some more bytes; with the last of them the file is stored."""
    here, by = uploads(), identity_of(request)
    with recorded(here) as trying:
        headers.check_version(request)
        headers.check_piece(request)
        offset, length = headers.offset(request), headers.late_length(request)
        checksum = headers.checksum(request)
        trying.what = upload = here.find(str(upload_id), by)
        trying.size = upload.file_size_bytes if length is None else length
        piece = Piece(offset, request.stream, request.content_length, checksum)
        progress = here.append(upload, piece, by, length)
    response = _answer(progress, 204)
    response.headers["Upload-Offset"] = str(progress.offset)
    return response


@tus.delete("/<uuid:upload_id>")
@needs(Permission.FILES_WRITE)
def terminate(upload_id: UUID) -> Response:
    """Drop what has arrived; a file that was stored already stays."""
    here, by = uploads(), identity_of(request)
    with recorded(here) as trying:
        headers.check_version(request)
        trying.what = upload = here.find(str(upload_id), by)
        here.terminate(upload)
    return _empty(204)


_OVERRIDDEN: Final = {"HEAD": tell_progress, "PATCH": append, "DELETE": terminate}


@tus.post("/<uuid:upload_id>")
@needs(Permission.FILES_WRITE)
def override(upload_id: UUID) -> Response:
    """For clients that can send nothing but ``POST``."""
    wanted = _OVERRIDDEN.get(request.headers.get(_OVERRIDE, ""))
    if wanted is None:
        with recorded(uploads()):
            raise Refused(
                "method_not_allowed",
                f"An upload is gone on with by PATCH, or by POST with {_OVERRIDE}: PATCH.",
                status=405,
            )
    return wanted(upload_id)


def _check_no_override() -> None:
    if request.headers.get(_OVERRIDE, "POST") != "POST":
        raise Refused("header_not_valid", f"{_OVERRIDE} can only be sent to an upload.")


def _tell_location(upload: UploadRow) -> None:
    """In whatever is answered: where the first bytes were refused, there is an upload all the same."""

    @after_this_request
    def name_it(response: Response) -> Response:
        response.headers["Location"] = url_for("tus.append", upload_id=upload.upload_id)
        return response


def _answer(progress: Progress, status: int) -> Response:
    """What every answer about an upload tells; once it is stored, which file it is."""
    response = _empty(status)
    upload = progress.upload
    response.headers["Upload-Expires"] = http_date(upload.expires_at // MICROSECONDS)
    if upload.file_id is not None:
        response.headers["X-File-ID"] = upload.file_id
    return response


def _empty(status: int) -> Response:
    response = make_response("", status)
    del response.headers["Content-Type"]
    return response

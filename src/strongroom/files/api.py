"""Files and folders for scripts, below the API's path."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, request

from strongroom.errors import Refused
from strongroom.files.access import server
from strongroom.files.addresses import address_below, name_in_path
from strongroom.files.conditions import Condition
from strongroom.files.events import FilesListed, TrashListed, UploadFailed
from strongroom.files.model import Listing, Sort, StoredFile
from strongroom.files.names import MAX_DEPTH, split_path
from strongroom.files.recording import recorded_change, recorded_deletion, recorded_listing
from strongroom.files.service.trash import Deleted
from strongroom.files.uploads import Body, Target
from strongroom.permissions import Permission, identity_of, needs

api = Blueprint("files_api", __name__)

QUERY_LENGTH: Final = 255
"""Characters of what is looked for in names."""


@api.get("/files")
@api.get("/files/")
@needs(Permission.FILES_READ)
def list_files() -> dict[str, Any]:
    """One page of a folder: ``?folder=``, ``sort=``, ``query=``, ``cursor=``."""
    return listed().as_json()


@api.put("/files/<name:path>")
@needs(Permission.FILES_WRITE)
def put_file(path: str) -> tuple[Any, int, dict[str, str]]:
    """Store the body: ``curl -T report.pdf …/files/``; with ``If-Match``, in place of another."""
    here = server()
    try:
        target = Target(name_in_path(path), _replaced(), only_new=request.if_none_match.star_tag)
    except Refused as refusal:
        folder, _, filename = path.rpartition("/")
        here.audit.log(
            UploadFailed(
                reason=refusal.reason, status=refusal.status, filename=filename, folder=f"/{folder}"
            )
        )
        raise
    body = Body(request.stream, request.content_type, request.content_length)
    stored = here.uploads.put(target, body, identity_of(request))
    headers = {"Location": address(stored), "ETag": f'"{stored.sha256}"'}
    if target.replaces is not None:
        return "", 204, headers
    return stored.as_json(), 201, headers


def _replaced() -> str | None:
    """The SHA-256 of what shall be replaced; None where nothing shall.

    :raises Refused: 400 for conditions that say nothing, 412 for two that no file can meet
    """
    if "Content-Range" in request.headers:  # RFC 9110, section 14.5
        raise Refused(
            "partial_upload", "A part of a file cannot be uploaded this way; send it whole."
        )
    if "If-Match" not in request.headers:
        return None
    tags = request.if_match.as_set()
    if len(tags) != 1 or request.if_match.star_tag:
        raise Refused(
            "condition_not_valid",
            "If-Match must name one ETag, the one of the content that shall be replaced.",
        )
    replaced = str(next(iter(tags)))
    if request.if_none_match.contains_weak(replaced):
        raise Refused(
            "condition_not_valid",
            "If-Match asks for what If-None-Match rules out, so nothing was changed. Send one.",
            status=412,
        )
    return replaced


def _condition() -> Condition:
    """What the request says that the file must hold, or must not."""
    return Condition(
        request.if_match if "If-Match" in request.headers else None,
        request.if_none_match if "If-None-Match" in request.headers else None,
    )


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


@api.put("/folders/<name:path>")
@needs(Permission.FILES_WRITE)
def put_folder(path: str) -> tuple[dict[str, Any], int]:
    """Make a folder; the one above it must be there."""
    here = server()
    with recorded_change(here.audit, folder=f"/{path}"):
        folder = here.files.make_folder(name_in_path(path), identity_of(request))
    return folder.as_json(), 201


@api.delete("/folders/<name:path>")
@needs(Permission.FILES_WRITE)
def delete_folder(path: str) -> tuple[str, int]:
    """Move a folder to the trash, with everything in it."""
    here = server()
    by = identity_of(request)
    with recorded_deletion(here.audit, folder=f"/{path}"):
        folder = here.files.folder(name_in_path(path), by)
        here.files.trash([folder.folder_id], by, _condition())
    return "", 204


@api.post("/move")
@needs(Permission.FILES_WRITE)
def move() -> dict[str, Any]:
    """Rename or move: ``{"from": "/a/old.txt", "to": "/b/new.txt"}``, for folders as well."""
    here = server()
    by = identity_of(request)
    with recorded_change(here.audit):
        wanted = _sent()
        source, target = (
            wanted.get(key) if isinstance(wanted, dict) else None for key in ("from", "to")
        )
        if not isinstance(source, str) or not isinstance(target, str):
            raise Refused("move_not_valid", 'Send JSON such as {"from": "/a.txt", "to": "/b.txt"}.')
    with recorded_change(here.audit, filename=source.rpartition("/")[2]):
        node_id = here.files.node_at(source, by)
        split_path(target, MAX_DEPTH + 1)  # refuses what is double, which the parts would not show
        above, _, name = target.removeprefix("/").rpartition("/")
        folder = here.files.folder(f"/{above}", by)
        path = here.files.move(node_id, by, name=name, folder_id=folder.folder_id)
    return {"path": path}


def _sent() -> object:
    """What the JSON of the body says; None where it is none, or nested deeper than anybody reads."""
    try:
        return request.get_json(silent=True)
    except RecursionError:
        return None


@api.get("/trash")
@needs(Permission.FILES_READ)
def list_trash() -> dict[str, Any]:
    """One page of what is in the trash, newest first: ``?cursor=``."""
    here = server()
    with recorded_listing(here.audit):
        page = here.files.trashed(identity_of(request), cursor=request.args.get("cursor"))
    here.audit.log(TrashListed(count=len(page.items)))
    return {"trash": [item.as_json() for item in page.items], "next": page.next}


@api.post("/trash/<uuid:node_id>")
@needs(Permission.FILES_WRITE)
def restore(node_id: UUID) -> dict[str, Any]:
    """Put something from the trash back where it was; ``?name=`` gives it another name."""
    here = server()
    with recorded_change(here.audit, file_id=str(node_id)):
        (back,) = here.files.restore(
            [str(node_id)], identity_of(request), name=request.args.get("name")
        )
    return {"folder": back.folder, "name": back.filename, "count": back.count}


@api.delete("/trash/<uuid:node_id>")
@needs(Permission.FILES_WRITE)
def purge(node_id: UUID) -> tuple[str, int]:
    """Delete something in the trash for good."""
    here = server()
    with recorded_change(here.audit, file_id=str(node_id)):
        here.files.purge([str(node_id)], identity_of(request))
    return "", 204


def listed() -> Listing:
    """The page of a folder that the address asks for; recorded."""
    here = server()
    folder = request.args.get("folder", "/")
    with recorded_listing(here.audit, folder):
        sort = request.args.get("sort", Sort.CHANGED)
        if sort not in tuple(Sort):
            raise Refused("sort_not_valid", f"Sort by {', '.join(Sort)}.")
        listing = here.files.list(
            folder,
            identity_of(request),
            sort=Sort(sort),
            query=request.args.get("query", "").strip()[:QUERY_LENGTH],
            cursor=request.args.get("cursor"),
        )
    here.audit.log(
        FilesListed(
            count=listing.count, folder=listing.folder.path, folder_id=listing.folder.folder_id
        )
    )
    return listing


def trash(path: str) -> Deleted:
    """Move a file to the trash; recorded whatever happens."""
    here = server()
    by = identity_of(request)
    folder, _, filename = path.removeprefix("/").rpartition("/")
    with recorded_deletion(here.audit, filename=filename, folder=f"/{folder}"):
        found = here.files.find(name_in_path(path), by)
        (deleted,) = here.files.trash([found.file_id], by, _condition())
        return deleted


def address(stored: StoredFile) -> str:
    """Where the file can be downloaded."""
    return address_below("files_api.get_file", stored.path)

"""The contents that a file has had."""

from __future__ import annotations

from uuid import UUID

from flask import Response, make_response, render_template, request, url_for

from strongroom.files.access import server
from strongroom.files.events import VersionsListed
from strongroom.files.pages.blueprint import (
    go_back,
    is_htmx,
    pages,
    shown,
    varied,
    wants_json,
)
from strongroom.files.recording import recorded_change, recorded_listing
from strongroom.permissions import Permission, identity_of, needs


@pages.get("/files/<uuid:file_id>/versions")
@needs(Permission.FILES_READ)
def show_versions(file_id: UUID) -> Response:
    """The contents of a file: the one that is shown, then the newest; with ``cursor``, from there on."""
    here = server()
    by = identity_of(request)
    with recorded_listing(here.audit):
        page = here.files.versions(str(file_id), by, cursor=request.args.get("cursor"))
    file = page.file
    here.audit.log(
        VersionsListed(file_id=file.file_id, filename=file.filename, count=len(page.items))
    )
    if wants_json():
        versions = [version.as_json() for version in page.items]
        return make_response({"versions": versions, "next": page.next})
    folder = here.files.folder_by_id(file.folder_id, by)
    if is_htmx() and "cursor" in request.args:
        more = render_template("files/_versions_more.html", file=file, folder=folder, page=page)
        return varied(more)
    days = here.files.limits.trash_days
    return shown("files/_versions.html", file=file, folder=folder, page=page, days=days)


@pages.get("/files/<uuid:file_id>/versions/<uuid:version_id>")
@needs(Permission.FILES_READ)
def download_version(file_id: UUID, version_id: UUID) -> Response:
    """The bytes of one of them, as an attachment."""
    return server().downloads.respond_version(str(file_id), str(version_id))


@pages.post("/files/<uuid:file_id>/versions/<uuid:version_id>")
@needs(Permission.FILES_WRITE)
def restore_version(file_id: UUID, version_id: UUID) -> Response:
    """Give the file that content again."""
    here = server()
    with recorded_change(here.audit, file_id=str(file_id)):
        here.files.restore_version(str(file_id), str(version_id), identity_of(request))
    return go_back(url_for("files.show_versions", file_id=file_id))

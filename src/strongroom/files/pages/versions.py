"""The contents that a file has had."""

from __future__ import annotations

from uuid import UUID

from flask import Response, make_response, request, url_for

from strongroom.files.access import server
from strongroom.files.events import VersionsListed
from strongroom.files.pages.blueprint import go_back, pages, shown, wants_json
from strongroom.files.recording import recorded_change, recorded_listing
from strongroom.permissions import Permission, identity_of, needs


@pages.get("/files/<uuid:file_id>/versions")
@needs(Permission.FILES_READ)
def show_versions(file_id: UUID) -> Response:
    """All contents of a file, newest first."""
    here = server()
    with recorded_listing(here.audit):
        stored, versions = here.files.versions(str(file_id), identity_of(request))
    here.audit.log(
        VersionsListed(file_id=stored.file_id, filename=stored.filename, count=len(versions))
    )
    if wants_json():
        return make_response({"versions": [version.as_json() for version in versions]})
    folder = here.files.folder_by_id(stored.folder_id, identity_of(request))
    days = here.files.limits.trash_days
    return shown("files/_versions.html", file=stored, folder=folder, versions=versions, days=days)


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

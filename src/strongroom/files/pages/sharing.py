"""Who may what in a folder."""

from __future__ import annotations

from uuid import UUID

from flask import Response, make_response, request, url_for

from strongroom.errors import Refused
from strongroom.files.access import server
from strongroom.files.events import FolderPermissionsViewed
from strongroom.files.model import Level
from strongroom.files.pages.blueprint import asked, go_back, pages, wants_json
from strongroom.files.recording import recorded_change, recorded_listing
from strongroom.files.tables import EVERYONE
from strongroom.permissions import Permission, identity_of, needs


@pages.get("/folders/<uuid:folder_id>/permissions")
@needs(Permission.FILES_READ)
def show_permissions(folder_id: UUID) -> Response:
    """Who may what in a folder, for those who may manage it."""
    here = server()
    with recorded_listing(here.audit):
        found = here.files.permissions(str(folder_id), identity_of(request))
    folder = found.folder
    here.audit.log(
        FolderPermissionsViewed(
            folder_id=folder.folder_id, folder=folder.path, count=len(found.grants)
        )
    )
    if wants_json():
        return make_response(
            {
                "folder": folder.path,
                "inherited_from": found.inherited_from,
                "permissions": [
                    {"user_id": grant.user_id, "permission": grant.level.word}
                    for grant in found.grants
                ],
            }
        )
    granted = {grant.user_id or EVERYONE: grant.level for grant in found.grants}
    return asked(
        "files/_permissions.html",
        f"Who may what in {folder.name or 'All files'}",
        folder=folder,
        inherited_from=found.inherited_from,
        granted=granted,
        people=here.people(),
        everyone=EVERYONE,
    )


@pages.post("/folders/<uuid:folder_id>/permissions")
@needs(Permission.FILES_WRITE)
def change_permissions(folder_id: UUID) -> Response:
    """Fields ``permission-<user_id>`` and ``permission-everyone``; ``inherit`` drops them all."""
    here = server()
    with recorded_change(here.audit, file_id=str(folder_id)):
        here.files.permit(str(folder_id), _wanted(), identity_of(request))
    return go_back(url_for("files.show_permissions", folder_id=folder_id))


def _wanted() -> dict[str | None, Level]:
    if "inherit" in request.form:
        return {}
    wanted: dict[str | None, Level] = {}
    for name, word in request.form.items():
        who = name.removeprefix("permission-")
        if who == name or not who:
            continue
        try:
            wanted[None if who == EVERYONE else who] = Level.of(word)
        except KeyError:
            words = ", ".join(level.word for level in Level)
            raise Refused("permission_not_valid", f"Choose one of {words}.") from None
    if not wanted:
        raise Refused("nothing_chosen", "Nobody was named. Reload the page and try again.")
    return wanted

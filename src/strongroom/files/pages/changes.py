"""Forms that change what is in a folder: new folder, rename, move, delete, and undo."""

from __future__ import annotations

from flask import Response, request

from strongroom.errors import Refused
from strongroom.files.access import server
from strongroom.files.names import check_filename
from strongroom.files.pages.blueprint import go_back, pages
from strongroom.files.recording import recorded_change, recorded_deletion
from strongroom.permissions import Permission, identity_of, needs


@pages.post("/folders")
@needs(Permission.FILES_WRITE)
def make_folder() -> Response:
    """Make the folder ``name`` in ``folder``."""
    here = server()
    above, name = request.form.get("folder", "/"), request.form.get("name", "")
    with recorded_change(here.audit, folder=f"{above.rstrip('/')}/{name}"):
        check_filename(name)
        here.files.make_folder(f"{above.rstrip('/')}/{name}", identity_of(request))
    return go_back()


@pages.post("/files/rename")
@needs(Permission.FILES_WRITE)
def rename() -> Response:
    """Give ``node`` the name ``name``."""
    here = server()
    name = request.form.get("name", "")
    with recorded_change(here.audit, filename=name):
        (node_id,) = chosen("rename", one=True)
        here.files.move(node_id, identity_of(request), name=name)
    return go_back()


@pages.post("/files/move")
@needs(Permission.FILES_WRITE)
def move() -> Response:
    """Put each ``node`` into the folder ``to``."""
    here = server()
    by = identity_of(request)
    target = request.form.get("to", "/")
    with recorded_change(here.audit, folder=target):
        node_ids = chosen("move")
        folder = here.files.folder(target, by)
        here.files.move_all(node_ids, folder.folder_id, by)
    return go_back()


@pages.post("/files/delete")
@needs(Permission.FILES_WRITE)
def delete() -> Response:
    """Move each ``node`` to the trash."""
    here = server()
    with recorded_deletion(here.audit, folder=request.form.get("folder")):
        here.files.trash(chosen("delete"), identity_of(request))
    return go_back()


@pages.post("/files/restore")
@needs(Permission.FILES_WRITE)
def undo() -> Response:
    """Take back a deletion: put each ``node`` back where it was."""
    here = server()
    with recorded_change(here.audit):
        here.files.restore(chosen("restore"), identity_of(request))
    return go_back()


def chosen(act: str, *, one: bool = False) -> list[str]:
    """The ids of what was chosen in the form.

    :raises Refused: 400 ``nothing_chosen``
    """
    found = [value for value in request.form.getlist("node") if value]
    if not found or (one and len(found) != 1):
        raise Refused("nothing_chosen", f"Nothing was chosen to {act}. Choose something first.")
    return found

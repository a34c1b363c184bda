"""What is asked before something changes: dialogs over the list, and without scripts pages."""

from __future__ import annotations

from contextlib import suppress

from flask import Response, request

from strongroom.errors import Refused
from strongroom.files.access import server
from strongroom.files.events import FilesListed
from strongroom.files.model import Folder, Level, Sort
from strongroom.files.pages.blueprint import asked, kept, pages
from strongroom.files.recording import recorded_listing
from strongroom.permissions import Permission, identity_of, needs

MOST_FOLDERS = 1_000
"""Folders of one folder that can be walked into."""


@pages.get("/folders/new")
@needs(Permission.FILES_WRITE)
def ask_folder() -> Response:
    """What a new folder in ``folder`` shall be called."""
    here = server()
    path = request.args.get("folder", "/")
    with recorded_listing(here.audit, path):
        folder = here.files.folder(path, identity_of(request), Level.WRITE)
    return asked("files/_ask_folder.html", "New folder", folder=folder)


@pages.get("/files/rename")
@needs(Permission.FILES_READ)
def ask_name() -> Response:
    """What ``node`` shall be called."""
    here = server()
    node_id = request.args.get("node", "")
    with recorded_listing(here.audit):
        path = _path_of(node_id)
        above, _, name = path.rpartition("/")
        folder = here.files.folder(above or "/", identity_of(request))
    return asked("files/_ask_name.html", "Rename", folder=folder, node_id=node_id, name=name)


@pages.get("/files/move")
@needs(Permission.FILES_READ)
def ask_move() -> Response:
    """Where each ``node`` of ``folder`` shall go: folders are walked by ``to``."""
    here = server()
    by = identity_of(request)
    node_ids = [value for value in request.args.getlist("node") if value]
    path = request.args.get("folder", "/")
    target = request.args.get("to", path)
    with recorded_listing(here.audit, target):
        if not node_ids:
            raise Refused("nothing_chosen", "Nothing was chosen to move. Choose something first.")
        folder = here.files.folder(path, by)
        only = _path_of(node_ids[0]) if len(node_ids) == 1 else None
        found = here.files.list(target, by, sort=Sort.NAME, limit=MOST_FOLDERS)
    here.audit.log(
        FilesListed(
            count=len(found.folders), folder=found.folder.path, folder_id=found.folder.folder_id
        )
    )
    return asked(
        "files/_ask_move.html",
        "Move",
        folder=folder,
        target=found.folder,
        folders=found.folders,
        node_ids=node_ids,
        name=only and only.rpartition("/")[2],
        is_there=_is_there(found.folder, folder, only),
    )


def _is_there(target: Folder, shown: Folder, only: str | None) -> bool:
    """Whether moving there would move nothing.

    :param shown: from which something was chosen
    :param only: the path of what was chosen, if it is one thing alone
    """
    if only is not None:
        return target.path == (only.rpartition("/")[0] or "/")
    return target.path == shown.path and "query" not in kept()  # what was found lies anywhere


def _path_of(node_id: str) -> str:
    """Where a file or folder is, and its name.

    :raises Refused: 404 ``file_not_found``
    """
    files, by = server().files, identity_of(request)
    with suppress(Refused):
        return files.folder_by_id(node_id, by).path
    return files.file_by_id(node_id, by).path

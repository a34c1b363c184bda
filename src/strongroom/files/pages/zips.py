"""Folders and selections as a zip."""

from __future__ import annotations

from flask import Response, request

from strongroom.files.access import server
from strongroom.files.pages.blueprint import pages
from strongroom.files.zipping import Zips
from strongroom.permissions import Permission, needs


@pages.get("/zip")
@needs(Permission.FILES_READ)
def download_zip() -> Response:
    """Each ``node`` of the query, else all in ``folder``."""
    here = server()
    chosen = [value for value in request.args.getlist("node") if value]
    return Zips(here.files, here.audit).respond(request.args.get("folder"), chosen)

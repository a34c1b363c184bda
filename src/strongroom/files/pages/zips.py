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
    chosen = [value for value in request.args.getlist("node") if value]
    return _zips().respond(request.args.get("folder"), chosen)


@pages.post("/zip")
@needs(Permission.FILES_READ)
def download_chosen() -> Response:
    """Each ``node`` of the form: more of them than an address could name. Nothing is changed."""
    return _zips().respond(None, [value for value in request.form.getlist("node") if value])


def _zips() -> Zips:
    here = server()
    return Zips(here.files, here.audit)

"""The page of the trash."""

from __future__ import annotations

from flask import Response, render_template, request, url_for

from strongroom.files.access import server
from strongroom.files.events import TrashListed
from strongroom.files.pages.blueprint import go_back, is_htmx, pages, shown, varied
from strongroom.files.pages.changes import chosen
from strongroom.files.recording import recorded_change, recorded_listing
from strongroom.permissions import Permission, identity_of, needs


@pages.get("/trash")
@needs(Permission.FILES_READ)
def show_trash() -> Response:
    """What can be had back, newest first; with ``cursor``, from there on."""
    here = server()
    with recorded_listing(here.audit):
        page = here.files.trashed(identity_of(request), cursor=request.args.get("cursor"))
    here.audit.log(TrashListed(count=len(page.items)))
    if is_htmx() and "cursor" in request.args:
        return varied(render_template("files/_trash_more.html", page=page))
    days = here.files.limits.trash_days
    return shown("files/_trash.html", title="Trash", page=page, days=days)


@pages.post("/trash/restore")
@needs(Permission.FILES_WRITE)
def restore() -> Response:
    """Put each ``node`` back where it was; a single one as ``name``, if that is given."""
    here = server()
    name = request.form.get("name") or None
    with recorded_change(here.audit):
        node_ids = chosen("restore", one=name is not None)
        here.files.restore(node_ids, identity_of(request), name=name)
    return go_back(url_for("files.show_trash"))


@pages.post("/trash/purge")
@needs(Permission.FILES_WRITE)
def purge() -> Response:
    """Delete each ``node`` for good."""
    here = server()
    with recorded_change(here.audit):
        here.files.purge(chosen("delete for good"), identity_of(request))
    return go_back(url_for("files.show_trash"))


@pages.post("/trash/empty")
@needs(Permission.FILES_WRITE)
def empty() -> Response:
    """Delete everything for good that one may."""
    here = server()
    with recorded_change(here.audit):
        here.files.empty_trash(identity_of(request))
    return go_back(url_for("files.show_trash"))

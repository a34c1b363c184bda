"""The page of a folder, and the forms on it that add and take away."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, render_template, request
from werkzeug.http import parse_options_header

from strongroom.errors import Refused, ServerFault
from strongroom.files.access import server
from strongroom.files.api import listed, trash
from strongroom.files.forms import Form
from strongroom.files.pages.blueprint import (
    go_back,
    is_htmx,
    kept,
    own_notices,
    pages,
    shown,
    varied,
    wants_json,
)
from strongroom.files.refusals import taken
from strongroom.files.service.trashed import COUNTED
from strongroom.files.uploads import UploadResult
from strongroom.permissions import Permission, identity_of, needs


@pages.get("/")
@needs(Permission.FILES_READ)
def index() -> Response:
    """The page of the root."""
    return folder_page()


@pages.get("/files")
@needs(Permission.FILES_READ)
def file_list() -> Response:
    """The list alone for HTMX, as JSON for programs; opened in a browser, the whole page."""
    if wants_json():
        return make_response(listed().as_json())
    if is_htmx() and "cursor" in request.args:
        listing = listed()
        more = render_template(
            "files/_more.html", listing=listing, folder=listing.folder, kept=kept()
        )
        return varied(more)
    return folder_page()


@pages.post("/upload")
@needs(Permission.FILES_WRITE)
def upload() -> Response:
    """Store the files of a form; answers as JSON, or by going back to the page."""
    here = server()
    mimetype, options = parse_options_header(request.content_type)
    form = Form(request.stream, mimetype, request.content_length, options)
    folder = request.args.get("folder", "/")
    results = here.uploads.form(form, folder, identity_of(request))
    problems = [result.problem for result in results if result.problem is not None]
    if len(results) == 1 and problems:
        raise _without_replacing(results[0].filename, problems[0])
    if wants_json():
        status = 207 if problems else 201
        return make_response({"files": [_result_json(result) for result in results]}, status)
    return go_back()


@pages.delete("/delete/<name:path>")
@needs(Permission.FILES_WRITE)
def delete_row(path: str) -> Response:
    """Delete for HTMX: an empty answer takes the row away, and a notice says so."""
    deleted = trash(path)
    folder = request.args.get("folder", deleted.folder)
    by = identity_of(request)
    row = render_template(
        "files/_deleted.html",
        notices=own_notices(),
        total=None if "query" in kept() else server().files.count(folder, by),
        trash_count=_trash_count(),
        back_to=folder,
        kept=kept(),
    )
    return varied(row)


@pages.post("/delete/<name:path>")
@needs(Permission.FILES_WRITE)
def delete_form(path: str) -> Response:
    """Delete for a plain form."""
    trash(path)
    return go_back()


def folder_page() -> Response:
    """The page of the folder that the address names; for HTMX, the list in it."""
    listing = listed()
    return shown(
        "files/_list.html",
        listing=listing,
        folder=listing.folder,
        usage=server().files.usage(identity_of(request)),
        trash_count=_trash_count(),
    )


def _trash_count() -> str:
    """How much is in the trash; empty for nothing."""
    count = server().files.trash_count(identity_of(request))
    return f"{COUNTED - 1}+" if count == COUNTED else str(count or "")


def _without_replacing(filename: str, problem: Refused | ServerFault) -> Refused | ServerFault:
    """The same in words for a form, which can put no file in the place of another."""
    if isinstance(problem, Refused) and problem.reason == "filename_taken":
        return taken(filename, problem.extra.get("sha256"))
    return problem


def _result_json(result: UploadResult) -> dict[str, Any]:
    if result.file is not None:
        return {"status": 201, **result.file.as_json()}
    problem = result.problem
    if problem is None:
        raise AssertionError("neither stored nor refused")
    return {
        "filename": result.filename,
        "status": problem.status,
        "reason": problem.reason,
        "detail": problem.message,
    }

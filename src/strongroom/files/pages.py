"""The page of files, its fragments and its forms; works without JavaScript."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import (
    Blueprint,
    Response,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.http import parse_options_header

from strongroom.audit.exchange import ENVIRON_KEY
from strongroom.audit.viewer import present
from strongroom.files.access import server
from strongroom.files.addresses import address_below
from strongroom.files.api import address, listed, trash
from strongroom.files.notices import Notice, notices
from strongroom.files.service import StoredFile
from strongroom.files.uploads import Form, UploadResult
from strongroom.permissions import Permission, identity_of, needs

pages = Blueprint(
    "files",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/files/static",
)


@pages.context_processor
def shared() -> dict[str, Any]:
    """What every template of this blueprint can use."""
    return {
        "present": present,
        "address": address,
        "deletion": deletion,
        "with_people": _with_people(),
        "names": _names,
    }


@pages.get("/")
@needs(Permission.FILES_READ)
def index() -> Response:
    """The page of files."""
    return _page()


@pages.get("/files")
@needs(Permission.FILES_READ)
def file_list() -> Response:
    """The list alone for HTMX, as JSON for programs; opened in a browser, the whole page."""
    if _wants_json():
        listing = listed()
        return make_response(
            {"files": [item.as_json() for item in listing.files], "next": listing.next}
        )
    if not _is_htmx():
        return _page()
    template = "files/_more.html" if "cursor" in request.args else "files/_list.html"
    return _varied(render_template(template, listing=listed()))


@pages.post("/upload")
@needs(Permission.FILES_WRITE)
def upload() -> Response:
    """Store the files of a form; answers as JSON, as new rows, or by going back to the page."""
    here = server()
    mimetype, options = parse_options_header(request.content_type)
    form = Form(request.stream, mimetype, request.content_length, options)
    results = here.uploads.form(form, identity_of(request))
    problems = [result.problem for result in results if result.problem is not None]
    if len(results) == 1 and problems and not _is_htmx():
        raise problems[0]
    if _wants_json():
        status = 207 if problems else 201
        return make_response({"files": [_result_json(result) for result in results]}, status)
    if _is_htmx():
        return _varied(_rows(results), 207 if problems else 201)
    return _back()


@pages.delete("/delete/<name:path>")
@needs(Permission.FILES_WRITE)
def delete_row(path: str) -> Response:
    """Delete for HTMX: an empty answer takes the row away, and a notice says so."""
    trash(path)
    total = server().files.count()
    return _varied(render_template("files/_deleted.html", notices=_notices(), total=total))


@pages.post("/delete/<name:path>")
@needs(Permission.FILES_WRITE)
def delete_form(path: str) -> Response:
    """Delete for a plain form."""
    trash(path)
    return _back()


def deletion(stored: StoredFile) -> str:
    """Where the file can be deleted."""
    return address_below("files.delete_form", stored.filename)


def _with_people() -> bool:
    """Whether it is somebody's file: not where there are no accounts."""
    sender = identity_of(request)
    return sender is not None and sender.user_id is not None


def _names(files: Sequence[StoredFile]) -> dict[str, str]:
    """Who uploaded them, by id, as far as it may be known."""
    ids = {stored.created_by for stored in files if stored.created_by is not None}
    return server().audit.people.names(ids) if _with_people() else {}


def _page() -> Response:
    here = server()
    receipt = request.args.get("receipt", "")
    told = _told(receipt) if receipt else []
    page = render_template(
        "files/index.html",
        listing=listed(),
        notices=told,
        max_upload=here.uploads.max_bytes,
    )
    return _varied(page)


def _back() -> Response:
    """See other: the page, which tells from the records what this request did."""
    request_id = request.environ[ENVIRON_KEY].request_id
    return make_response(redirect(url_for("files.index", receipt=request_id), 303))


def _notices() -> list[Notice]:
    return _told(request.environ[ENVIRON_KEY].request_id)


def _told(request_id: str) -> list[Notice]:
    """What a request of whoever asks now did; of somebody else's, nothing."""
    identity = identity_of(request)
    me = None if identity is None else identity.user_id
    records = server().audit.search.of_request(request_id)
    return notices(record for record in records if record.get("user_id") == me)


def _rows(results: list[UploadResult]) -> str:
    return render_template(
        "files/_rows.html",
        files=[result.file for result in results if result.file is not None],
        notices=_notices(),
    )


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
        "message": problem.message,
    }


def _varied(body: str, status: int = 200) -> Response:
    response = make_response(body, status)
    response.headers["Vary"] = "HX-Request, Accept"
    return response


def _is_htmx() -> bool:
    return request.headers.get("HX-Request") == "true"


def _wants_json() -> bool:
    accept = request.accept_mimetypes
    return accept["application/json"] > accept["text/html"]

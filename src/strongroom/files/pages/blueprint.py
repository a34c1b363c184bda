"""What the pages of files share: the blueprint, what templates can use, and how one goes back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from strongroom.audit.exchange import ENVIRON_KEY
from strongroom.audit.viewer import present
from strongroom.files.access import server
from strongroom.files.addresses import address_below
from strongroom.files.api import address
from strongroom.files.model import Level, StoredFile
from strongroom.files.notices import Notice, notices
from strongroom.permissions import identity_of
from strongroom.sizes import size_text

KEEP_NOTICES: Final = "X-Keep-Notices"
"""Sent by our script when it brings the list that is shown up to date, as nobody has gone anywhere."""

pages = Blueprint(
    "files",
    __name__,
    template_folder="../templates",
    static_folder="../static",
    static_url_path="/files/static",
)


@pages.context_processor
def shared() -> dict[str, Any]:
    """What every template of this blueprint can use."""
    return {
        "present": present,
        "address": address,
        "deletion": deletion,
        "folder_address": folder_address,
        "folder_crumbs": folder_crumbs,
        "with_people": with_people(),
        "names": names,
        "Level": Level,
        "size_text": size_text,
        "max_upload": server().uploads.max_bytes,
    }


def kept() -> dict[str, str]:
    """How the list is sorted and searched that is shown, or from which something was asked for."""
    return {name: request.values[name] for name in ("sort", "query") if request.values.get(name)}


def deletion(stored: StoredFile, **shown: str) -> str:
    """Where the file can be deleted.

    :param shown: the list it is on: folder, sort and query
    """
    address = address_below("files.delete_form", stored.path)
    return f"{address}?{urlencode(shown)}" if shown else address


def folder_address(path: str, **more: str) -> str:
    """The page of a folder."""
    if path == "/" and not more:
        return url_for("files.index")
    query: dict[str, Any] = {"folder": path, **more}
    return url_for("files.file_list", **query)


def folder_crumbs(path: str) -> list[tuple[str, str]]:
    """Name and path of each folder on the way from the root down to this one, itself included."""
    names = path.split("/")[1:] if path != "/" else []
    return [(name, "/" + "/".join(names[: depth + 1])) for depth, name in enumerate(names)]


def with_people() -> bool:
    """Whether it is somebody's file: not where there are no accounts."""
    sender = identity_of(request)
    return sender is not None and sender.user_id is not None


def names(ids: Iterable[str | None]) -> dict[str, str]:
    """Who these people are, by id, as far as it may be known."""
    known = {user_id for user_id in ids if user_id is not None}
    return server().audit.people.names(known) if with_people() else {}


def go_back(address: str | None = None) -> Response:
    """See other: the page one came from, which tells from the records what this request did.

    :param address: of one of our pages; None for the folder that the form names
    """
    request_id = request.environ[ENVIRON_KEY].request_id
    if address is None:
        address = folder_address(request.values.get("folder", "/"), **kept())
    joint = "&" if "?" in address else "?"
    return make_response(redirect(f"{address}{joint}receipt={request_id}", 303))


def own_notices() -> list[Notice]:
    """What the current request has done so far."""
    return told(request.environ[ENVIRON_KEY].request_id)


def asked_notices() -> list[Notice]:
    """What the request did that this page is to tell of, if it does."""
    receipt = request.args.get("receipt", "")
    return told(receipt) if receipt else []


def told(request_id: str) -> list[Notice]:
    """What a request of whoever asks now did; of somebody else's, nothing."""
    identity = identity_of(request)
    me = None if identity is None else identity.user_id
    records = server().audit.search.of_request(request_id)
    return notices(record for record in records if record.get("user_id") == me)


def shown(part: str, **context: Any) -> Response:
    """A list, which HTMX swaps in, and a browser gets in a page.

    :param part: its template
    """
    context["notices"] = asked_notices()
    context["keeps_notices"] = KEEP_NOTICES in request.headers
    template = "files/part.html" if is_htmx() else "files/index.html"
    return varied(render_template(template, part=part, kept=kept(), **context))


def asked(part: str, title: str, **context: Any) -> Response:
    """A question, which opens over the list, and without scripts is a page.

    :param part: its template
    """
    context |= {"notices": asked_notices(), "kept": kept()}
    if is_htmx():
        return varied(render_template(part, fragment=True, **context))
    return varied(render_template("files/question.html", part=part, title=title, **context))


def varied(body: str, status: int = 200) -> Response:
    """A page or fragment, depending on who asks how."""
    response = make_response(body, status)
    response.headers["Vary"] = f"HX-Request, Accept, {KEEP_NOTICES}"
    return response


def is_htmx() -> bool:
    """Whether a part of a page is wanted."""
    return request.headers.get("HX-Request") == "true"


def wants_json() -> bool:
    """Whether a program asks."""
    accept = request.accept_mimetypes
    return accept["application/json"] > accept["text/html"]

"""Every refusal and failure as an answer: a problem document, a fragment, or a page.

Problem documents follow RFC 9457. A page says what happened, what to do next, and the request
id under which the records stand; never a traceback.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import orjson
from flask import Flask, Response, make_response, render_template, request
from werkzeug.exceptions import ClientDisconnected, HTTPException, InternalServerError

from strongroom.audit.exchange import ENVIRON_KEY
from strongroom.errors import Refused, ServerFault, Unavailable
from strongroom.permissions import Permission, identity_of

RETRY_SECONDS: Final = 5

_UNAVAILABLE: Final = (
    "The server cannot write its records now, so it does not do what it could not account for. "
    "Nothing was changed; try again in a moment."
)
_UNHANDLED: Final = (
    "Something went wrong on the server that should not have. Nothing you sent was shown to "
    "anybody; try again, and give the request id to whoever runs the server."
)
_TITLES: Final = {
    400: "That was not accepted",
    401: "Not signed in",
    403: "That is not allowed",
    404: "Nothing here",
    405: "That is not possible here",
    409: "That is not possible as things are",
    411: "Its length is missing",
    413: "Too large",
    416: "Not in this file",
    421: "Not this server",
    429: "Too many attempts",
    500: "The server failed",
    503: "Not now",
    507: "No room left",
}
"""For people; programs get the standard phrase."""

_TITLES_OF: Final = {
    "filename_taken": "That name is taken",
    "name_taken": "That name is taken",
    "folder_into_itself": "That folder is inside itself",
    "folder_in_trash": "Its folder is in the trash",
    "root_folder": "That folder stays",
    "too_many_at_once": "Too many at once",
    "records_held": "Those records are held",
    "holds_changed": "A hold was placed meanwhile",
    "would_lock_out": "That would lock you out",
    "offset_mismatch": "That piece belongs elsewhere",
    "upload_overtaken": "Another connection went on",
    "last_admin": "The only administrator stays",
    "user_disabled": "That account is disabled",
    "token_limit": "Too many tokens",
}
"""By the reason, where a status stands for too many things: what the refusal is about."""

_MESSAGES: Final = {
    404: "There is nothing at this address. It may have been moved or deleted.",
    405: "That cannot be done at this address.",
}


def register_errors(app: Flask) -> None:
    """Answer every error of the application."""
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(ServerFault, lambda e: answer(e.status, e.reason, e.message))
    app.register_error_handler(Unavailable, _unavailable)
    app.register_error_handler(ClientDisconnected, _disconnected)
    app.register_error_handler(HTTPException, _http_error)


def _refused(error: Refused) -> Response:
    by = identity_of(request)
    # A token that may only write files is told nothing of those that are there.
    reads = by is None or by.may(Permission.FILES_READ)
    return answer(error.status, error.reason, error.message, extra=error.extra if reads else {})


def _unavailable(_error: Unavailable) -> Response:
    response = answer(503, "journal_not_writable", _UNAVAILABLE)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _disconnected(_error: ClientDisconnected) -> Response:
    return answer(400, "upload_aborted", "The connection broke before everything had arrived.")


def _http_error(error: HTTPException) -> Response:
    if isinstance(error, InternalServerError):
        return answer(500, "unhandled_exception", _UNHANDLED)
    status = error.code or 500
    if error.response is not None or status < 400:
        return make_response(error.get_response())  # a redirect, or an answer made elsewhere
    standard = type(error).description
    given = error.description if error.description != standard else None
    response = answer(
        status,
        HTTPStatus(status).phrase.lower().replace(" ", "_").replace("-", "_"),
        given or _MESSAGES.get(status) or standard or HTTPStatus(status).phrase,
    )
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def is_htmx() -> bool:
    """Whether a page of ours asks for a fragment of itself."""
    return request.headers.get("HX-Request") == "true"


def is_for_programs() -> bool:
    """Whether a page would be of no use to whoever asks."""
    accept = request.accept_mimetypes
    html = accept["text/html"] >= accept["application/json"] and accept["text/html"] > 0
    sends_token = "Authorization" in request.headers
    return request.path.startswith(("/api/", "/tus/")) or sends_token or not html


def answer(
    status: int, reason: str, message: str, *, extra: Mapping[str, str] = MappingProxyType({})
) -> Response:
    """The error in the form that this client can read."""
    request_id = request.environ[ENVIRON_KEY].request_id
    title = HTTPStatus(status).phrase
    if is_htmx():
        notice = render_template(
            "web/_problem.html", status=status, message=message, request_id=request_id
        )
        response = make_response(notice, status)
        # The notice must not replace the row or list that the request was meant for.
        response.headers.update({"HX-Retarget": "#notices", "HX-Reswap": "afterbegin"})
    elif is_for_programs():
        problem = {
            "type": "about:blank",
            "title": title,
            "status": status,
            "detail": message,
            "reason": reason,
            **extra,
            "request_id": request_id,
        }
        response = make_response(orjson.dumps(problem), status)
        response.content_type = "application/problem+json"
    else:
        page = render_template(
            "web/error.html",
            status=status,
            title=_TITLES_OF.get(reason) or _TITLES.get(status, title),
            message=message,
            request_id=request_id,
            folder=None if reason == "folder_not_found" else _folder(),
        )
        response = make_response(page, status)
    return response


def _folder() -> str | None:
    """The folder that what was asked for was about, if it says so: where to go back to.

    Of a form only where its fields were read already: it may be refused for what is in it.
    """
    if (folder := request.args.get("folder")) is not None:
        return folder
    return request.form.get("folder") if "form" in vars(request) else None

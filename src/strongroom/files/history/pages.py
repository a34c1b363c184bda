"""The routes of a file's history. All of it works without JavaScript."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

import orjson
from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wsgi import FileWrapper

from strongroom.audit.events.ledger import EvidenceExported
from strongroom.audit.events.system import LogsViewFailed
from strongroom.audit.ledger.bundle import MEDIA_TYPE, write_bundle
from strongroom.audit.viewer.source import log_view, when_to_retry
from strongroom.errors import Refused, ServerFault, Unavailable
from strongroom.files.access import server
from strongroom.files.events import HistoryViewed
from strongroom.files.history.chain import Chain
from strongroom.files.history.checking import Check
from strongroom.files.history.contents import Content, Present, read_present
from strongroom.files.history.shown import HELPERS, Shown, read_shown
from strongroom.files.refusals import missing, version_missing
from strongroom.permissions import Permission, needs

PAGE: Final = 50
MOST: Final = 1_000
"""Records on one page, at most: to print a long history on as few as can be."""

IN_MEMORY: Final = 8 * 1_048_576
"""Bytes of a bundle; what is larger is written to a temporary file until it is sent."""

LINES: Final = "application/x-ndjson"

history = Blueprint(
    "history",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/history/static",
)
history.after_request(when_to_retry)


@history.context_processor
def shared() -> dict[str, Any]:
    """What the templates can use."""
    return {**HELPERS}


def history_of(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The page of the file that a record names, for the viewer: words and address."""
    try:
        file_id = UUID(record.get("file_id", ""))
    except (TypeError, ValueError, AttributeError):
        return []  # imported, perhaps: there a field holds anything
    return [("History of the file", url_for("history.show_history", file_id=file_id))]


@history.get("/files/<uuid:file_id>/history")
@needs(Permission.LOGS_READ)
def show_history(file_id: UUID) -> Response:
    """Everything that ever happened to a file, newest first; with ``cursor``, from there on.

    ``looks=1`` shows those who only looked at the history as well, ``limit`` more of it at once.
    """
    with recorded():
        shown = read_shown(
            server(), str(file_id), request.args.get("cursor"), _limit(), looks=_looks()
        )
    if shown.is_nothing:
        with recorded():
            raise missing()
    _log_view(shown)
    arguments = {name: value for name, value in request.args.items() if name in ("looks", "limit")}
    page = render_template("history/history.html", shown=shown, arguments=arguments, most=MOST)
    return make_response(page)


@history.get("/files/<uuid:file_id>/history/bundle")
@needs(Permission.LOGS_READ)
def give_bundle(file_id: UUID) -> Response:
    """The evidence of the whole history as a zip, as far as it is signed."""
    here = server()
    packed = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # closed with the response
    try:
        with recorded():
            present = read_present(here.audit.store, here.files.blobs, str(file_id))
            seqs = list(Chain(here.audit.search, str(file_id), present).seqs())
            if not seqs:
                raise missing()
            bundled = write_bundle(here.audit.store, seqs, packed, places=here.audit.copy_places)
        size = packed.tell()
        packed.seek(0)
        extra = {"file": str(file_id), "left_out": len(bundled.left_out)}
        log_view(here.audit, EvidenceExported(count=len(bundled.seqs), extra=extra))
    except BaseException:
        packed.close()
        raise
    response = Response(FileWrapper(packed), content_type=MEDIA_TYPE, direct_passthrough=True)
    response.content_length = size
    name = f"evidence-of-file-{file_id}.zip"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Cache-Control"] = "no-store"
    return response


@history.post("/files/<uuid:file_id>/history/check")
@needs(Permission.LOGS_READ)
def check_content(file_id: UUID) -> Response:
    """Read the stored bytes of ``version``, or of what the file holds now, and record what was found.

    Whoever accepts lines of JSON is told how far it is; a form goes back to the history.
    """
    here = server()
    with recorded():
        present = read_present(here.audit.store, here.files.blobs, str(file_id))
        if present is None:
            raise missing()
        content = _chosen(present, request.form.get("version", ""))
        check = Check(here.files, here.audit, present, content)
    if request.accept_mimetypes.best == LINES:
        response = Response(_progress(check, content), content_type=LINES)
        response.call_on_close(check.close)
        response.headers["Cache-Control"] = "no-store"
        return response
    with recorded():
        for _ in check.run():
            pass
    return make_response(redirect(url_for("history.show_history", file_id=file_id), 303))


def _progress(check: Check, content: Content) -> Iterator[bytes]:
    """A line for each step, and a last one that says it is over."""
    try:
        for done in check.run():
            yield _line({"read": done, "size": content.file_size_bytes})
    except Unavailable:
        yield _line({"error": "What was found could not be recorded. Try again in a moment."})
    else:
        yield _line({"ended": True})


def _line(said: dict[str, Any]) -> bytes:
    return orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE)


def _chosen(present: Present, version_id: str) -> Content:
    if not version_id:
        return present.shown
    for content in present.contents:
        if content.version_id == version_id:
            return content
    raise version_missing(present.filename)


def _looks() -> bool:
    return request.args.get("looks") == "1"


def _limit() -> int:
    text = request.args.get("limit", "")
    return min(max(int(text), 1), MOST) if text.isascii() and text.isdigit() else PAGE


def _log_view(shown: Shown) -> None:
    event = HistoryViewed(
        file_id=shown.file_id,
        count=len(shown.acts),
        filename=None if shown.present is None else shown.present.filename,
    )
    log_view(server().audit, event)


@contextmanager
def recorded() -> Iterator[None]:
    """What goes wrong inside is recorded as ``logs_view_failed``.

    :raises ServerFault: ``history_failed`` in the place of what nobody expected
    """
    audit = server().audit
    try:
        yield
    except (Refused, ServerFault) as problem:
        log_view(audit, LogsViewFailed(reason=problem.reason))
        raise
    except Unavailable:
        raise
    except Exception as error:
        log_view(audit, LogsViewFailed(reason="history_failed"))
        raise ServerFault(
            "history_failed", "The server could not read this history. Try again in a moment."
        ) from error

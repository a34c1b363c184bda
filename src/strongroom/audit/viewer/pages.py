"""The pages of the viewer: the list of records, and one record with those around it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, make_response, render_template, request, url_for

from strongroom.audit.events import Level, Stream
from strongroom.audit.events.system import LogsViewed, LogsViewFailed
from strongroom.audit.events.web import AccessDenied
from strongroom.audit.ledger.status import Assurance
from strongroom.audit.query import Page
from strongroom.audit.query.search import Record
from strongroom.audit.viewer import present
from strongroom.audit.viewer.assets import fingerprint
from strongroom.audit.viewer.evidence import bundle_file, proof_file, shown_proof
from strongroom.audit.viewer.export import give_export
from strongroom.audit.viewer.request import SPANS, ViewerRequest
from strongroom.audit.viewer.source import RecordSource, log_view, when_to_retry
from strongroom.errors import Refused, ServerFault

_ASSETS = [Path(__file__).parent / "static" / name for name in ("viewer.css", "viewer.js")]


def viewer_blueprint(source: RecordSource, allow: Callable[[], bool], layout: str) -> Blueprint:
    """The viewer, to be registered under its path.

    :param allow: called in each request; False answers 403 and is recorded
    :param layout: template that the pages extend
    """
    pages = Blueprint("viewer", __name__, template_folder="templates", static_folder="static")

    @pages.before_request
    def check_access() -> None:
        if request.endpoint == "viewer.static":
            return
        if not allow():
            log_view(source, AccessDenied(reason="viewer_not_allowed", status=403))
            abort(403, "Reading the logs needs permission.")

    @pages.context_processor
    def shared() -> dict[str, Any]:
        return {
            "layout": layout,
            "present": present,
            "fingerprint": fingerprint(*_ASSETS),
            "assurance": partial(Assurance.load, source.store, source.copy_places),
        }

    @pages.get("")
    def list_records() -> Response:
        wanted = _read(source)
        if wanted.error is not None:
            log_view(source, LogsViewFailed(reason="query_not_valid"))
            return _list(source, wanted, Page(()), status=400)
        page = _search(source, wanted)
        log_view(source, LogsViewed(count=len(page.records), extra=dict(wanted.address())))
        return _list(source, wanted, page)

    @pages.get("/<record_id>")
    def show_record(record_id: str) -> Response:
        try:
            record = source.search.record(record_id)
            related = _of_request(source, record)
        except ServerFault as fault:
            _refuse(source, fault)
        if record is None:
            message = "There is no record at this address. Check that it is whole."
            _refuse(source, Refused("record_not_found", message, status=404))
        log_view(source, LogsViewed(count=1, extra={"record": record["id"]}))
        page = render_template(
            "viewer/record.html",
            record=record,
            fields=present.shown_fields(record),
            frames=present.frames(record),
            related=related,
            proof=shown_proof(source, record),
        )
        return make_response(page)

    pages.after_request(when_to_retry)
    pages.add_url_rule("/", "list_records_too", list_records)
    pages.add_url_rule("/export", "give_export", partial(_give_export, source))
    proof, bundle = partial(_give, source, proof_file), partial(_give, source, bundle_file)
    pages.add_url_rule("/<record_id>/proof", "give_proof", proof)
    pages.add_url_rule("/<record_id>/bundle", "give_bundle", bundle)
    return pages


def _of_request(source: RecordSource, record: Record | None) -> list[Record]:
    request_id = record.get("request_id") if record is not None else None
    return list(source.search.of_request(request_id)) if isinstance(request_id, str) else []


def _give(
    source: RecordSource, make: Callable[[RecordSource, str], Response], record_id: str
) -> Response:
    try:
        return make(source, record_id)
    except Refused as refusal:
        _refuse(source, refusal)


def _give_export(source: RecordSource) -> Response:
    try:
        return give_export(source)
    except (Refused, ServerFault) as refusal:
        abort(refusal.status, refusal.message)  # recorded by then


def _read(source: RecordSource) -> ViewerRequest:
    try:
        return ViewerRequest.read(request.args)
    except Refused as refusal:
        _refuse(source, refusal)


def _search(source: RecordSource, wanted: ViewerRequest) -> Page:
    try:
        return source.search.page(
            wanted.asked, wanted.window, cursor=wanted.cursor, limit=wanted.limit
        )
    except (Refused, ServerFault) as refusal:
        _refuse(source, refusal)


def _refuse(source: RecordSource, refusal: Refused | ServerFault) -> NoReturn:
    log_view(source, LogsViewFailed(reason=refusal.reason))
    abort(refusal.status, refusal.message)


def _list(source: RecordSource, wanted: ViewerRequest, page: Page, status: int = 200) -> Response:
    fragment = "viewer/_rows.html" if wanted.cursor else "viewer/_results.html"
    template = fragment if _is_htmx() else "viewer/list.html"
    response = make_response(
        render_template(
            template,
            wanted=wanted,
            page=page,
            spans=SPANS,
            events=sorted(event.event_name for event in source.catalogue),
            levels=list(Level),
            streams=list(Stream),
        ),
        status,
    )
    # One address, two representations: a cache must not mix them up.
    response.headers["Vary"] = "HX-Request"
    if _is_htmx() and not wanted.cursor:
        response.headers["HX-Push-Url"] = _address(wanted)
    return response


def _address(wanted: ViewerRequest) -> str:
    arguments = urlencode(wanted.address())
    return url_for("viewer.list_records") + (f"?{arguments}" if arguments else "")


def _is_htmx() -> bool:
    return request.headers.get("HX-Request") == "true"

"""The pages of the viewer: the list of records, and one record with those around it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template, request

from strongroom.audit.events import Level, Stream
from strongroom.audit.events.system import LogsViewed, LogsViewFailed
from strongroom.audit.events.web import AccessDenied
from strongroom.audit.ledger.status import Assurance
from strongroom.audit.query import Page
from strongroom.audit.viewer import columns, present
from strongroom.audit.viewer.answering import list_address, read_request, refuse, wants_fragment
from strongroom.audit.viewer.assets import fingerprint
from strongroom.audit.viewer.evidence import bundle_file, proof_file
from strongroom.audit.viewer.export import give_export
from strongroom.audit.viewer.facets import FIELDS, OPEN
from strongroom.audit.viewer.parts import add_parts
from strongroom.audit.viewer.record import show_record
from strongroom.audit.viewer.request import SPANS, ZONES, ViewerRequest
from strongroom.audit.viewer.source import RecordSource, log_view, when_to_retry
from strongroom.audit.viewer.tail import places_text
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
            "columns": columns,
            "spans": SPANS,
            "zones": ZONES,
            "fingerprint": fingerprint(*_ASSETS),
            "assurance": partial(Assurance.load, source.store, source.copy_places),
        }

    pages.after_request(when_to_retry)
    lists = partial(_list_records, source)
    pages.add_url_rule("", "list_records", lists)
    pages.add_url_rule("/", "list_records_too", lists)
    add_parts(pages, source)
    pages.add_url_rule("/<record_id>", "show_record", partial(show_record, source))
    pages.add_url_rule("/export", "give_export", partial(_give_export, source))
    proof, bundle = partial(_give, source, proof_file), partial(_give, source, bundle_file)
    pages.add_url_rule("/<record_id>/proof", "give_proof", proof)
    pages.add_url_rule("/<record_id>/bundle", "give_bundle", bundle)
    return pages


def _list_records(source: RecordSource) -> Response:
    wanted = read_request(source)
    if wanted.error is not None:
        log_view(source, LogsViewFailed(reason="query_not_valid"))
        return _list(source, wanted, Page(()), status=400)
    # Read before the search: what is committed in between may be found twice, but never missed.
    places = places_text(source.search.positions())
    page = _search(source, wanted)
    log_view(source, LogsViewed(count=len(page.records), extra=wanted.searched()))
    return _list(source, wanted, page, places=places)


def _give(
    source: RecordSource, make: Callable[[RecordSource, str], Response], record_id: str
) -> Response:
    try:
        return make(source, record_id)
    except Refused as refusal:
        refuse(source, refusal)


def _give_export(source: RecordSource) -> Response:
    try:
        return give_export(source)
    except (Refused, ServerFault) as refusal:
        abort(refusal.status, refusal.message)  # recorded by then


def _search(source: RecordSource, wanted: ViewerRequest) -> Page:
    try:
        return source.search.page(
            wanted.asked, wanted.window, cursor=wanted.cursor, limit=wanted.limit
        )
    except (Refused, ServerFault) as refusal:
        refuse(source, refusal)


def _list(
    source: RecordSource, wanted: ViewerRequest, page: Page, *, places: str = "", status: int = 200
) -> Response:
    fragment = "viewer/_rows.html" if wanted.cursor else "viewer/_results.html"
    template = fragment if wants_fragment() else "viewer/list.html"
    response = make_response(
        render_template(
            template,
            wanted=wanted,
            page=page,
            places=places,
            facets=FIELDS[:OPEN],
            events=sorted(event.event_name for event in source.catalogue),
            levels=list(Level),
            streams=list(Stream),
        ),
        status,
    )
    # One address, two representations: a cache must not mix them up.
    response.headers["Vary"] = "HX-Request"
    if wants_fragment() and not wanted.cursor:
        response.headers["HX-Push-Url"] = list_address(wanted)
    return response

"""The parts of the page that come on their own: histogram, values, completion, what is new.

Each has its own request and its own deadline, and when one fails the others do not. Opened in a
browser, such an address shows a whole page with that part, so nothing needs scripts.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from flask import Blueprint, Response, jsonify, make_response, render_template, request, url_for

from strongroom.audit.events.system import LogsViewFailed
from strongroom.audit.viewer import facets
from strongroom.audit.viewer.answering import read_request, refuse, wants_fragment
from strongroom.audit.viewer.completion import choices
from strongroom.audit.viewer.histogram import BARS, HEIGHT, WIDTH, chart, moves
from strongroom.audit.viewer.request import ViewerRequest
from strongroom.audit.viewer.source import RecordSource, log_view
from strongroom.audit.viewer.tail import newer, places_text, read_places
from strongroom.audit.viewer.views import record_part
from strongroom.errors import Refused, ServerFault

_LONGEST_TYPED: Final = 2_000


def add_parts(pages: Blueprint, source: RecordSource) -> None:
    """Add their routes to the viewer."""
    for name, answer in (
        ("histogram", _histogram),
        ("facets", _facets),
        ("complete", _complete),
        ("tail", _tail),
    ):
        pages.add_url_rule(f"/{name}", name, partial(answer, source))


def _histogram(source: RecordSource) -> Response:
    wanted = _read(source)
    try:
        found = source.search.histogram(wanted.asked, wanted.counted, bars=BARS)
    except ServerFault as fault:
        return _failed(source, wanted, "histogram", fault)
    drawn = chart(wanted, found)
    record_part(source, wanted.searched(), "histogram", drawn.count if drawn else 0)
    return _part(wanted, "histogram", chart=drawn, moves=moves(wanted), width=WIDTH, height=HEIGHT)


def _facets(source: RecordSource) -> Response:
    """All that are shown from the beginning, or one that was opened."""
    wanted, field = _read(source), request.args.get("field")
    try:
        opened = [field] if field else facets.opened(wanted.query)
        shown = [_facet(source, wanted, name) for name in opened]
    except Refused as refusal:
        refuse(source, refusal)
    # Of one request one refusal is recorded, though several fields may have met it.
    failed = [facet.reason for facet in shown if facet.reason]
    if failed:
        log_view(source, LogsViewFailed(reason=failed[0]))
    else:
        record_part(source, wanted.searched(), "facets", sum(len(f.values) for f in shown))
    by_field = {facet.field: facet for facet in shown}
    only = by_field[field] if field else None
    return _part(wanted, "facets", fields=facets.FIELDS, shown=by_field, only=only)


def _facet(source: RecordSource, wanted: ViewerRequest, field: str) -> facets.ShownFacet:
    try:
        return facets.shown(source.search, source.store, wanted, field)
    except ServerFault as fault:
        return facets.ShownFacet(field, failure=fault.message, reason=fault.reason)


def _complete(source: RecordSource) -> Response:
    """What may follow on ``typed``, as JSON: there is nothing to complete without a script."""
    wanted = _read(source, with_errors=True)
    typed = request.args.get("typed", "")[-_LONGEST_TYPED:]
    try:
        found, field = choices(source.search, source.store, wanted, typed)
    except ServerFault as fault:
        refuse(source, fault)
    if field:
        record_part(source, wanted.searched(), "completion", len(found))
    return jsonify([
        {"insert": one.insert, "label": one.label, "note": one.note, "replaces": one.replaces}
        for one in found
    ])  # fmt: skip


def _tail(source: RecordSource) -> Response:
    """What is new since ``after``, as rows of the table."""
    wanted = _read(source)
    path = url_for("viewer.tail")
    try:
        batch = newer(source.search, wanted.asked, read_places(request.args.get("after", "")), path)
    except (Refused, ServerFault) as refusal:
        refuse(source, refusal)
    record_part(source, wanted.searched(), "tail", len(batch.records))
    rows = render_template("viewer/_record_rows.html", wanted=wanted, records=batch.records)
    response = make_response(rows)
    response.headers["X-Tail-Places"] = places_text(batch.places)
    response.headers["X-Tail-Skipped"] = str(batch.skipped)
    response.headers["Cache-Control"] = "no-store"
    return response


def _read(source: RecordSource, *, with_errors: bool = False) -> ViewerRequest:
    """What the address asks for.

    :param with_errors: whether a query that cannot be understood is none of this part's business
    """
    wanted = read_request(source)
    if wanted.error is not None and not with_errors:
        where = f"Column {wanted.error.column}: {wanted.error.message}"
        refuse(source, Refused("query_not_valid", where))
    return wanted


def _failed(source: RecordSource, wanted: ViewerRequest, name: str, fault: ServerFault) -> Response:
    """The part's place, with what went wrong in it and a way to try again."""
    log_view(source, LogsViewFailed(reason=fault.reason))
    return _part(wanted, name, status=fault.status, failure=fault.message)


def _part(wanted: ViewerRequest, name: str, *, status: int = 200, **given: object) -> Response:
    is_fragment = wants_fragment()
    template = f"viewer/_{name}.html" if is_fragment else "viewer/part.html"
    body = render_template(template, wanted=wanted, part=name, is_fragment=is_fragment, **given)
    response = make_response(body, status)
    response.headers["Vary"] = "HX-Request"
    return response

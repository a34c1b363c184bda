"""Records as JSON: the data behind every page of the viewer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from flask import Blueprint, Response, request

from strongroom.audit.events.system import LogsViewed, LogsViewFailed
from strongroom.audit.events.web import AccessDenied
from strongroom.audit.query import RecordSearch
from strongroom.audit.query.search import API_SECONDS
from strongroom.audit.viewer import facets, histogram
from strongroom.audit.viewer.evidence import proof_file
from strongroom.audit.viewer.export import give_export
from strongroom.audit.viewer.request import ViewerRequest
from strongroom.audit.viewer.source import RecordSource, log_view, when_to_retry
from strongroom.errors import Refused, ServerFault


def records_api(source: RecordSource, allow: Callable[[], bool]) -> Blueprint:
    """``/records``, ``/records/<id>``, its ``/proof``, ``/histogram``, ``/facets`` and ``/export``, to
    be registered under the API's path."""
    api = Blueprint("records", __name__)

    @api.before_request
    def check_access() -> None:
        if not allow():
            log_view(source, AccessDenied(reason="viewer_not_allowed", status=403))
            raise Refused("viewer_not_allowed", "Reading records needs permission.", status=403)

    api.after_request(when_to_retry)
    for rule, name, answer in (
        ("/records", "list_records", _list_records),
        ("/records/<record_id>", "show_record", _show_record),
        ("/records/<record_id>/proof", "give_proof", _give_proof),
        ("/histogram", "histogram", _histogram),
        ("/facets", "facets", _facets),
        ("/export", "give_export", give_export),
    ):
        api.add_url_rule(rule, name, partial(answer, source))
    return api


def _list_records(source: RecordSource) -> dict[str, Any]:
    with _recorded(source):
        wanted = _read()
        page = _search(source).page(
            wanted.asked, wanted.window, cursor=wanted.cursor, limit=wanted.limit
        )
    log_view(source, LogsViewed(count=len(page.records), extra=wanted.searched()))
    return {
        "records": page.records,
        "next": page.next,
        "partial": page.partial,
        "missing": list(page.missing),
    }


def _show_record(source: RecordSource, record_id: str) -> dict[str, Any]:
    with _recorded(source):
        record = source.search.record(record_id)
        if record is None:
            raise Refused("record_not_found", "There is no such record.", status=404)
    log_view(source, LogsViewed(count=1, extra={"record": record_id}))
    return record


def _give_proof(source: RecordSource, record_id: str) -> Response:
    with _recorded(source):
        return proof_file(source, record_id)


def _histogram(source: RecordSource) -> dict[str, Any]:
    """How many records match, by time and level."""
    with _recorded(source):
        wanted = _read()
        found = _search(source).histogram(wanted.asked, wanted.counted, bars=histogram.BARS)
    count = sum(sum(bar.levels.values()) for bar in found.bars)
    log_view(source, LogsViewed(count=count, extra={**wanted.searched(), "as": "histogram"}))
    return histogram.as_json(found)


def _facets(source: RecordSource) -> dict[str, Any]:
    """The most frequent values of ``field``, of those that begin with ``prefix``."""
    with _recorded(source):
        wanted, field = _read(), request.args.get("field", "")
        prefix = request.args.get("prefix", "")
        found, _ = facets.count_values(
            _search(source), source.store, wanted, field, limit=wanted.limit, prefix=prefix
        )
    extra = {**wanted.searched(), "as": "facets", "field": field}
    log_view(source, LogsViewed(count=len(found.values), extra=extra))
    return facets.as_json(found)


def _search(source: RecordSource) -> RecordSearch:
    """The search, for programs, which can wait."""
    return source.search.with_deadline(API_SECONDS)


def _read() -> ViewerRequest:
    wanted = ViewerRequest.read(request.args)
    if wanted.error is not None:
        where = f"query, column {wanted.error.column}: {wanted.error.message}"
        raise Refused("query_not_valid", where)
    return wanted


@contextmanager
def _recorded(source: RecordSource) -> Iterator[None]:
    """A refusal inside is recorded on its way out."""
    try:
        yield
    except (Refused, ServerFault) as refusal:
        log_view(source, LogsViewFailed(reason=refusal.reason))
        raise

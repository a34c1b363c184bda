"""Records as JSON: the data behind every page of the viewer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, Response, request

from strongroom.audit.events.system import LogsViewed, LogsViewFailed
from strongroom.audit.events.web import AccessDenied
from strongroom.audit.query.search import API_SECONDS
from strongroom.audit.viewer.evidence import proof_file
from strongroom.audit.viewer.export import give_export
from strongroom.audit.viewer.request import ViewerRequest
from strongroom.audit.viewer.source import RecordSource, log_view, when_to_retry
from strongroom.errors import Refused, ServerFault


def records_api(source: RecordSource, allow: Callable[[], bool]) -> Blueprint:
    """``/records``, ``/records/<id>`` with its ``/proof``, and ``/export``, to be registered under the
    API's path."""
    api = Blueprint("records", __name__)

    def refuse(refusal: Refused) -> Refused:
        log_view(source, LogsViewFailed(reason=refusal.reason))
        return refusal

    @api.before_request
    def check_access() -> None:
        if not allow():
            log_view(source, AccessDenied(reason="viewer_not_allowed", status=403))
            raise Refused("viewer_not_allowed", "Reading records needs permission.", status=403)

    api.after_request(when_to_retry)

    @api.get("/records")
    def list_records() -> dict[str, Any]:
        try:
            wanted = ViewerRequest.read(request.args)
            if wanted.error is not None:
                where = f"query, column {wanted.error.column}: {wanted.error.message}"
                raise Refused("query_not_valid", where)
            page = source.search.with_deadline(API_SECONDS).page(
                wanted.asked, wanted.window, cursor=wanted.cursor, limit=wanted.limit
            )
        except Refused as refusal:
            raise refuse(refusal) from None
        except ServerFault as fault:
            log_view(source, LogsViewFailed(reason=fault.reason))
            raise
        log_view(source, LogsViewed(count=len(page.records), extra=dict(wanted.address())))
        return {
            "records": page.records,
            "next": page.next,
            "partial": page.partial,
            "missing": list(page.missing),
        }

    @api.get("/records/<record_id>")
    def show_record(record_id: str) -> dict[str, Any]:
        record = source.search.record(record_id)
        if record is None:
            raise refuse(Refused("record_not_found", "There is no such record.", status=404))
        log_view(source, LogsViewed(count=1, extra={"record": record_id}))
        return record

    api.add_url_rule("/export", "give_export", partial(give_export, source))
    api.add_url_rule("/records/<record_id>/proof", "give_proof", partial(_give_proof, source))
    return api


def _give_proof(source: RecordSource, record_id: str) -> Response:
    try:
        return proof_file(source, record_id)
    except Refused as refusal:
        log_view(source, LogsViewFailed(reason=refusal.reason))
        raise

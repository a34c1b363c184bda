"""What the routes of the viewer have in common: reading the address, refusing, telling fragments."""

from __future__ import annotations

from typing import NoReturn
from urllib.parse import urlencode

from flask import abort, request, url_for

from strongroom.audit.events.system import LogsViewFailed
from strongroom.audit.viewer.request import ViewerRequest
from strongroom.audit.viewer.source import RecordSource, log_view
from strongroom.errors import Refused, ServerFault


def read_request(source: RecordSource) -> ViewerRequest:
    """What the address of the current request asks for; answers 400 when that cannot be read."""
    try:
        return ViewerRequest.read(request.args)
    except Refused as refusal:
        refuse(source, refusal)


def refuse(source: RecordSource, refusal: Refused | ServerFault) -> NoReturn:
    """Answer the current request with this refusal, and record it."""
    log_view(source, LogsViewFailed(reason=refusal.reason))
    abort(refusal.status, refusal.message)


def wants_fragment() -> bool:
    """Whether a page of ours asks for a part of itself.

    Going back in the browser's history asks for the whole page, though HTMX may do the asking.
    """
    headers = request.headers
    restores = headers.get("HX-History-Restore-Request") == "true"
    return headers.get("HX-Request") == "true" and not restores


def list_address(wanted: ViewerRequest) -> str:
    """The address of the list that shows this search."""
    arguments = urlencode(wanted.address())
    return url_for("viewer.list_records") + (f"?{arguments}" if arguments else "")

"""The page of one record: its fields, its proof, and the records around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from flask import Response, make_response, render_template

from strongroom.audit.events.system import LogsViewed
from strongroom.audit.pipeline.render import escape
from strongroom.audit.query.search import Record
from strongroom.audit.viewer.answering import read_request, refuse
from strongroom.audit.viewer.evidence import shown_proof
from strongroom.audit.viewer.fields import exceptions, shown_fields
from strongroom.audit.viewer.present import place
from strongroom.audit.viewer.source import RecordSource, log_view
from strongroom.errors import Corrupt, Refused, ServerFault

AROUND: Final = 5
"""Records before and after in time."""


@dataclass(frozen=True, slots=True)
class Others:
    """Records beside the one that is shown, oldest first.

    :param failure: why they are not there, in words
    """

    records: Sequence[Record]
    failure: str = ""


def show_record(source: RecordSource, record_id: str) -> Response:
    """One record with all that is known of it."""
    wanted = read_request(source)
    try:
        record = source.search.record(record_id)
    except ServerFault as fault:
        refuse(source, fault)
    if record is None:
        message = "There is no record at this address. Check that it is whole."
        refuse(source, Refused("record_not_found", message, status=404))
    log_view(source, LogsViewed(count=1, extra={"record": record["id"]}))
    page = render_template(
        "viewer/record.html",
        wanted=wanted,
        record=record,
        fields=shown_fields(record),
        exceptions=exceptions(record),
        related=_others(lambda: _of_request(source, record)),
        around=_others(lambda: _around(source, record)),
        proof=shown_proof(source, record),
        pages=source.related_pages(record),
    )
    return make_response(page)


def _of_request(source: RecordSource, record: Record) -> Sequence[Record]:
    request_id = record.get("request_id")
    return source.search.of_request(request_id) if isinstance(request_id, str) else ()


def _around(source: RecordSource, record: Record) -> Sequence[Record]:
    if not place(record):
        raise Corrupt("Its time cannot be read, so nobody knows what was before and after.")
    before, after = source.search.neighbours(record, limit=AROUND)
    return [*before, record, *after]


def _others(find: Callable[[], Sequence[Record]]) -> Others:
    """What is found, or why not: the record itself is shown all the same."""
    try:
        return Others(find())
    except ServerFault as fault:
        return Others((), fault.message)
    except Corrupt as damage:
        return Others((), escape(str(damage)))

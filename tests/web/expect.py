"""What the records of one request must say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.serving import Installation
from tests.web.wire import AGENT, Answer

Record = dict[str, Any]

_REFUSED = ("denied", "warning")
_DONE = ("success", "info")
_BROKEN = ("failed", "error")

OUTCOMES: dict[str, tuple[str, str]] = {
    "file_uploaded": _DONE,
    "files_listed": _DONE,
    "file_downloaded": _DONE,
    "file_deleted": _DONE,
    "logs_viewed": _DONE,
    "upload_failed": _REFUSED,
    "list_failed": _REFUSED,
    "download_failed": _REFUSED,
    "delete_failed": _REFUSED,
    "access_denied": _REFUSED,
    "logs_view_failed": ("failed", "warning"),
    "upload_aborted": ("failed", "warning"),
    "upload_error": _BROKEN,
    "delete_error": _BROKEN,
}
"""Outcome and level of each event where the fault is not ours, written down apart from the
product's own catalogue."""


@dataclass(frozen=True)
class Told:
    """The records of one request, each where it belongs."""

    request: Record
    response: Record
    outcomes: list[Record]


def records_of(server: Installation, request_id: str) -> Told:
    """The records of one request, which must be one ``request``, one ``response``, and others."""
    records = server.outcome(request_id)
    by_event: dict[str, list[Record]] = {}
    for record in records:
        by_event.setdefault(record["event"], []).append(record)
    assert len(by_event["request"]) == len(by_event["response"]) == 1, records
    told = Told(
        request=by_event.pop("request")[0],
        response=by_event.pop("response")[0],
        outcomes=[r for r in records if r["event"] not in ("request", "response")],
    )
    _check_context(records, told.request)
    _check_response(told.response)
    for record in told.outcomes:
        if record["event"] in OUTCOMES:
            ours = record.get("status", 0) >= 500
            wanted = _BROKEN if ours else OUTCOMES[record["event"]]
            assert (record["outcome"], record["level"]) == wanted, record
            assert record["stream"] == "audit"
    return told


def expect(server: Installation, answer: Answer, *events: str, **fields: object) -> list[Record]:
    """The outcome records of an answered request; they must be of exactly these events.

    :param fields: what each of them must say
    """
    told = records_of(server, answer.request_id)
    assert [record["event"] for record in told.outcomes] == list(events), told.outcomes
    for record in told.outcomes:
        assert {name: record.get(name) for name in fields} == fields
    response = told.response
    assert (response["status"], response["aborted"]) == (answer.status, False)
    sent = 0 if response["method"] == "HEAD" else len(answer.body)
    assert response["bytes_out"] == sent, response
    return told.outcomes


def _check_context(records: list[Record], request: Record) -> None:
    """Every record repeats the context of its request, since the others may be lost."""
    for record in records:
        for name in ("request_id", "method", "path", "ip_address", "peer_address", "user_agent"):
            assert record.get(name) == request.get(name), (name, record)
    assert request["ip_address"] == request["peer_address"] == "127.0.0.1"
    assert request["user_agent"] == AGENT
    ids = [record["id"] for record in records]
    assert len(set(ids)) == len(ids)
    times = [record["timestamp"] for record in records]
    assert times == sorted(times)
    assert all(len(time) == 27 and time.endswith("Z") for time in times)


def _check_response(response: Record) -> None:
    status = response["status"]
    wanted = _DONE if status < 400 else _REFUSED if status < 500 else _BROKEN
    assert (response["outcome"], response["level"]) == wanted, response
    assert response["duration_ms"] > 0
    assert response["bytes_in"] >= 0

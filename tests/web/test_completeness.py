"""Completeness is a promise: the route table is walked, and no route may lack an example here.

Each example says which outcome events the request leaves, beside its one ``request`` and one
``response``; None stands for requests that are counted instead of recorded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from strongroom.bootstrap import create_app
from strongroom.settings import load
from tests.serving import Installation
from tests.web.expect import expect
from tests.web.wire import FORM, HTML, HTMX, Part, api, form, put, send

RECORD = "01980000-0000-7000-8000-000000000000"
FILE = "example.txt"


@dataclass(frozen=True)
class Example:
    """A request and what must come of it."""

    method: str
    rule: str
    target: str
    status: int
    events: tuple[str, ...] | None
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


E = Example
EXAMPLES = [
    E("GET", "/", "/", 200, ("files_listed",), headers=HTML),
    E("HEAD", "/", "/", 200, ("files_listed",)),
    E("GET", "/files", "/files", 200, ("files_listed",), headers=HTMX),
    E("GET", "/files", "/files?cursor=x", 400, ("list_failed",)),
    E("HEAD", "/files", "/files", 200, ("files_listed",)),
    E("POST", "/upload", "/upload", 303, ("file_uploaded",), form(Part(b"x", "a")), FORM),
    E("POST", "/upload", "/upload", 400, ("upload_failed",), form(), FORM),
    E("DELETE", "/delete/<path:path>", f"/delete/{FILE}", 200, ("file_deleted",)),
    E("DELETE", "/delete/<path:path>", "/delete/none", 404, ("delete_failed",)),
    E("POST", "/delete/<path:path>", f"/delete/{FILE}", 303, ("file_deleted",), b""),
    E("POST", "/delete/<path:path>", "/delete/none", 404, ("delete_failed",), b""),
    E("GET", "/api/v1/files", "/api/v1/files", 200, ("files_listed",)),
    E("GET", "/api/v1/files", "/api/v1/files?folder=x", 404, ("list_failed",)),
    E("HEAD", "/api/v1/files", "/api/v1/files", 200, ("files_listed",)),
    E("GET", "/api/v1/files/", "/api/v1/files/", 200, ("files_listed",)),
    E("HEAD", "/api/v1/files/", "/api/v1/files/", 200, ("files_listed",)),
    E("PUT", "/api/v1/files/<path:path>", api("new.txt"), 201, ("file_uploaded",), b"x"),
    E("PUT", "/api/v1/files/<path:path>", api(FILE), 409, ("upload_failed",), b"x"),
    E("GET", "/api/v1/files/<path:path>", api(FILE), 200, ("file_downloaded",)),
    E("GET", "/api/v1/files/<path:path>", api("none"), 404, ("download_failed",)),
    E("HEAD", "/api/v1/files/<path:path>", api(FILE), 200, ()),
    E("HEAD", "/api/v1/files/<path:path>", api("none"), 404, ("download_failed",)),
    E("DELETE", "/api/v1/files/<path:path>", api(FILE), 204, ("file_deleted",)),
    E("DELETE", "/api/v1/files/<path:path>", api("none"), 404, ("delete_failed",)),
    E("GET", "/api/v1/records", "/api/v1/records", 200, ("logs_viewed",)),
    E("GET", "/api/v1/records", "/api/v1/records?limit=0", 400, ("logs_view_failed",)),
    E("HEAD", "/api/v1/records", "/api/v1/records", 200, ("logs_viewed",)),
    E("GET", "/api/v1/records/<record_id>", f"/api/v1/records/{RECORD}", 404, ("logs_view_failed",)),
    E("HEAD", "/api/v1/records/<record_id>", f"/api/v1/records/{RECORD}", 404, ("logs_view_failed",)),
    E("GET", "/logs", "/logs", 200, ("logs_viewed",)),
    E("HEAD", "/logs", "/logs", 200, ("logs_viewed",)),
    E("GET", "/logs/", "/logs/?query=a:b", 400, ("logs_view_failed",)),
    E("HEAD", "/logs/", "/logs/", 200, ("logs_viewed",)),
    E("GET", "/logs/<record_id>", f"/logs/{RECORD}", 404, ("logs_view_failed",)),
    E("HEAD", "/logs/<record_id>", f"/logs/{RECORD}", 404, ("logs_view_failed",)),
    E("GET", "/healthz", "/healthz", 200, None),
    E("HEAD", "/healthz", "/healthz", 200, None),
    E("GET", "/readyz", "/readyz", 200, None),
    E("HEAD", "/readyz", "/readyz", 200, None),
    E("GET", "/static/<path:filename>", "/static/none", 404, None),
    E("HEAD", "/static/<path:filename>", "/static/none", 404, None),
    E("GET", "/files/static/<path:filename>", "/files/static/none", 404, None),
    E("HEAD", "/files/static/<path:filename>", "/files/static/none", 404, None),
    E("GET", "/logs/static/<path:filename>", "/logs/static/none", 404, None),
    E("HEAD", "/logs/static/<path:filename>", "/logs/static/none", 404, None),
]  # fmt: skip


def test_no_route_lacks_an_example(tmp_path: Path) -> None:
    app = create_app(load(data=tmp_path, log_output="none"))
    try:
        routes = {
            (method, _plain(str(rule)))
            for rule in app.url_map.iter_rules()
            for method in rule.methods or ()
            if method != "OPTIONS"
        }
    finally:
        app.extensions["strongroom.audit"].close()
    assert {(example.method, _plain(example.rule)) for example in EXAMPLES} == routes


def _plain(rule: str) -> str:
    """A rule whatever its converters and names are called."""
    head, _, rest = rule.partition("<")
    return head + "<>" + rest.partition(">")[2] if rest else rule


@pytest.mark.parametrize(
    "example", EXAMPLES, ids=lambda example: f"{example.method} {example.target} {example.status}"
)
def test_every_route_leaves_its_records(server: Installation, example: Example) -> None:
    if send(server, "HEAD", api(FILE)).status == 404:
        put(server, FILE)
    answer = send(server, example.method, example.target, example.body, example.headers)
    assert answer.status == example.status
    if example.events is None:
        assert server.records(f"request_id:{answer.request_id}") == []
    else:
        expect(server, answer, *example.events)
        assert answer.header("X-Request-ID")

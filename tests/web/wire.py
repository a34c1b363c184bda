"""Requests to the byte, over real connections: nothing is normalised on the way."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.serving import Installation

PATIENCE = 30.0
"""Seconds after which an answer that does not come fails the test."""

SMALL_LIMIT = 100_000
"""Bytes of an upload that the server of the fixture ``small`` takes."""

AGENT = "wire/1 (tests)"
HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
JSON = {"Accept": "application/json"}
HTMX = {"HX-Request": "true", "Accept": "text/html, */*"}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def request_id(self) -> str:
        """Under which the request's records stand."""
        return self.header("X-Request-ID")

    @property
    def text(self) -> str:
        """The body of a page."""
        return self.body.decode("utf-8")

    def header(self, name: str) -> str:
        """A header that must be there, once."""
        values = self.headers.get_all(name, [])
        assert len(values) == 1, f"{name}: {values}"
        return str(values[0])

    def json(self) -> Any:
        """The body of an answer for programs."""
        assert self.header("Content-Type") in ("application/json", "application/problem+json")
        return json.loads(self.body)

    def problem(self, status: int, reason: str) -> dict[str, Any]:
        """The body, which must be a problem document (RFC 9457) that says this."""
        assert (self.status, self.header("Content-Type")) == (status, "application/problem+json")
        problem: dict[str, Any] = self.json()
        assert (problem["status"], problem["reason"]) == (status, reason)
        assert problem["request_id"] == self.request_id
        assert problem["title"]
        assert problem["detail"]
        return problem


def send(
    server: Installation,
    method: str,
    target: str,
    body: bytes | Iterable[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request on a connection of its own.

    :param target: path and query as they shall stand in the request line
    :param body: chunks are sent with ``Transfer-Encoding: chunked``
    """
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    sent = {"User-Agent": AGENT, **(headers or {})}
    try:
        # A server may answer before all has arrived and close; the answer can be read even so.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request(
                method, target, body, sent, encode_chunked=not isinstance(body, bytes | None)
            )
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def exchange(server: Installation, request: bytes) -> Answer:
    """Exactly these bytes on a connection of their own, and the answer to them."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return Answer(response.status, response.headers, response.read())


def head_of(method: str, target: str, *headers: str) -> bytes:
    """The head of a request, for :func:`exchange`."""
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", f"User-Agent: {AGENT}", *headers]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")


def in_url(name: str) -> str:
    """A file name as one segment of an address."""
    return quote(name, safe="")


def api(name: str) -> str:
    """The address of a file for scripts."""
    return f"/api/v1/files/{in_url(name)}"


def put(
    server: Installation, name: str, content: bytes = b"content", kind: str = "text/plain"
) -> dict[str, Any]:
    """Store a file; its description."""
    answer = send(server, "PUT", api(name), content, {"Content-Type": kind})
    assert answer.status == 201, answer.body
    stored: dict[str, Any] = answer.json()
    return stored


def names(server: Installation) -> set[str]:
    """The names of the listed files; for servers that have no second page of them."""
    page = send(server, "GET", "/api/v1/files").json()
    assert page["next"] is None
    return {item["filename"] for item in page["files"]}


@dataclass(frozen=True)
class Part:
    """One part of a form."""

    content: bytes
    filename: str | None = None
    field: str = "file"
    kind: str | None = "text/plain"
    disposition: str | None = None
    """All that follows ``form-data; name="…"``, where a plain file name will not do."""

    def head(self) -> str:
        """Its headers, the way browsers write them."""
        named = "" if self.filename is None else f'; filename="{_quoted(self.filename)}"'
        head = f'Content-Disposition: form-data; name="{self.field}"{self.disposition or named}\r\n'
        return head + ("" if self.kind is None else f"Content-Type: {self.kind}\r\n")


BOUNDARY = "----boundary-0123456789"


def form(*parts: Part) -> bytes:
    """A whole ``multipart/form-data`` body."""
    sent = b"".join(
        f"--{BOUNDARY}\r\n{part.head()}\r\n".encode("utf-8", "surrogateescape")
        + part.content
        + b"\r\n"
        for part in parts
    )
    return sent + f"--{BOUNDARY}--\r\n".encode()


FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def upload(server: Installation, *parts: Part, headers: Mapping[str, str] = JSON) -> Answer:
    """Send a form."""
    return send(server, "POST", "/upload", form(*parts), {**FORM, **headers})


def _quoted(name: str) -> str:
    # The HTML standard's way (multipart/form-data encoding algorithm).
    return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")

"""The client: as little work as possible for each byte, so that the servers are what is measured.

``curl`` would be the limit where nginx sends: with it, the same download took nearly twice as long.
Here the kernel sends from the page cache, and what is received goes into one buffer again and again.
"""

from __future__ import annotations

import base64
import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

LOOPBACK: Final = "127.0.0.1"
SECONDS: Final = 300.0
"""How long a connection may stand still before the run is given up."""

_BUFFER: Final = 1024 * 1024
_TUS: Final = {"Tus-Resumable": "1.0.0"}


class Answer(NamedTuple):
    """A response; its header fields can be looked up in any case."""

    status: int
    fields: http.client.HTTPMessage
    body: bytes

    def expect(self, *statuses: int) -> Answer:
        """The answer itself.

        :raises RuntimeError: when it has another status
        """
        if self.status not in statuses:
            raise RuntimeError(f"answered {self.status} instead of {statuses}: {self.body[:500]!r}")
        return self

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


def ask(
    port: int, method: str, path: str, fields: Mapping[str, str] | None = None, body: bytes = b""
) -> Answer:
    """One small request on a connection of its own."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=SECONDS)
    try:
        connection.request(method, path, body or None, dict(fields or {}))
        return _answer(connection)
    finally:
        connection.close()


def send(
    port: int,
    method: str,
    path: str,
    source: Path,
    *,
    fields: Mapping[str, str] | None = None,
    times: int = 1,
) -> Answer:
    """Send a file as a request's body.

    :param times: how often the file follows itself in that body
    """
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=SECONDS)
    try:
        connection.putrequest(method, path)
        for name, value in (fields or {}).items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(source.stat().st_size * times))
        connection.endheaders()
        with source.open("rb") as file:
            for _ in range(times):
                connection.sock.sendfile(file)
        return _answer(connection)
    finally:
        connection.close()


def fetch(port: int, path: str, size: int) -> None:
    """GET, and throw the body away.

    :raises http.client.IncompleteRead: it has not so many bytes
    """
    buffer = bytearray(_BUFFER)
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"GET {path} answered {response.status}")
        left = size
        while count := response.readinto(buffer):
            left -= count
        if left:
            raise http.client.IncompleteRead(b"", left)
    finally:
        connection.close()


def speaks_tus(port: int) -> bool:
    """Whether resumable uploads are offered (tus 1.0)."""
    return "Tus-Version" in ask(port, "OPTIONS", "/tus/").fields


def send_by_tus(port: int, filename: str, source: Path, times: int = 1) -> None:
    """Create an upload (tus 1.0, creation) and send all of it in one PATCH."""
    named = base64.b64encode(filename.encode()).decode()
    length = str(source.stat().st_size * times)
    fields = _TUS | {"Upload-Length": length, "Upload-Metadata": f"filename {named}"}
    created = ask(port, "POST", "/tus/", fields).expect(201)
    path = urlsplit(created.fields["Location"]).path
    fields = _TUS | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    done = send(port, "PATCH", path, source, fields=fields, times=times).expect(204)
    if done.fields["Upload-Offset"] != length:
        raise RuntimeError(f"not all of it arrived: {done.fields['Upload-Offset']} of {length}")


def _answer(connection: http.client.HTTPConnection) -> Answer:
    response = connection.getresponse()
    return Answer(response.status, response.headers, response.read())


class Persistent:
    """One kept connection for many small uploads; a context manager.

    On a bare socket, because ``http.client`` would take as long for a request as the server does.
    """

    def __init__(self, port: int) -> None:
        self._host = f"{LOOPBACK}:{port}"
        self._socket = socket.create_connection((LOOPBACK, port), SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def put(self, path: str, body: bytes) -> None:
        """PUT a new file.

        :raises RuntimeError: it was not stored
        """
        head = f"PUT {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(body)}\r\n\r\n"
        self._socket.sendall(head.encode() + body)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        fields, _, rest = received.partition(b"\r\n\r\n")
        if not fields.startswith((b"HTTP/1.1 201", b"HTTP/1.1 200")):
            raise RuntimeError(f"PUT {path}: {received[:500]!r}")
        length = int(fields.lower().partition(b"\r\ncontent-length:")[2].split(b"\r\n")[0])
        while len(rest) < length:
            rest += self._more()

    def _more(self) -> bytes:
        received = self._socket.recv(65536)
        if not received:
            raise RuntimeError("the server closed a connection that was to be kept")
        return received

    def __enter__(self) -> Persistent:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

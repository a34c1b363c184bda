"""A client of tus 1.0 that can be told to misbehave; and what the records say of an upload."""

from __future__ import annotations

import base64
import hashlib
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from strongroom.files.tus.receiving import CHUNK
from tests.serving import Installation
from tests.web.wire import PATIENCE, Answer, api, head_of, send

VERSION = {"Tus-Resumable": "1.0.0"}
PIECE = {"Content-Type": "application/offset+octet-stream"}
UPLOAD_EVENTS = {
    "upload_started", "upload_resumed", "file_uploaded", "upload_aborted", "upload_failed",
    "upload_error",
}  # fmt: skip


def metadata(**values: str) -> str:
    """The header ``Upload-Metadata``."""
    pairs = values.items()
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs)


def checksum(algorithm: str, data: bytes) -> dict[str, str]:
    """The header that says what a piece hashes to."""
    digest = hashlib.new(algorithm, data).digest()
    return {"Upload-Checksum": f"{algorithm} {base64.b64encode(digest).decode()}"}


@dataclass
class TusClient:
    """Somebody who uploads.

    :param headers: of every request: who it is
    """

    server: Installation
    headers: Mapping[str, str] = field(default_factory=dict)

    def create(
        self, filename: str, length: int | str | None, *more: Mapping[str, str], **meta: str
    ) -> Answer:
        """``POST`` to ``/tus/``; ``length`` None leaves it for later."""
        told = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
        told |= {"Upload-Metadata": metadata(filename=filename, **meta)}
        return self.send("POST", "/tus/", None, told, *more)

    def begin(self, filename: str, length: int | None, **meta: str) -> str:
        """The address of a new upload."""
        answer = self.create(filename, length, **meta)
        assert answer.status == 201, answer.body
        return answer.header("Location")

    def patch(
        self,
        address: str,
        offset: int | str,
        data: bytes | Iterable[bytes],
        *more: Mapping[str, str],
    ) -> Answer:
        """Send a piece."""
        return self.send("PATCH", address, data, PIECE, {"Upload-Offset": str(offset)}, *more)

    def offset(self, address: str) -> int:
        """Where to go on."""
        answer = self.send("HEAD", address)
        assert answer.status == 200
        return int(answer.header("Upload-Offset"))

    def send(
        self,
        method: str,
        address: str,
        data: bytes | Iterable[bytes] | None = None,
        *more: Mapping[str, str],
    ) -> Answer:
        """Any request; a header that is empty is left out."""
        headers = {**VERSION, **self.headers}
        for given in more:
            headers.update(given)
        sent = {name: value for name, value in headers.items() if value}
        return send(self.server, method, address, data, sent)

    def stall(self, address: str, offset: int, length: int, data: bytes) -> socket.socket:
        """Announce a piece, send some of it, and do nothing more; returns once that has arrived.

        The server reads in steps: what is less than one may still be on its way.
        """
        lines = {**VERSION, **PIECE, "Upload-Offset": str(offset), "Content-Length": str(length)}
        lines |= self.headers
        head = head_of("PATCH", address, *(f"{name}: {value}" for name, value in lines.items()))
        connection = socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE)
        connection.sendall(head + data)
        deadline = time.monotonic() + PATIENCE
        while (arrived := self.offset(address)) < offset + len(data) - CHUNK:
            assert time.monotonic() < deadline, f"only {arrived} bytes have arrived"
            time.sleep(0.01)
        return connection


def stored(server: Installation, name: str, headers: Mapping[str, str] | None = None) -> bytes:
    """The content of a stored file."""
    answer = send(server, "GET", api(name), headers=headers)
    assert answer.status == 200, answer.body
    return answer.body


def events(server: Installation, filename: str) -> list[dict[str, Any]]:
    """What was recorded of the uploads of a file, oldest first."""
    found = server.records()[::-1]
    return [r for r in found if r["event"] in UPLOAD_EVENTS and r.get("filename") == filename]


def names_of(records: list[dict[str, Any]]) -> list[str]:
    """Which events they are."""
    return [record["event"] for record in records]


def assert_uploaded(
    server: Installation, name: str, content: bytes, *between: str
) -> list[dict[str, Any]]:
    """The file is there to the last byte, and the records tell of it once; those records.

    :param between: events that stand between the first and the last
    """
    assert stored(server, name) == content
    found = events(server, name)
    assert names_of(found) == ["upload_started", *between, "file_uploaded"]
    assert found[-1]["sha256"] == hashlib.sha256(content).hexdigest()
    assert found[-1]["file_size_bytes"] == len(content)
    assert leftovers(server) == []
    return found


def leftovers(server: Installation) -> list[str]:
    """What is kept of unfinished uploads."""
    folder = server.data / "objects"
    return [path.name for name in ("uploads", "incoming") for path in (folder / name).iterdir()]

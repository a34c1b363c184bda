"""Bytes to a server and all that comes back, whatever HTTP says about them."""

from __future__ import annotations

import http.client
import io
import os
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, cast

from tests.serving import Installation
from tests.web.wire import AGENT, PATIENCE, Answer

_LARGEST_ANSWER: Final = 32 * 1024 * 1024


def speak(server: Installation, *pieces: bytes | Iterable[bytes]) -> bytes:
    """Send this on a connection of its own; everything that was answered until it closed.

    A server that has heard enough may close before all is sent.
    """
    received = bytearray()
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                for part in [piece] if isinstance(piece, bytes) else piece:
                    connection.sendall(part)
        with suppress(ConnectionResetError):
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(1 << 16):
                received += part
                assert len(received) < _LARGEST_ANSWER, "the answer does not end"
    return bytes(received)


class _Played(io.BytesIO):
    """Bytes that stand in for a connection, as far as http.client reads from one."""

    def makefile(self, *_arguments: object) -> _Played:
        return self

    def close(self) -> None:
        """Stays open: the next answer follows."""


def answers(received: bytes, method: str = "GET") -> list[Answer]:
    """The answers in what a connection gave, in order."""
    stream = _Played(received)
    found = []
    while stream.tell() < len(received):
        response = http.client.HTTPResponse(cast("socket.socket", stream), method=method)
        response.begin()
        found.append(Answer(response.status, response.headers, response.read()))
    return found


def ask(
    server: Installation, method: str, target: bytes, *headers: bytes, body: bytes = b""
) -> Answer:
    """One request whose target is sent to the byte; its one answer."""
    lines = [
        method.encode() + b" " + target + b" HTTP/1.1",
        b"Host: 127.0.0.1",
        f"User-Agent: {AGENT}".encode(),
        b"Connection: close",
        *headers,
    ]
    if body or method in ("PUT", "POST"):
        lines.append(b"Content-Length: %d" % len(body))
    received = speak(server, b"".join(line + b"\r\n" for line in [*lines, b""]) + body)
    [answer] = answers(received, method)
    return answer


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every path below a folder, with the bytes of files; links are not followed."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        if path.is_file() and not path.is_symlink()
        else None
        for path in folder.rglob("*")
    }


_OBJECT: Final = re.compile(
    r"blobs(/[0-9a-f]{2}){0,2}|blobs/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}|incoming|server\.lock"
    r"|uploads(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\.writer)?)?"
)


def strange_objects(server: Installation) -> list[str]:
    """What lies among the stored contents and is not named after its own hash."""
    objects = server.data / "objects"
    found = (path.relative_to(objects).as_posix() for path in objects.rglob("*"))
    return [name for name in found if not _OBJECT.fullmatch(name)]


def processes(server: Installation) -> list[int]:
    """Every process of a server."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                if os.getpgid(int(entry.name)) == server.pid:
                    found.append(int(entry.name))
    return found


def peak_memory(server: Installation) -> int:
    """Bytes that the largest process of the server has had in memory at once."""
    peaks = []
    for process in processes(server):
        with suppress(OSError):
            status = Path(f"/proc/{process}/status").read_text()
            found = re.search(r"VmHWM:\s+(\d+) kB", status)
            peaks.append(int(found[1]) * 1024 if found else 0)
    return max(peaks)

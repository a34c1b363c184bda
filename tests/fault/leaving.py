"""Clients that go away before they are done, and what is recorded of them."""

from __future__ import annotations

import socket
import struct
import time

from tests.fault.stored import Record
from tests.serving import Installation
from tests.web.wire import PATIENCE


def head(server: Installation, method: str, target: str, agent: str, *headers: str) -> bytes:
    """The head of a request whose sender can be found by its user agent."""
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", f"User-Agent: {agent}", *headers]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


def send_and_leave(server: Installation, request: bytes, how: str) -> None:
    """Send this much of a request, then go: in good order (``fin``), or not (``rst``)."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        if how == "rst":
            _reset(connection)


def read_and_leave(server: Installation, request: bytes, count: int, how: str) -> None:
    """Read this much of the answer, then go."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        left = count
        while left:
            data = connection.recv(min(left, 65536))
            assert data
            left -= len(data)
        if how == "rst":
            _reset(connection)


def records_of_agent(server: Installation, agent: str) -> list[Record]:
    """The records of the one request of this user agent, once it has ended; oldest first."""
    deadline, pause = time.monotonic() + PATIENCE, 0.02
    while True:
        found = server.records(f'user_agent:"{agent}"')[::-1]
        if any(record["event"] == "response" for record in found):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(pause)
        pause = min(2 * pause, 0.5)  # asking costs more than what is waited for


def _reset(connection: socket.socket) -> None:
    """Let closing the connection throw away what is on its way."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

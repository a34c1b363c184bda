"""Clients that are slow to speak, or slow to leave, hold up nobody else."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from tests.serving import TRUST, Installation

pytestmark = [pytest.mark.fault, pytest.mark.slow]

MORE_THAN_THREADS = 200
"""Two workers have 128 threads."""

PATIENCE_SECONDS = 40.0


@contextmanager
def connections(server: Installation, count: int, first: bytes) -> Iterator[list[socket.socket]]:
    """Connections that have sent this and then wait."""
    with ExitStack() as stack:
        opened = []
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
            opened.append(stack.enter_context(connection))
            connection.sendall(first)
        yield opened


def check_served(server: Installation) -> None:
    """Others get their answers; a time-out fails the test."""
    for number in range(10):
        assert httpx.get(f"{server.url}/healthz", timeout=10, verify=TRUST).status_code == 200
        name = f"{time.monotonic_ns()}-{number}.txt"
        answer = httpx.put(
            f"{server.url}/api/v1/files/{name}", content=b"x", timeout=10, verify=TRUST
        )
        assert answer.status_code == 201


@pytest.mark.parametrize(
    "first",
    [b"", b"G", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "],
    ids=["silent", "one byte", "half a head"],
)
def test_heads_that_do_not_end(server: Installation, first: bytes) -> None:
    with connections(server, MORE_THAN_THREADS, first):
        check_served(server)


def test_a_head_that_dribbles_is_given_up(server: Installation) -> None:
    with connections(server, 1, b"GET /healthz HTTP/1.1\r\nX-Slow: ") as [connection]:
        connection.settimeout(0.2)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                connection.sendall(b"x")
                if connection.recv(100) == b"":
                    return
            except TimeoutError:
                continue
            except OSError:
                return
    raise AssertionError("still open")


def test_clients_that_do_not_hang_up(server: Installation) -> None:
    asked = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with connections(server, 40, asked) as waiting:
        for connection in waiting:
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
        check_served(server)


def test_descriptors_are_kept_for_those_who_ask(serve: Callable[..., Installation]) -> None:
    """More idle connections than the kernel allows open files; others only have to wait."""
    server = serve(workers=1, threads=8, ulimit="-n 300")
    with connections(server, 400, b""):
        answer = httpx.put(
            f"{server.url}/api/v1/files/a.txt", content=b"x", timeout=60, verify=TRUST
        )
        assert answer.status_code == 201
        check_served(server)
    assert "Too many open files" not in server.log.read_text()


def test_too_few_descriptors_are_told(serve: Callable[..., Installation]) -> None:
    with pytest.raises(AssertionError, match="raise it with ulimit -n, or use fewer threads"):
        serve(ulimit="-n 256")


def test_a_head_in_pieces_is_answered(server: Installation) -> None:
    with connections(server, 1, b"GET /healthz HT") as [connection]:
        for piece in (b"TP/1.1\r\n", b"Host: local", b"host\r\n\r", b"\n"):
            time.sleep(0.05)
            connection.sendall(piece)
        assert connection.recv(15) == b"HTTP/1.1 200 OK"


def test_requests_in_one_packet_are_all_answered(server: Installation) -> None:
    asked = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    put = (
        b"PUT /api/v1/files/piped.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\npiped"
    )
    with connections(server, 1, asked + put + asked) as [connection]:
        received = b""
        while received.count(b'{"status":"ok"}') < 2:
            part = connection.recv(65_536)
            assert part, received
            received += part
    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert received.count(b"HTTP/1.1 201 CREATED") == 1


def test_a_refusal_reaches_a_client_that_is_still_sending(server: Installation) -> None:
    """The body is not read; the answer must not be lost with the connection."""
    size = 10 * 10**9 + 1
    head = f"PUT /api/v1/files/large HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n"
    with connections(server, 1, head.encode()) as [connection]:
        for _ in range(100):
            connection.sendall(b"x" * 1_000_000)
        assert connection.recv(12) == b"HTTP/1.1 413"

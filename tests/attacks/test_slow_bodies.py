"""Clients that send a body slowly, or never, hold up nobody else."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.attacks.attack import attack
from tests.attacks.callers import household
from tests.web.household import Household
from tests.web.wire import HTML, send

__all__ = ["household"]

MORE_THAN_THREADS = 160
"""Two workers have 128 threads."""

FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    made = Household(Path(tmp_path_factory.mktemp("slow"), "data"))
    yield made
    made.close()


@attack("CWE-400 uncontrolled resource consumption", "CVE-2007-6750 Apache HTTP Server")
@pytest.mark.parametrize(
    ("line", "length", "more"),
    [
        ("POST /sign-in", 500, ()),
        ("POST /sign-in", 60_000, ()),
        ("POST /sign-in", 60_000, ("Expect: 100-continue",)),
        ("POST /password", 500, ()),
        ("PUT /api/v1/files/x", 500, ()),
        ("PUT /api/v1/files/x", 10_000_000, ()),
        ("GET /healthz", 500, ()),
        ("GET /healthz", 10_000_000, ()),
    ],
)
def test_bodies_that_do_not_come(
    house: Household, line: str, length: int, more: tuple[str, ...]
) -> None:
    head = [f"{line} HTTP/1.1", f"Host: 127.0.0.1:{house.server.port}", FORM,
            f"Content-Length: {length}", *more, "", ""]  # fmt: skip
    with ExitStack() as stack:
        for _ in range(MORE_THAN_THREADS):
            sent = socket.create_connection(("127.0.0.1", house.server.port), timeout=30)
            stack.enter_context(sent)
            sent.sendall("\r\n".join(head).encode() + b"name=")
        for _ in range(4):
            begun = time.monotonic()
            assert send(house.server, "GET", "/sign-in", headers=HTML).status == 200
            assert time.monotonic() - begun < 5  # far less than any of these is waited for


@attack("CWE-400 uncontrolled resource consumption", "CVE-2007-6750 Apache HTTP Server")
def test_a_body_that_does_come_is_read(house: Household) -> None:
    """In pieces, with leave to send it asked for, and on a kept connection."""
    body = b"name=nobody&password=" + b"x" * 3000
    head = (
        f"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1:{house.server.port}\r\n{FORM}\r\n"
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", house.server.port), timeout=30) as connection:
        for _ in range(2):
            connection.sendall(head)
            assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
            for start in range(0, len(body), 500):
                connection.sendall(body[start : start + 500])
                time.sleep(0.01)
            answer = b""
            while b"\r\n\r\n" not in answer or b"</html>" not in answer:
                answer += connection.recv(65_536)
            assert b" 401 " in answer.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")[:16]

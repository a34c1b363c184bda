"""Several requests with bodies on one connection, without waiting for answers: each has its own bytes."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterable, Iterator

import pytest

from strongroom.web.bodies import READ_BYTES
from strongroom.web.heads import SMALL_BODY
from tests.attacks.raw import answers, speak
from tests.serving import Installation
from tests.web.secured import Secured
from tests.web.wire import PATIENCE, names

SIZES = [0, 1, 8_191, 8_192, SMALL_BODY - 1, SMALL_BODY, SMALL_BODY + 1,
         READ_BYTES - 1, READ_BYTES, READ_BYTES + 1, 7_000_003]  # fmt: skip

LAST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A server that speaks TLS, and lets everybody in."""
    server = Secured(tmp_path_factory.mktemp("tls") / "data", workers=1, no_auth=True)
    server.start()
    yield server
    server.stop()


def content(size: int) -> bytes:
    """Bytes in which a gap, a repetition or a shift shows."""
    return b"".join(number.to_bytes(4, "big") for number in range(size // 4 + 1))[:size]


def put(name: str, body: bytes) -> bytes:
    """A whole request."""
    head = f"PUT /api/v1/files/{name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def cut(data: bytes, size: int) -> Iterable[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def check(received: bytes, bodies: dict[str, bytes]) -> None:
    """Every body was stored as it was sent, and the last request was answered as well."""
    found = answers(received, "PUT")
    assert [answer.status for answer in found] == [201] * len(bodies) + [200]
    stored = [answer.json() for answer in found[:-1]]
    assert {file["filename"]: file["sha256"] for file in stored} == {
        name: hashlib.sha256(body).hexdigest() for name, body in bodies.items()
    }


@pytest.mark.parametrize("packet", [1_000, 8_192, READ_BYTES + 1, 1 << 30])
def test_each_gets_its_own_bytes(server: Installation, packet: int) -> None:
    bodies = {f"{packet}-{size}.bin": content(size) for size in SIZES}
    sent = b"".join(put(name, body) for name, body in bodies.items())
    check(speak(server, cut(sent + LAST, packet)), bodies)


@pytest.mark.parametrize("packet", [1_000, 16_384, 1 << 30])
def test_each_gets_its_own_bytes_through_tls(secured: Secured, packet: int) -> None:
    bodies = {f"{packet}-{size}.bin": content(size) for size in SIZES}
    sent = b"".join(put(name, body) for name, body in bodies.items())
    plain = socket.create_connection(("127.0.0.1", secured.port), timeout=PATIENCE)
    received = b""
    with secured.trust.wrap_socket(plain, server_hostname="localhost") as connection:
        for piece in cut(sent + LAST, packet):
            connection.sendall(piece)
        while part := connection.recv(1 << 16):
            received += part
    check(received, bodies)


@pytest.mark.parametrize("size", [SMALL_BODY - 1, READ_BYTES - 1, READ_BYTES + 1])
def test_behind_a_body_that_nobody_reads(server: Installation, size: int) -> None:
    """A name that is taken is refused before the body is read; what follows is served, or nothing."""
    taken, hidden, behind = (f"{kind}-{size}.bin" for kind in ("taken", "hidden", "behind"))
    inner = put(hidden, b"x")
    body = content(size - len(inner)) + inner
    sent = put(taken, b"first") + put(taken, body) + put(behind, b"behind")
    found = [answer.status for answer in answers(speak(server, sent), "PUT")]
    assert found == [201, 409, 201] or (size > SMALL_BODY and found == [201, 409])
    assert taken in names(server)
    assert hidden not in names(server)

"""A body is read from the connection to the byte, and what follows it stays for the next request."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator
from functools import partial
from threading import Thread
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.body import Body
from gunicorn.http.parser import RequestParser

from strongroom.web.bodies import READ_BYTES, KnownBody, read_directly

NEXT = b"GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n"
LINES = b"".join(b"line %d\n" % number for number in range(60_000))

SIZES = [0, 1, 8_191, 8_192, 8_193, READ_BYTES - 1, READ_BYTES, READ_BYTES + 1, 3 * READ_BYTES + 5]


class Wire:
    """A connection of which the server's side is parsed as in production."""

    def __init__(self) -> None:
        self.client, self.server = socket.socketpair()
        self.server.settimeout(10)
        self.parser: Any = RequestParser(Config(), self.server, ("127.0.0.1", 1))
        self._senders: list[Thread] = []

    def send(self, *pieces: bytes) -> None:
        """Send this while the test reads."""

        def work() -> None:
            for piece in pieces:
                self.client.sendall(piece)

        self._senders.append(Thread(target=work, daemon=True))
        self._senders[-1].start()

    def request(self) -> Any:
        """The next one; its body is read by the module under test."""
        request = next(self.parser)
        read_directly(request, self.parser.unreader)
        return request

    def close(self) -> None:
        self.client.close()
        for sender in self._senders:
            sender.join(10)
        self.server.close()


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.close()


def put(length: int) -> bytes:
    """The head of a request with such a body."""
    return b"PUT /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % length


def content(size: int) -> bytes:
    return (LINES * (size // len(LINES) + 1))[:size]


def whole(body: Body, read: Callable[[], bytes]) -> bytes:
    """Everything until nothing comes."""
    pieces = []
    while piece := read():
        pieces.append(piece)
    assert body.read(READ_BYTES) == b""
    return b"".join(pieces)


@pytest.mark.parametrize("step", [1_024, 8_192, READ_BYTES, 10 * READ_BYTES])
@pytest.mark.parametrize("size", SIZES)
def test_a_body_and_the_next_request_in_one_packet(wire: Wire, size: int, step: int) -> None:
    for _ in range(2):
        wire.send(put(size) + content(size) + NEXT)
        request = wire.request()
        body: Body = request.body
        assert whole(body, partial(body.read, step)) == content(size)
        assert wire.request().path == "/next"


@pytest.mark.parametrize("size", SIZES)
def test_all_of_it_at_once(wire: Wire, size: int) -> None:
    wire.send(put(size), content(size), NEXT)
    assert wire.request().body.read() == content(size)
    assert wire.request().path == "/next"


@pytest.mark.parametrize("seed", range(20))
def test_lines_and_pieces_mixed(wire: Wire, seed: int) -> None:
    chance = random.Random(seed)  # the same at every run
    sent = content(chance.randrange(4 * READ_BYTES))
    cuts = sorted(chance.randrange(len(sent) + 1) for _ in range(5))
    bounds = zip([0, *cuts], [*cuts, len(sent)], strict=True)
    wire.send(put(len(sent)), *(sent[begin:end] for begin, end in bounds), NEXT)
    body = wire.request().body
    steps = [1, 100, 1_024, 8_191, 8_192, 50_000, READ_BYTES, 2 * READ_BYTES]

    def some() -> bytes:
        if chance.random() < 0.5:
            return bytes(body.readline())
        return bytes(body.read(chance.choice(steps)))

    assert whole(body, some) == sent
    assert wire.request().path == "/next"


def test_what_has_come_is_returned_at_once(wire: Wire) -> None:
    """A slow client's bytes are on disk before the next ones come."""
    wire.client.sendall(put(READ_BYTES) + b"abc")
    body = wire.request().body
    assert body.read(READ_BYTES) == b"abc"
    wire.client.sendall(b"defg")
    assert body.read(READ_BYTES) == b"defg"


def test_no_more_than_was_asked_for(wire: Wire) -> None:
    wire.client.sendall(put(30_000) + content(30_000) + NEXT)
    body = wire.request().body
    found = body.read(8_192)
    assert 0 < len(found) <= 8_192
    assert found + whole(body, partial(body.read, 8_192)) == content(30_000)


def test_a_body_that_nobody_read_is_thrown_away(wire: Wire) -> None:
    wire.send(put(3 * READ_BYTES), content(3 * READ_BYTES), NEXT)
    body = wire.request().body
    assert body.read(READ_BYTES)
    assert wire.request().path == "/next"


def test_a_body_that_ends_too_early(wire: Wire) -> None:
    wire.client.sendall(put(READ_BYTES) + b"abc")
    wire.client.shutdown(socket.SHUT_WR)
    body = wire.request().body
    assert [body.read(READ_BYTES) for _ in range(3)] == [b"abc", b"", b""]


def test_a_connection_that_broke_is_not_used_again(wire: Wire) -> None:
    wire.server.settimeout(0.01)
    wire.client.sendall(put(READ_BYTES) + b"abc")
    body = wire.request().body
    assert body.read(READ_BYTES) == b"abc"
    assert not body.failed
    with pytest.raises(TimeoutError):
        body.read(READ_BYTES)
    assert body.failed
    assert not wire.parser.finish_body()


def test_chunks_are_read_by_the_server(wire: Wire) -> None:
    head = b"PUT /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    wire.send(head, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n" + NEXT)
    body = wire.request().body
    assert not isinstance(body, KnownBody)
    assert body.read(READ_BYTES) == b"abcde"
    assert wire.request().path == "/next"

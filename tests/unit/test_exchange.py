"""One HTTP exchange as it looks from outside the application: counts, aborts, the end."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import FileWrapper

import pytest
from werkzeug.exceptions import ClientDisconnected

from strongroom.audit.events import Outcome
from strongroom.audit.exchange import ENVIRON_KEY, Exchange

Environ = dict[str, Any]


class Ended:
    """Counts how often an exchange said that it is over."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


@pytest.fixture
def ended() -> Ended:
    return Ended()


def environ(body: bytes = b"", length: int | str | None = None, method: str = "PUT") -> Environ:
    made: Environ = {"REQUEST_METHOD": method, "wsgi.input": io.BytesIO(body)}
    if length is not None:
        made["CONTENT_LENGTH"] = str(length)
    return made


def answered(
    status: str, headers: list[tuple[str, str]], method: str = "GET"
) -> tuple[Exchange, list[tuple[str, str]]]:
    """An exchange whose application has answered; and the headers that went out."""
    exchange = Exchange(environ(method=method), "r1")
    sent: list[tuple[str, str]] = []

    def start_response(_status: str, given: list[tuple[str, str]], _exc_info: Any = None) -> Any:
        sent.extend(given)

    exchange.responder(start_response)(status, headers)
    return exchange, sent


# The request's body


READERS: dict[str, Callable[[Any], bytes]] = {
    "in pieces": lambda stream: b"".join(iter(lambda: stream.read(3), b"")),
    "at once": lambda stream: stream.read(),
    "at once, by name": lambda stream: stream.read(-1),
    "in lines": lambda stream: b"".join(iter(stream.readline, b"")),
    "as lines": b"".join,
    "all lines": lambda stream: b"".join(stream.readlines()),
}


@pytest.mark.parametrize("read", READERS.values(), ids=list(READERS))
@pytest.mark.parametrize("length", [None, 11, "nonsense"])
def test_a_body_is_counted(read: Callable[[Any], bytes], length: int | None) -> None:
    made = environ(b"one\ntwo\nsix", length)
    exchange = Exchange(made, "r1")
    assert made[ENVIRON_KEY] is exchange
    assert read(made["wsgi.input"]) == b"one\ntwo\nsix"
    assert exchange.bytes_in == 11
    assert not exchange.aborted
    exchange.ended(0, exhausted=True)
    assert not exchange.aborted


@pytest.mark.parametrize("read", READERS.values(), ids=list(READERS))
def test_a_body_that_ends_too_early_is_an_abort(read: Callable[[Any], bytes]) -> None:
    made = environ(b"one\ntwo\nsix", 12)
    exchange = Exchange(made, "r1")
    with pytest.raises(ClientDisconnected, match="after 11 of 12 bytes"):
        read(made["wsgi.input"])
    exchange.ended(0, exhausted=True)
    assert exchange.bytes_in == 11
    assert exchange.aborted


def test_a_connection_that_breaks_is_an_abort() -> None:
    ours, theirs = socket.socketpair()
    ours.settimeout(0.05)
    theirs.sendall(b"part")
    made: Environ = {"REQUEST_METHOD": "PUT", "CONTENT_LENGTH": "100"}
    with ours, theirs, ours.makefile("rb", buffering=0) as stream:
        made["wsgi.input"] = stream
        exchange = Exchange(made, "r1")
        assert made["wsgi.input"].read(4) == b"part"
        with pytest.raises(ClientDisconnected):
            made["wsgi.input"].read(4)
    exchange.ended(0, exhausted=True)
    assert exchange.aborted


def test_a_body_that_nobody_reads_is_no_abort() -> None:
    exchange = Exchange(environ(b"", 100), "r1")
    exchange.ended(0, exhausted=True)
    assert (exchange.bytes_in, exchange.aborted) == (0, False)


def test_reading_nothing_is_not_the_end() -> None:
    made = environ(b"ab", 2)
    Exchange(made, "r1")
    assert made["wsgi.input"].read(0) == b""
    assert made["wsgi.input"].readlines(1) == [b"ab"]


# The answer


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("200 OK", Outcome.SUCCESS),
        ("304 NOT MODIFIED", Outcome.SUCCESS),
        ("400 BAD REQUEST", Outcome.DENIED),
        ("499 CLOSED", Outcome.DENIED),
        ("500 INTERNAL SERVER ERROR", Outcome.FAILED),
        ("503 SERVICE UNAVAILABLE", Outcome.FAILED),
    ],
)
def test_the_outcome_follows_from_the_status(status: str, outcome: Outcome) -> None:
    exchange, sent = answered(status, [("X-One", "1")])
    assert (exchange.status, exchange.outcome) == (int(status[:3]), outcome)
    assert sent == [("X-One", "1"), ("X-Request-ID", "r1")]


def test_without_an_answer_it_is_a_failure() -> None:
    exchange = Exchange(environ(), "r1")
    assert (exchange.status, exchange.outcome) == (500, Outcome.FAILED)


def test_a_body_taken_to_its_end(ended: Ended) -> None:
    exchange, _ = answered("200 OK", [])
    body = exchange.body([b"one", b"", b"three"], {}, ended)
    assert list(body) == [b"one", b"", b"three"]
    assert ended.times == 0
    body.close()  # type: ignore[attr-defined]
    body.close()  # type: ignore[attr-defined]
    assert (exchange.bytes_out, exchange.aborted, ended.times) == (8, False, 1)


@pytest.mark.parametrize(
    ("headers", "taken", "aborted"),
    [
        ([("Content-Length", "8")], 2, False),
        ([("content-length", "8")], 2, False),
        ([("Content-Length", "9")], 2, True),
        ([("Content-Length", "8")], 1, True),
        ([], 2, True),
        ([], 0, True),
    ],
)
def test_a_body_that_is_not_taken_to_its_end(
    ended: Ended, headers: list[tuple[str, str]], taken: int, aborted: bool
) -> None:
    """Servers stop asking once they have as many bytes as were announced."""
    exchange, _ = answered("200 OK", headers)
    body = exchange.body(iter([b"one", b"three"]), {}, ended)
    for _ in range(taken):
        next(iter(body))
    body.close()  # type: ignore[attr-defined]
    assert exchange.aborted is aborted


def test_nothing_is_sent_of_the_answer_to_head(ended: Ended) -> None:
    exchange, _ = answered("200 OK", [("Content-Length", "8")], method="HEAD")
    exchange.body([b"one", b"three"], {}, ended).close()  # type: ignore[attr-defined]
    assert (exchange.bytes_out, exchange.aborted, ended.times) == (0, False, 1)


def test_a_client_that_went_away_while_the_body_was_sent(ended: Ended) -> None:
    exchange, _ = answered("200 OK", [("Content-Length", "3")])
    body = exchange.body([b"one"], {}, ended)
    with pytest.raises(BrokenPipeError):  # noqa: PT012  # as servers do it
        try:
            next(iter(body))
            raise BrokenPipeError
        except BrokenPipeError:
            body.close()  # type: ignore[attr-defined]
            raise
    assert (exchange.aborted, ended.times) == (True, 1)


def test_a_body_whose_end_raises_still_ends(ended: Ended) -> None:
    def generator() -> Iterator[bytes]:
        try:
            yield b"one"
        finally:
            raise ValueError("no")

    exchange, _ = answered("200 OK", [])
    body = exchange.body(generator(), {}, ended)
    next(iter(body))
    with pytest.raises(ValueError, match="no"):
        body.close()  # type: ignore[attr-defined]
    assert ended.times == 1


# A file that the server sends by itself


@pytest.fixture
def wrapper(tmp_path: Path) -> Iterator[FileWrapper]:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with path.open("rb", buffering=0) as file:
        yield FileWrapper(file)


def body_of(exchange: Exchange, wrapper: FileWrapper, ended: Ended) -> FileWrapper:
    body = exchange.body(wrapper, {"wsgi.file_wrapper": FileWrapper}, ended)
    assert body is wrapper  # or the server would not recognise it
    return wrapper


def test_a_file_that_was_sent(ended: Ended, wrapper: FileWrapper) -> None:
    exchange, _ = answered("200 OK", [("Content-Length", "10")])
    body = body_of(exchange, wrapper, ended)
    body.close()
    assert (exchange.bytes_out, exchange.aborted, ended.times) == (10, False, 1)
    assert wrapper.filelike.closed


def test_a_range_of_which_a_part_was_sent(ended: Ended, wrapper: FileWrapper) -> None:
    wrapper.filelike.seek(2)
    exchange, _ = answered("206 PARTIAL CONTENT", [("Content-Length", "6")])
    body = body_of(exchange, wrapper, ended)
    try:
        wrapper.filelike.read(4)
        raise BrokenPipeError
    except BrokenPipeError:
        body.close()
    assert (exchange.bytes_out, exchange.aborted, ended.times) == (4, True, 1)


def test_nothing_is_sent_of_a_file_to_head(ended: Ended, wrapper: FileWrapper) -> None:
    exchange, _ = answered("200 OK", [("Content-Length", "10")], method="HEAD")
    body_of(exchange, wrapper, ended).close()
    assert (exchange.bytes_out, exchange.aborted, ended.times) == (0, False, 1)


def test_the_duration_is_that_of_the_whole_exchange() -> None:
    exchange = Exchange(environ(), "r1")
    time.sleep(0.03)
    half = exchange.duration_ms
    time.sleep(0.03)
    assert half >= 30
    assert exchange.duration_ms - half >= 30

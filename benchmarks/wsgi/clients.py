"""Clients on bare sockets, well-behaved and otherwise."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

LOOPBACK = "127.0.0.1"
BUFFER = 1024 * 1024


def connect(port: int, timeout: float | None = 30.0) -> socket.socket:
    """A connection to the server under test."""
    connection = socket.create_connection((LOOPBACK, port), timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def head(method: str, path: str, *fields: str) -> bytes:
    """A request's head."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: bench", *fields, "", ""]).encode()


def reset(connection: socket.socket) -> None:
    """Close with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_head(connection: socket.socket) -> tuple[bytes, bytes]:
    """A response's head and what arrived of its body with it; raises OSError if cut short."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("closed before the end of the response's head")
        received += piece
    start, _, rest = received.partition(b"\r\n\r\n")
    return start, rest


def exchange(connection: socket.socket, request: bytes) -> bool:
    """Send a request, read the whole response; true when the connection may be used again."""
    connection.sendall(request)
    start, rest = read_head(connection)
    lines = start.lower().split(b"\r\n")
    if not lines[0].startswith(b"http/1.1 200"):
        raise ConnectionError(lines[0].decode(errors="replace"))
    length = next((int(li.split(b":")[1]) for li in lines if li.startswith(b"content-length")), -1)
    while len(rest) < length if length >= 0 else not rest.endswith(b"0\r\n\r\n"):
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("closed in the middle of the response")
        rest += piece
    return b"connection: close" not in lines


def put(port: int, path: str, size: int) -> None:
    """PUT that many bytes from memory and wait for the answer."""
    block = memoryview(bytes(range(256)) * (BUFFER // 256))
    with connect(port, 120.0) as connection:
        connection.sendall(head("PUT", path, f"Content-Length: {size}"))
        while size:
            size -= connection.send(block[: min(size, BUFFER)])
        exchange(connection, b"")


def get(port: int, path: str) -> int:
    """GET a body of known length, throw it away, return its size; raises OSError if cut short."""
    buffer = bytearray(BUFFER)
    with connect(port, 120.0) as connection:
        connection.sendall(head("GET", path, "Connection: close"))
        start, rest = read_head(connection)
        size = int(start.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        received = len(rest)
        while received < size:
            count = connection.recv_into(buffer)
            if not count:
                raise ConnectionError(f"closed after {received} of {size} bytes")
            received += count
        return received


@dataclass
class Tally:
    """What a group of clients experienced; times in seconds."""

    times: list[float] = field(default_factory=list)
    failures: int = 0

    def add(self, other: Tally) -> None:
        self.times.extend(other.times)
        self.failures += other.failures

    def percentile(self, share: float) -> float | None:
        """The time that this share (0 to 1) of the answered requests did not exceed."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def healthy(port: int, clients: int, seconds: float, timeout: float) -> Tally:
    """So many clients do small GETs, each on a new connection, until the time is over."""
    tallies = [Tally() for _ in range(clients)]
    end = time.monotonic() + seconds
    request = head("GET", "/json", "Connection: close")

    def client(tally: Tally) -> None:
        while time.monotonic() < end:
            begun = time.monotonic()
            try:
                with connect(port, timeout) as connection:
                    exchange(connection, request)
                tally.times.append(time.monotonic() - begun)
            except OSError:
                tally.failures += 1
            time.sleep(0.01)

    run_all([threading.Thread(target=client, args=(tally,)) for tally in tallies])
    total = Tally()
    for tally in tallies:
        total.add(tally)
    return total


def run_all(threads: list[threading.Thread]) -> None:
    """Start all, wait for all."""
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextlib.contextmanager
def dribblers(port: int, count: int, opening: bytes, pause: float = 0.5) -> Iterator[None]:
    """Hold so many connections that send an opening, then one byte per pause; replace lost ones."""
    connections: list[socket.socket | None] = [None] * count
    stop = threading.Event()

    def open_slow() -> socket.socket:
        connection = connect(port, 2.0)
        connection.sendall(opening)
        connection.setblocking(False)
        return connection

    def dribble() -> None:
        while not stop.wait(pause):
            for index, connection in enumerate(connections):
                try:
                    if connection is None:
                        connections[index] = open_slow()
                    else:
                        connection.send(b"a")
                except OSError:
                    connections[index] = None

    with contextlib.ExitStack() as closing:
        for index in range(count):
            connections[index] = closing.enter_context(open_slow())
        thread = threading.Thread(target=dribble)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@contextlib.contextmanager
def holders(port: int, count: int, seconds: float = 3.0) -> Iterator[None]:
    """So many clients that take a last response and then keep their end open for a while."""
    stop = threading.Event()

    def hold() -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError), connect(port, 5.0) as connection:
                exchange(connection, head("GET", "/json", "Connection: close"))
                stop.wait(seconds)
            stop.wait(0.1)

    threads = [threading.Thread(target=hold) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def closed_within(connection: socket.socket, seconds: float) -> float | None:
    """Seconds until the server ends the connection or answers, or None when it does neither."""
    begun = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        return time.monotonic() - begun if selector.select(seconds) else None

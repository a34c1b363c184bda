"""gunicorn's threaded worker, made safe against clients that are slow to speak or to leave.

ThreadWorker lets a client decide how long three things take: the drain after the last response (on the
worker's main thread, up to two seconds each; meanwhile it accepts nothing, hands out nothing and sends
no heartbeat, until the arbiter kills it), the head of a new request (in a pool thread, without limit),
and the first byte of a connection (in a pool thread, five seconds). Here all three wait in the poller,
where a connection costs a descriptor and no thread. A body still needs its thread; it gets a least speed.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from gunicorn.workers.gthread import TConn, ThreadWorker

HEAD_SECONDS: Final = 10.0
"""From a connection's start, or a kept one's next byte, to the end of a request's head."""

HEAD_BYTES: Final = 64 * 1024
"""A head longer than this is handed to a thread as it is; gunicorn's own limits refuse it there."""

LINGER_IDLE_SECONDS: Final = 2.0
"""After the last response: how long a client may send nothing before the connection is dropped."""

LINGER_SECONDS: Final = 30.0
"""After the last response: how long a client may go on sending a body that nobody reads."""

BODY_BYTES_PER_SECOND: Final = 1024
"""A body that comes more slowly than this is given up, so that it does not hold its thread."""

BODY_GRACE_SECONDS: Final = 20.0
"""How much longer than that it may take."""

READ_AHEAD_BYTES: Final = 128 * 1024
"""Of a body, what gunicorn reads at once. Its own figure is 1 MiB, and it copies what it holds once
more at every smaller read, which halves the speed of uploads. Read in steps of this size."""

STOPPING_SECONDS: Final = 2.0
"""How long a stopping worker waits for a head, as gunicorn does for kept connections."""

_SWEEP_SECONDS: Final = 0.25
_DISCARD_BYTES: Final = 256 * 1024
_HEAD_END: Final = b"\r\n\r\n"


def _paced(chunk: Callable[[int | None], bytes]) -> Callable[[int | None], bytes]:
    """Reads from a client, and gives up on it once it is slower than the floor.

    A time-out of the socket would start anew with every byte. Only waiting counts: while the
    application is busy elsewhere, the client is not late.

    :raises TimeoutError: the body comes too slowly
    """
    waited, received = 0.0, 0

    def paced(size_hint: int | None = None) -> bytes:
        nonlocal waited, received
        begun = time.monotonic()
        data = chunk(size_hint)
        waited += time.monotonic() - begun
        received += len(data)
        if waited > BODY_GRACE_SECONDS + received / BODY_BYTES_PER_SECOND:
            raise TimeoutError(f"only {received} bytes of the body in {waited:.0f} seconds")
        return data

    return paced


@dataclass
class _Farewell:
    idle_until: float
    until: float


class PatientWorker(ThreadWorker):
    """A ThreadWorker that waits for clients in its poller only, and not for ever."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._gathering: dict[TConn, float] = {}  # heads in the kernel's buffer, until when
        self._reading: dict[TConn, float] = {}  # heads being read by a thread, until when
        self._leaving: dict[TConn, _Farewell] = {}
        self._buffer = bytearray(_DISCARD_BYTES)
        self._next_sweep = 0.0

    # --- Before a request: gather its head ------------------------------------------------------

    def enqueue_req(self, conn: TConn) -> None:
        """Give a thread to the connection once the head of its request has arrived."""
        parser: Any = conn.parser
        # TLS hides the head, a Unix socket ignores SO_RCVLOWAT, and of a pipelined request some
        # is in the parser already. Those go to a thread at once; `_reading` limits them.
        plain = conn.sock.family in (socket.AF_INET, socket.AF_INET6) and not self.cfg.is_ssl
        if plain and not (parser is not None and parser.unreader.buf.getvalue()):
            self._gather(conn, conn.sock)
        else:
            super().enqueue_req(conn)

    def _gather(self, conn: TConn, client: socket.socket) -> None:
        size = 0
        try:
            size = client.recv_into(self._buffer, HEAD_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            complete = size in (0, HEAD_BYTES) or self._buffer.find(_HEAD_END, 0, size) >= 0
        except (BlockingIOError, InterruptedError):
            complete = False
        except OSError:  # reset by the client; the thread finds out and ends the connection
            complete = True
        waited = conn in self._gathering
        if complete:
            if waited:
                del self._gathering[conn]
                self.poller.unregister(client)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
            conn.data_ready = True
            super().enqueue_req(conn)
            return
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size + 1)  # wake for more only
        if not waited:
            patience = HEAD_SECONDS if self.alive else STOPPING_SECONDS
            self._gathering[conn] = time.monotonic() + patience
            self.poller.register(client, selectors.EVENT_READ, partial(self._gather, conn))

    def handle(self, conn: TConn) -> Any:
        """Handle a request; runs in a thread."""
        self._reading[conn] = time.monotonic() + HEAD_SECONDS
        try:
            return super().handle(conn)
        finally:
            self._reading.pop(conn, None)

    def handle_request(self, req: Any, conn: TConn) -> bool:
        """Handle a request whose head is complete, unless its time was over before."""
        if self._reading.pop(conn, None) is None:
            return False
        parser: Any = conn.parser
        parser.unreader.max_body_chunk = READ_AHEAD_BYTES
        parser.unreader.chunk = _paced(parser.unreader.chunk)
        try:
            return super().handle_request(req, conn)
        finally:
            del parser.unreader.chunk

    # --- After the last response: linger --------------------------------------------------------

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Say goodbye to a connection that ends: half-close it, and let the client hang up."""
        if fs.cancelled() or fs.exception() is not None or fs.result() is not False:
            super().finish_request(conn, fs)
            return
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._discard, conn))
        except (OSError, ValueError, KeyError):  # closed already, by the client or after an error
            self._drop(conn)
            return
        now = time.monotonic()
        self._leaving[conn] = _Farewell(now + LINGER_IDLE_SECONDS, now + LINGER_SECONDS)

    def _discard(self, conn: TConn, client: socket.socket) -> None:
        try:
            received = client.recv_into(self._buffer)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            received = 0
        if received:
            self._leaving[conn].idle_until = time.monotonic() + LINGER_IDLE_SECONDS
        else:
            del self._leaving[conn]
            self._drop(conn)

    def _drop(self, conn: TConn) -> None:
        with contextlib.suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    # --- Time-outs ------------------------------------------------------------------------------

    def murder_pending(self) -> None:
        """End what has waited too long; called in every turn of the main loop, stopping or not."""
        super().murder_pending()
        now = time.monotonic()
        if now < self._next_sweep:
            return
        self._next_sweep = now + _SWEEP_SECONDS
        for conn in [c for c, until in self._gathering.items() if until <= now]:
            del self._gathering[conn]
            self._drop(conn)
        for conn in [c for c, f in self._leaving.items() if min(f.until, f.idle_until) <= now]:
            del self._leaving[conn]
            self._drop(conn)
        for conn, until in self._reading.copy().items():
            if until <= now and self._reading.pop(conn, None) is not None:
                with contextlib.suppress(OSError):  # the thread then finds the stream ended
                    socket.socket.shutdown(conn.sock, socket.SHUT_RDWR)

    def _cap_keepalive(self, deadline: float) -> None:
        """Called once when the worker begins to stop."""
        super()._cap_keepalive(deadline)  # type: ignore[misc]  # newer than the types
        for conn, until in self._gathering.items():
            self._gathering[conn] = min(until, deadline)

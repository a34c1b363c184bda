"""gunicorn's threaded worker, made safe against clients that are slow to speak or to leave.

ThreadWorker lets a client decide how long three things take: the drain after the last response (on the
worker's main thread, up to two seconds each; meanwhile it accepts nothing, hands out nothing and sends
no heartbeat, until the arbiter kills it), the head of a new request (in a pool thread, without limit),
and the first byte of a connection (in a pool thread, five seconds). Here all three wait in the poller,
where a connection costs a descriptor and no thread, and so does a TLS handshake, for which it would take
a pool thread too, and so does a small body, such as a form that strangers may send. A large one needs
its thread; it gets a least speed.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from gunicorn.http import get_parser
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import TConn, ThreadWorker

from strongroom.web.bodies import BODY_BYTES_PER_SECOND, BODY_GRACE_SECONDS, paced, read_directly
from strongroom.web.heads import HEAD_END, SMALL_BODY, Awaited, awaited
from strongroom.web.refusals import NOT_TLS, TOO_LONG_HEAD, TOO_LONG_LINE, refusal_of

HEAD_SECONDS: Final = 10.0
"""From a connection's start, or a kept one's next byte, to the end of a request's head; a TLS
handshake is included."""

HEAD_BYTES: Final = 64 * 1024
"""A head that does not end within these is refused."""

LINE_BYTES: Final = 8190
"""Of a request line: the most gunicorn allows, for long queries, percent-encoded. Of a header too."""

LINGER_IDLE_SECONDS: Final = 2.0
"""After the last response: how long a client may send nothing before the connection is dropped."""

LINGER_SECONDS: Final = 30.0
"""After the last response: how long a client may go on sending a body that nobody reads."""

DRAIN_SECONDS: Final = 0.5
"""For the rest of a body that was not read, where the connection is kept. gunicorn's own figure is 5;
what is longer on its way is waited for without a thread, see LINGER_SECONDS."""

BREAK_OFF_SECONDS: Final = 5.0
"""How long a stopping worker, whose patience has ended, waits for the threads whose connections it has
broken off: to undo what is half done, and to record it."""

STOPPING_SECONDS: Final = 2.0
"""How long a stopping worker waits for a head, as gunicorn does for kept connections."""

_SWEEP_SECONDS: Final = 0.25
_DISCARD_BYTES: Final = 256 * 1024
_RECORD_BYTES: Final = 16 * 1024
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


def _lacks(data: bytearray) -> bool:
    """Whether more of this request is to be waited for."""
    wanted = awaited(data, len(data))
    return len(data) < (HEAD_BYTES if wanted is None else wanted.size)


@dataclass
class _Farewell:
    idle_until: float
    until: float


class PatientWorker(ThreadWorker):
    """A ThreadWorker that waits for clients in its poller only, and not for ever."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._gathering: dict[TConn, float] = {}  # heads that the poller waits for, until when
        self._heads: dict[TConn, bytearray] = {}  # of those, what the kernel does not hold
        self._bodies: set[TConn] = set()  # of those, the ones whose head is complete
        self._reading: dict[TConn, float] = {}  # heads being read by a thread, until when
        self._handled: set[TConn] = set()  # by a thread
        self._leaving: dict[TConn, _Farewell] = {}
        self._buffer = bytearray(_DISCARD_BYTES)
        self._next_sweep = 0.0

    def run(self) -> None:
        """Serve until told to stop; then finish what was begun, and break off what takes too long."""
        super().run()
        for conn in list(self._handled):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(conn.sock, socket.SHUT_RDWR)
        until = time.monotonic() + BREAK_OFF_SECONDS
        while self._handled and time.monotonic() < until:
            self.notify()
            time.sleep(0.02)

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """Take connections or not; once stopping, refuse them, so that a balancer goes elsewhere."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                listener.close()

    # --- Before a request: shake hands, gather its head -----------------------------------------

    def enqueue_req(self, conn: TConn) -> None:
        """Give a thread to the connection once the head of its request has arrived."""
        parser: Any = conn.parser
        if parser is None and self.cfg.is_ssl:
            self._begin_tls(conn)
        elif self.cfg.is_ssl or (parser is not None and parser.unreader.buf.getvalue()):
            self._collect(conn)
        else:
            self._gather(conn)

    def _begin_tls(self, conn: TConn) -> None:
        context: ssl.SSLContext = self.cfg.ssl_context(self.cfg, None)
        try:
            conn.sock = context.wrap_socket(
                conn.sock, server_side=True, do_handshake_on_connect=False
            )
        except (OSError, ValueError):  # gone already
            self._drop(conn)
            return
        self._shake_hands(conn)

    def _shake_hands(self, conn: TConn, _client: Any = None) -> None:
        tls: Any = conn.sock
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            self._wait(conn, selectors.EVENT_READ, self._shake_hands)
        except ssl.SSLWantWriteError:
            self._wait(conn, selectors.EVENT_WRITE, self._shake_hands)
        except (OSError, ValueError) as error:
            self._wait_no_more(conn)
            if getattr(error, "reason", None) == "HTTP_REQUEST":
                with contextlib.suppress(OSError):
                    socket.socket.send(tls, NOT_TLS)  # in the clear, as it was asked
            self._say_goodbye(conn)
        else:
            parser: Any = get_parser(self.cfg, tls, conn.client)
            conn.parser, conn.initialized = parser, True
            self._collect(conn)

    def _collect(self, conn: TConn, _client: Any = None) -> None:
        """Read the head into memory: TLS hides it, and of a pipelined one the parser has some."""
        parser: Any = conn.parser
        if conn not in self._heads:
            conn.sock.setblocking(False)
            self._heads[conn] = bytearray(parser.unreader.take_buffered())
        head = self._heads[conn]
        try:
            while _lacks(head):
                received = conn.sock.recv(_RECORD_BYTES)
                if not received:
                    break
                head += received
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError):
            self._wait(conn, selectors.EVENT_READ, self._collect)
            self._begin_body(conn, awaited(head, len(head)))
            return
        except ssl.SSLWantWriteError:
            self._wait(conn, selectors.EVENT_WRITE, self._collect)
            return
        except OSError:
            head.clear()
        self._wait_no_more(conn)
        if head.find(HEAD_END) >= 0:
            parser.unreader.unread(bytes(head))
            self._hand_out(conn)
        elif len(head) >= HEAD_BYTES:
            self._refuse_head(conn, head)
        else:
            self._say_goodbye(conn)

    def _gather(self, conn: TConn, _client: Any = None) -> None:
        """Leave head and small body in the kernel's buffer until all of it is there."""
        client, size, wanted = conn.sock, 0, None
        try:
            how = socket.MSG_PEEK | socket.MSG_DONTWAIT
            size = client.recv_into(self._buffer, HEAD_BYTES + SMALL_BODY, how)
            wanted = awaited(self._buffer, min(size, HEAD_BYTES))
            complete = size == 0 or wanted is not None
        except (BlockingIOError, InterruptedError):
            complete = False
        except OSError:  # reset by the client; the thread finds out and ends the connection
            complete = True
        # Woken again before the body is there, it has ended early; the thread finds that out too.
        if wanted is not None and size < wanted.size and conn not in self._bodies:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, wanted.size)
            self._wait(conn, selectors.EVENT_READ, self._gather)
            self._begin_body(conn, wanted)
            return
        if not complete and size < HEAD_BYTES:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size + 1)  # wake for more only
            self._wait(conn, selectors.EVENT_READ, self._gather)
            return
        if self._wait_no_more(conn):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        if complete:
            self._hand_out(conn)
        else:
            self._refuse_head(conn, self._buffer)

    def _wait(self, conn: TConn, events: int, then: Callable[[TConn, Any], None]) -> None:
        if conn in self._gathering:
            self.poller.modify(conn.sock, events, partial(then, conn))
            return
        patience = HEAD_SECONDS if self.alive else STOPPING_SECONDS
        self._gathering[conn] = time.monotonic() + patience
        self.poller.register(conn.sock, events, partial(then, conn))

    def _begin_body(self, conn: TConn, wanted: Awaited | None) -> None:
        """The head is there: give the body as long as it would have in a thread."""
        if wanted is None or conn in self._bodies:
            return
        self._bodies.add(conn)
        if wanted.asks:
            with contextlib.suppress(OSError):
                conn.sock.send(_CONTINUE)
        if self.alive:
            patience = BODY_GRACE_SECONDS + wanted.size / BODY_BYTES_PER_SECOND
            self._gathering[conn] = time.monotonic() + patience

    def _end_body(self, conn: TConn) -> None:
        """Its time is over: a thread gets what there is, finds the end, and records that."""
        head = self._heads.get(conn)
        self._wait_no_more(conn)
        with contextlib.suppress(OSError):
            socket.socket.shutdown(conn.sock, socket.SHUT_RD)
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        if head is not None:
            parser: Any = conn.parser
            parser.unreader.unread(bytes(head))
        self._hand_out(conn)

    def _wait_no_more(self, conn: TConn) -> bool:
        """Whether it had waited."""
        self._heads.pop(conn, None)
        self._bodies.discard(conn)
        if self._gathering.pop(conn, None) is None:
            return False
        self.poller.unregister(conn.sock)
        return True

    def _hand_out(self, conn: TConn) -> None:
        conn.data_ready = True
        super().enqueue_req(conn)

    def _refuse_head(self, conn: TConn, head: bytearray) -> None:
        self.log.warning("a request was refused before it was understood")
        with contextlib.suppress(OSError):
            line_ends = head.find(b"\n", 0, LINE_BYTES + 2) >= 0
            conn.sock.setblocking(False)
            conn.sock.send(TOO_LONG_HEAD if line_ends else TOO_LONG_LINE)
        self._say_goodbye(conn)

    # --- In a thread ----------------------------------------------------------------------------

    def handle(self, conn: TConn) -> Any:
        """Handle a request; runs in a thread."""
        self._reading[conn] = time.monotonic() + HEAD_SECONDS
        self._handled.add(conn)
        try:
            return super().handle(conn)
        finally:
            self._reading.pop(conn, None)
            self._handled.discard(conn)

    def handle_request(self, req: Any, conn: TConn) -> bool:
        """Handle a request whose head is complete, unless its time was over before."""
        if self._reading.pop(conn, None) is None:
            return False
        parser: Any = conn.parser
        parser.unreader.chunk = paced(parser.unreader.chunk)
        read_directly(req, parser.unreader)
        try:
            return super().handle_request(req, conn)
        finally:
            del parser.unreader.chunk

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        """Whether the connection goes on: not when a body is still to come that nobody reads."""
        if not keepalive:
            return False
        parser: Any = conn.parser
        # A small body is here already; it only takes its turn at the processor to throw it away.
        headers = dict(parser.mesg.headers)
        small = int(headers.get("CONTENT-LENGTH", 0)) <= SMALL_BODY
        here = small and "TRANSFER-ENCODING" not in headers
        seconds = LINGER_SECONDS if here else DRAIN_SECONDS
        return bool(parser.finish_body(deadline=time.monotonic() + seconds))

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Any) -> None:
        """Answer a request that could not be understood, without what it said."""
        refusal = refusal_of(exc)
        if refusal is None:
            super().handle_error(req, client, addr, exc)
            return
        self.log.warning("a request was refused before it was understood")
        with contextlib.suppress(OSError):
            write_nonblock(client, refusal)

    # --- After the last response: linger --------------------------------------------------------

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Say goodbye to a connection that ends: half-close it, and let the client hang up."""
        if fs.cancelled() or fs.exception() is not None:
            super().finish_request(conn, fs)
        elif fs.result() is False:
            self._say_goodbye(conn)
        elif isinstance(conn.sock, ssl.SSLSocket) and conn.sock.pending():
            self.enqueue_req(conn)  # decrypted already: the poller would never see it
        else:
            super().finish_request(conn, fs)

    def _say_goodbye(self, conn: TConn) -> None:
        try:
            conn.sock.setblocking(False)
            if isinstance(conn.sock, ssl.SSLSocket):
                with contextlib.suppress(OSError, ValueError):
                    conn.sock.unwrap()  # tells the client that nothing was cut off
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
            if conn in self._bodies:
                self._end_body(conn)
            else:
                self._wait_no_more(conn)
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

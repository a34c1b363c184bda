"""A cable between browser and server that can be cut, and be slow: a TCP relay on loopback."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

CHUNK = 16 * 1024


class Cable:
    """Relays one port to another until it is cut; thread-safe.

    :param rate: bytes a second that pass towards the server, over each connection
    """

    def __init__(self, target: int, rate: int | None = None) -> None:
        self.rate = rate
        self._target = target
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._whole = threading.Event()
        self._whole.set()
        # A small window, else the kernel would take in megabytes at once.
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection, and all that are tried from now on."""
        self._whole.clear()
        with self._lock:
            ends, self._ends = self._ends, set()
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let new connections through."""
        self._whole.set()

    def close(self) -> None:
        """Cut it for good."""
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self._whole.is_set():
                near.close()
                continue
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        """Relay one connection, both ways, until either end closes it."""
        with near, socket.create_connection(("127.0.0.1", self._target)) as far:
            with self._lock:
                self._ends |= {near, far}
            down = threading.Thread(target=_relay, args=(far, near, None))
            down.start()
            _relay(near, far, self.rate)
            down.join()
            with self._lock:
                self._ends -= {near, far}


def _relay(source: socket.socket, sink: socket.socket, rate: int | None) -> None:
    with suppress(OSError):
        while received := source.recv(CHUNK):
            sink.sendall(received)
            if rate is not None:
                time.sleep(len(received) / rate)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)

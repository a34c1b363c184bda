"""Syslog over TCP or TLS, octet-counted (RFC 6587, RFC 5425), and over UDP (RFC 5426).

Syslog knows no answer: a write that succeeded says only that the kernel has it. So what was sent counts
as taken ten seconds later, if the connection still stands; when it breaks, all that is younger is sent
again, and receivers tell the doubles by ``id``.
"""

from __future__ import annotations

import socket
import ssl
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from strongroom.audit.shipping.destination import Destination, Protocol
from strongroom.audit.shipping.exporter import CLOSED, Record, Refusal, Undelivered
from strongroom.audit.shipping.syslog_format import octet_counted, syslog_message
from strongroom.audit.shipping.trust import tls_context

SETTLE_SECONDS = 10.0
"""Until what was sent counts as taken."""

UNACKNOWLEDGED_SECONDS: Final = 8.0
"""After so long without an acknowledgement of TCP the connection is given up: within the time above,
so that a machine that vanished is noticed before it counts as having taken anything."""

TIMEOUT_SECONDS: Final = 10.0
PIECE: Final = 65_536
"""Bytes that a receiver, however slow, has to take within the time-out."""

FINISH_SECONDS: Final = 2.0

LARGEST_DATAGRAM: Final = 65_507
"""Bytes of a UDP payload over IPv4."""


class SyslogStream:
    """Sends over TCP or TLS. For one thread, except :meth:`interrupt`.

    :raises SettingsError: when a certificate cannot be used
    """

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._tls = (
            tls_context(destination) if destination.protocol is Protocol.SYSLOG_TLS else None
        )
        self._socket: socket.socket | None = None
        self._sent_at = 0.0

    @property
    def settles_after(self) -> float:
        """See :data:`SETTLE_SECONDS`."""
        return SETTLE_SECONDS

    def send(self, records: Sequence[Record]) -> Sequence[Refusal]:
        """Write them to the connection, which is opened where there is none.

        :raises Undelivered: when the connection cannot be opened, or broke
        """
        frames, refused = self._framed(records)
        # What a connection took long ago has settled; what it took just now is to be sent again.
        settled = time.monotonic() - self._sent_at > SETTLE_SECONDS
        if self._socket is not None and not self.stands() and not settled:
            raise Undelivered(CLOSED)
        try:
            if self._socket is None:
                self._socket = self._connect()
            self._sent_at = time.monotonic()
            for start in range(0, len(frames), PIECE):
                self._socket.sendall(frames[start : start + PIECE])  # has the time-out to itself
        except OSError as error:
            self._drop()
            raise Undelivered(_told(error)) from error
        return refused

    def stands(self) -> bool:
        """Whether the receiver has neither closed nor vanished; else the connection is given up."""
        if self._socket is not None and not _is_open(self._socket):
            self._drop()
        return self._socket is not None

    def finish(self) -> bool:
        """Say that nothing follows, and see whether the receiver closes in turn: then it has read all."""
        connection, self._socket = self._socket, None
        if connection is None:
            return False
        # With unread bytes a receiver that ends would reset the connection instead of closing it.
        with connection, suppress(OSError):
            connection.settimeout(FINISH_SECONDS)
            if isinstance(connection, ssl.SSLSocket):
                with suppress(ssl.SSLEOFError):  # it closes without a farewell of its own
                    connection.unwrap().close()
                return True
            connection.shutdown(socket.SHUT_WR)
            until = time.monotonic() + FINISH_SECONDS
            while time.monotonic() < until:
                if not connection.recv(4096):
                    return True
        return False

    def interrupt(self) -> None:
        """Cut the connection."""
        if (connection := self._socket) is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _framed(self, records: Sequence[Record]) -> tuple[bytes, list[Refusal]]:
        frames, refused = [], []
        for place, record in enumerate(records):
            message = syslog_message(record, self._destination.facility)
            if len(message) <= self._destination.max_message_bytes:
                frames.append(octet_counted(message))
            else:
                refused.append(Refusal(place, place, 1, "longer than max_message_bytes"))
        return b"".join(frames), refused

    def _connect(self) -> socket.socket:
        address = (self._destination.host, self._destination.port)
        plain = socket.create_connection(address, TIMEOUT_SECONDS)
        try:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if sys.platform == "linux":
                limit = int(UNACKNOWLEDGED_SECONDS * 1000)
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limit)
            if self._tls is None:
                return plain
            return self._tls.wrap_socket(plain, server_hostname=self._destination.host)
        except BaseException:
            plain.close()
            raise

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class SyslogDatagrams:
    """Sends over UDP: best effort, and what is lost on the way nobody notices. For one thread."""

    settles_after: Final = 0.0

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._socket: socket.socket | None = None

    def send(self, records: Sequence[Record]) -> Sequence[Refusal]:
        """Send each in a datagram of its own; one that does not fit is refused.

        :raises Undelivered: when the host is not known, or this machine does not send
        """
        refused = []
        try:
            if self._socket is None:
                self._socket = self._open()
            for place, record in enumerate(records):
                message = syslog_message(record, self._destination.facility)
                if len(message) > LARGEST_DATAGRAM:
                    refused.append(Refusal(place, place, 1, "longer than a datagram of UDP"))
                else:
                    self._socket.send(message)
        except OSError as error:
            self.finish()
            raise Undelivered(_told(error)) from error
        return refused

    def stands(self) -> bool:
        """No question here."""
        return True

    def finish(self) -> bool:
        """Close."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        return True

    def interrupt(self) -> None:
        """Nothing waits."""

    def _open(self) -> socket.socket:
        address = (self._destination.host, self._destination.port)
        for family, kind, number, _, where in socket.getaddrinfo(*address, type=socket.SOCK_DGRAM):
            opened = socket.socket(family, kind, number)
            opened.settimeout(TIMEOUT_SECONDS)
            opened.connect(where)
            return opened
        raise OSError(f"{self._destination.host} has no address")


def _is_open(connection: socket.socket) -> bool:
    """Whether the other end is there: it has nothing to say, so whatever can be read is its farewell."""
    connection.settimeout(0)
    try:
        return bool(connection.recv(4096))
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False
    finally:
        connection.settimeout(TIMEOUT_SECONDS)


def _told(error: OSError) -> str:
    return f"{type(error).__name__}: {error.strerror or error}"[:300]

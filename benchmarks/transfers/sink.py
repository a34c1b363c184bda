"""A server that reads a body, throws it away and says 201: what the client can do at most."""

from __future__ import annotations

import socket
import sys
from typing import Final

BUFFER: Final = 1024 * 1024
ANSWER: Final = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def main() -> None:
    """Serve on loopback, at the port that the command line names, one connection at a time."""
    buffer = bytearray(BUFFER)
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        while True:
            connection, _ = listener.accept()
            with connection:
                _swallow(connection, buffer)


def _swallow(connection: socket.socket, buffer: bytearray) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        received = connection.recv(65536)
        if not received:
            return
        head += received
    fields, _, rest = head.lower().partition(b"\r\n\r\n")
    length = fields.partition(b"content-length:")[2].split(b"\r\n")[0]
    left = int(length or 0) - len(rest)
    while left > 0:
        received_bytes = connection.recv_into(buffer)
        if not received_bytes:
            return
        left -= received_bytes
    connection.sendall(ANSWER)


if __name__ == "__main__":
    main()

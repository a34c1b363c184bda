"""How a worker reads the body of a request: not more slowly than it must, nor from whom is too slow."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from gunicorn.http.body import Body, LengthReader

BODY_BYTES_PER_SECOND: Final = 1024
"""A body that comes more slowly than this is given up, so that it does not hold its thread."""

BODY_GRACE_SECONDS: Final = 20.0
"""How much longer than that it may take."""

READ_BYTES: Final = 128 * 1024
"""Of a body, what is read from the connection at once. gunicorn's own figure is 1 MiB, which no
processor cache holds until it is hashed and written."""

_DIRECT_BYTES: Final = 8 * 1024
"""Who asks for less is given what was read ahead, so as not to ask the kernel for every line."""

Chunk = Callable[[int | None], bytes]


def paced(chunk: Chunk) -> Chunk:
    """Reads from a client, and gives up on it once it is slower than the floor.

    A time-out of the socket would start anew with every byte. Only waiting counts: while the
    application is busy elsewhere, the client is not late.

    :raises TimeoutError: the body comes too slowly
    """
    waited, received = 0.0, 0

    def paced_chunk(size_hint: int | None = None) -> bytes:
        nonlocal waited, received
        begun = time.monotonic()
        data = chunk(size_hint)
        waited += time.monotonic() - begun
        received += len(data)
        if waited > BODY_GRACE_SECONDS + received / BODY_BYTES_PER_SECOND:
            raise TimeoutError(f"only {received} bytes of the body in {waited:.0f} seconds")
        return data

    return paced_chunk


class KnownBody(Body):
    """A body of announced length, of which large reads return what the kernel has at the moment.

    gunicorn waits until it has as much as was asked for, and copies every byte three times on the
    way, which takes longer than to hash it. Short reads are part of the bargain of ``wsgi.input``;
    an empty one still means that the body has ended, or broke off.

    :param unreader: the connection, with what was read ahead from it. What follows the body on it
        goes back there, for it belongs to the next request
    """

    def __init__(self, reader: LengthReader, unreader: Any) -> None:
        super().__init__(reader)
        self._rest = reader
        self._unreader = unreader

    def read(self, size: int | None = None) -> bytes:
        """At most so many bytes; all that are left where the size is None or negative.

        :raises OSError: the connection broke, or the body comes too slowly
        """
        if size is None or size < _DIRECT_BYTES or self.buf.tell():
            return bytes(super().read(size))
        wanted = min(size, self._rest.length)
        if wanted == 0:
            return b""
        data: bytes = self._unreader.take_buffered()
        if not data:
            try:
                data = self._unreader.chunk(wanted)
            except Exception:
                self.failed = True  # where the next request begins is not known any more
                raise
        if len(data) > wanted:
            self._unreader.unread(data[wanted:])
            data = data[:wanted]
        self._rest.length -= len(data)
        return data


def read_directly(request: Any, unreader: Any) -> None:
    """Have the body of a request read as this module does; call before anything of it is read."""
    unreader.max_body_chunk = READ_BYTES
    if type(request.body.reader) is LengthReader:
        request.body = KnownBody(request.body.reader, unreader)

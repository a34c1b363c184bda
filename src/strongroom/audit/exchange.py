"""One HTTP exchange, watched from outside the application: what came in, what went out.

It stands around the whole WSGI application, so that every request yields one ``request`` and
one ``response`` record, whatever answers it: a handler, Flask itself, or an exception.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any, Final

from werkzeug.exceptions import ClientDisconnected

from strongroom.audit.events import Outcome

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ENVIRON_KEY: Final = "strongroom.exchange"

PROXY_FIX_KEY: Final = "werkzeug.proxy_fix.orig"
"""What ``werkzeug.middleware.proxy_fix.ProxyFix`` keeps of the values that it replaces."""

REQUEST_ID_HEADER: Final = "X-Request-ID"

Run = Callable[[Callable[[], Any]], Any]
"""Does a part of the request, in its context."""


def addresses(environ: WSGIEnvironment) -> tuple[str | None, str | None]:
    """The client's address, and that of whoever holds the connection.

    They differ only where ``ProxyFix`` was told to believe a proxy; a header alone says nothing.
    """
    client = environ.get("REMOTE_ADDR")
    replaced = environ.get(PROXY_FIX_KEY)
    return client, client if replaced is None else replaced.get("REMOTE_ADDR")


class Exchange:
    """What is known of one request and its answer so far. Used by one thread at a time."""

    def __init__(self, environ: WSGIEnvironment, request_id: str) -> None:
        self.request_id = request_id
        self.method: str = environ.get("REQUEST_METHOD", "")
        self.status = 500
        """Until the application answers: what the server will say when it raises."""
        self.bytes_out: int | None = 0
        self.aborted = False
        self.failed = False
        """Whether the application broke off the body: the status had left by then."""
        self._started = time.perf_counter()
        self._announced: int | None = None
        self._input = CountedInput(environ["wsgi.input"], _length(environ.get("CONTENT_LENGTH")))
        environ["wsgi.input"] = self._input
        environ[ENVIRON_KEY] = self

    @property
    def bytes_in(self) -> int:
        """Body bytes that the application has read."""
        return self._input.count

    @property
    def duration_ms(self) -> float:
        """Milliseconds since the request arrived."""
        return round((time.perf_counter() - self._started) * 1000, 3)

    @property
    def outcome(self) -> Outcome:
        """The outcome that the status stands for."""
        if self.status >= 500 or self.failed:
            return Outcome.FAILED
        return Outcome.DENIED if self.status >= 400 else Outcome.SUCCESS

    def responder(self, start_response: StartResponse) -> StartResponse:
        """A ``start_response`` that notes the answer and names the request in it."""

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            self.status = int(status[:3])
            named = False
            for name, value in headers:
                lower = name.lower()
                if lower == "content-length":
                    self._announced = _length(value)
                named = named or lower == "x-request-id"
            if not named:  # by the application itself, or by one inside that is watched as well
                headers = [*headers, (REQUEST_ID_HEADER, self.request_id)]
            return start_response(status, headers, exc_info)

        return start

    def body(
        self,
        iterable: Iterable[bytes],
        environ: WSGIEnvironment,
        finished: Callable[[], None],
        run: Run = lambda work: work(),
    ) -> Iterable[bytes]:
        """The response body, watched to its end; ``finished`` is called once, after it.

        :param run: does what the application does for it
        """
        wrapper = environ.get("wsgi.file_wrapper")
        if isinstance(wrapper, type) and isinstance(iterable, wrapper):
            # The server recognises its own wrapper and sends the file itself (sendfile), so it
            # must get this very object; only its close() tells us how that went.
            iterable.close = self._file_closer(iterable, finished)  # type: ignore[attr-defined]  # the server's class, any
            return iterable
        return _Body(iterable, self, finished, run)

    def ended(self, count: int, *, exhausted: bool) -> None:
        """The body was closed after this many bytes."""
        self.bytes_out = count
        failed = isinstance(sys.exc_info()[1], OSError)
        complete = exhausted or self.method == "HEAD" or count == self._announced
        incomplete = not (complete or self.failed)
        self.aborted = self.aborted or self._input.aborted or failed or incomplete

    def _file_closer(self, wrapper: Any, finished: Callable[[], None]) -> Callable[[], None]:
        original: Callable[[], None] | None = getattr(wrapper, "close", None)
        start = _position(wrapper)

        def close() -> None:
            failed = sys.exc_info()[1] is not None
            # Servers put the position back after success, and leave it where they stopped.
            sent = max(_position(wrapper) - start, 0) if failed else self._announced
            try:
                if original is not None:
                    original()
            finally:
                self.bytes_out = 0 if self.method == "HEAD" else sent
                self.aborted = self.aborted or self._input.aborted or failed
                finished()

        return close


class CountedInput:
    """``wsgi.input`` that counts, and that notices a body which ends too early.

    Servers that set ``wsgi.input_terminated`` end a truncated body like a complete one. Here it
    raises :class:`~werkzeug.exceptions.ClientDisconnected`, and so does a broken connection.
    """

    def __init__(self, stream: IO[bytes], length: int | None) -> None:
        self._stream = stream
        self._length = length
        self.count = 0
        self.aborted = False

    def read(self, size: int = -1) -> bytes:
        """Like ``io.RawIOBase.read``."""
        data = self._noted(self._guarded(self._stream.read, size), wanted=size != 0)
        # Reading to the end is over only when all that was announced has come.
        return data + self._noted(b"", wanted=True) if size < 0 else data

    def readline(self, size: int = -1) -> bytes:
        """Like ``io.IOBase.readline``."""
        return self._noted(self._guarded(self._stream.readline, size), wanted=size != 0)

    def readlines(self, hint: int = -1) -> list[bytes]:
        """Like ``io.IOBase.readlines``."""
        lines = []
        total = 0
        for line in self:
            lines.append(line)
            total += len(line)
            if 0 < hint <= total:
                break
        return lines

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _guarded(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            return read(size)
        except Exception as error:
            # A broken connection, a time-out, or chunks that are none: servers have errors of
            # their own for these.
            self.aborted = True
            raise ClientDisconnected("the body broke off before it was complete") from error

    def _noted(self, data: bytes, *, wanted: bool) -> bytes:
        self.count += len(data)
        if not data and wanted and self._length is not None and self.count < self._length:
            self.aborted = True
            raise ClientDisconnected(f"the body ended after {self.count} of {self._length} bytes")
        return data


class _Body:
    """Counts what the server takes from a response body."""

    def __init__(
        self,
        iterable: Iterable[bytes],
        exchange: Exchange,
        finished: Callable[[], None],
        run: Run,
    ) -> None:
        self._iterable = iterable
        self._next = iter(iterable).__next__
        self._exchange = exchange
        self._finished: Callable[[], None] | None = finished
        self._run = run
        self._count = 0
        self._exhausted = False

    def __iter__(self) -> _Body:
        return self

    def __next__(self) -> bytes:
        try:
            chunk: bytes = self._run(self._next)
        except StopIteration:
            self._exhausted = True
            raise
        self._count += len(chunk)
        return chunk

    def close(self) -> None:
        finished, self._finished = self._finished, None
        if finished is None:
            return
        try:
            if close := getattr(self._iterable, "close", None):
                self._run(close)
        finally:
            self._exchange.ended(self._count, exhausted=self._exhausted)
            finished()


def _position(wrapper: Any) -> int:
    try:
        return int(wrapper.filelike.tell())
    except (AttributeError, OSError, ValueError):
        return 0


def _length(header: str | None) -> int | None:
    return int(header) if header is not None and header.isascii() and header.isdigit() else None

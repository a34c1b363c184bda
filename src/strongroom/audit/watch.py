"""Stands around applications: one ``request`` and one ``response`` for each that passes.

The rule where applications stand in one another: each audit log records a request once, where the
request first meets it. All records of it bear the same request id, whichever log they are in.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from flask import Flask, Response, got_request_exception, request_started
from flask import request as current_request
from werkzeug.exceptions import ClientDisconnected
from werkzeug.middleware.proxy_fix import ProxyFix

from strongroom.audit.counted import CountedRequests
from strongroom.audit.events import web
from strongroom.audit.exchange import ENVIRON_KEY, PROXY_FIX_KEY, Exchange, addresses
from strongroom.audit.metrics import Tally
from strongroom.audit.pipeline import Pipeline
from strongroom.audit.pipeline.clock import new_id
from strongroom.audit.pipeline.context import RequestContext, add_to_context
from strongroom.audit.pipeline.hooks import PROCESS
from strongroom.audit.pipeline.stdlib import note_unhandled, was_noted
from strongroom.audit.pipeline.trouble import described, say_once
from strongroom.errors import Unavailable

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

T = TypeVar("T")

Identify = Callable[["WSGIEnvironment"], Mapping[str, object] | None]
"""Who sends a request, as fields: ``user_id``, and where there are such, ``session_id``, ``token_id``."""

RETRY_SECONDS: Final = 5
PROBE_SECONDS: Final = 1.0
"""How long a journal that could be written is believed to be so still."""

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""They change nothing (RFC 9110, section 9.2.1), so nothing need be undone."""

_WATCHING: Final = "strongroom.watching"
_SENDER: Final = ("user_id", "session_id", "token_id")
_CLIENT_REQUEST_ID: Final = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)
_REFUSAL: Final = (
    b"The server cannot write its records now, so it does not do what it could not account for. "
    b"Nothing was changed; try again in a moment.\n"
)


class Watcher:
    """Records the requests of applications for one audit log. Thread-safe.

    :param counted: which requests are counted instead
    :param serving: called before each request
    :param identify: told the WSGI environ of each request that is recorded; fields that say who sent
        it. What it raises is told on stderr once, and the request goes on as nobody's
    :param probe: before a request that may change something: raises
        :class:`~strongroom.errors.Unavailable` when it could not be recorded; None to ask nothing
    """

    def __init__(
        self,
        pipeline: Pipeline,
        counted: CountedRequests,
        serving: Callable[[], None],
        probe: Callable[[], None] | None,
        identify: Identify,
    ) -> None:
        self._pipeline = pipeline
        self._counted = counted
        self._serving = serving
        self._probe = probe
        self._identify = identify
        self._writable_until = 0.0
        self.tally: Tally | None = None
        """Counts requests; None for nobody."""

    def put_around(self, app: Flask) -> None:
        """Watch this application; inside ``ProxyFix``, which tells the client's address."""
        entry: Any = app.wsgi_app
        proxy_fix: ProxyFix | None = None
        while isinstance(entry, ProxyFix):
            proxy_fix, entry = entry, entry.app
        watched = partial(self._watch, entry, app.name)
        if proxy_fix is None:
            # Flask's documented way to wrap an application without changing its type.
            app.wsgi_app = watched  # type: ignore[method-assign]
        else:
            proxy_fix.app = watched
        got_request_exception.connect(self._on_exception, app)
        request_started.connect(_learn_address, app)
        app.register_error_handler(Unavailable, _unavailable)

    def _watch(
        self,
        app: WSGIApplication,
        name: str,
        environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        watching: list[Watcher] = environ.setdefault(_WATCHING, [])
        if self in watching:
            return app(environ, start_response)
        watching.append(self)
        PROCESS.refresh()
        self._serving()
        outer: Exchange | None = environ.get(ENVIRON_KEY)
        exchange = Exchange(environ, new_id() if outer is None else outer.request_id)
        label = self._counted.label(environ.get("PATH_INFO", ""))
        values = _values(environ, exchange, name)
        if label is None:
            values.update(self._sender(environ))
        context = RequestContext(values, self._pipeline)
        context.begin()
        if self.tally is not None:
            self.tally.request_began()
        if label is None:
            self._pipeline.log(web.Request())

        def finished() -> None:
            try:
                if label is None:
                    context.run(lambda: self._pipeline.log(_response(exchange)))
                else:
                    self._counted.add(label)
            finally:
                self._count(exchange, label)
                context.end()

        responder = exchange.responder(start_response)
        if label is None and self._refuses(exchange):
            return exchange.body(_refusal(responder), environ, finished)
        try:
            body = context.run(lambda: app(environ, responder))
        except BaseException as error:
            exchange.status = 500  # what the server says, whatever was to be said
            context.run(partial(self._note, error))
            finished()
            raise
        return exchange.body(body, environ, finished, partial(self._run, context, exchange))

    def _count(self, exchange: Exchange, label: str | None) -> None:
        if self.tally is None:
            return
        if label is not None:
            self.tally.counted_request_ended(label)
            return
        self.tally.request_ended(
            exchange.method,
            exchange.status,
            exchange.duration_ms / 1000,
            (exchange.bytes_in, exchange.bytes_out or 0),
            aborted=exchange.aborted,
        )

    def _sender(self, environ: WSGIEnvironment) -> Mapping[str, object]:
        try:
            found = self._identify(environ)
            if not isinstance(found, Mapping):
                return {}
            return {name: found[name] for name in _SENDER if name in found}
        except Exception as error:  # noqa: BLE001  # of the application
            say_once(f"identify failed: {described(error)}")
            return {}

    def _run(self, context: RequestContext, exchange: Exchange, work: Callable[[], T]) -> T:
        try:
            return context.run(work)
        except StopIteration:
            raise
        except Exception as error:
            exchange.failed = True
            context.run(partial(self._note, error))
            raise

    def _refuses(self, exchange: Exchange) -> bool:
        if self._probe is None or exchange.method in SAFE_METHODS:
            return False
        if time.monotonic() < self._writable_until:
            return False
        try:
            self._probe()
        except Unavailable:
            return True
        self._writable_until = time.monotonic() + PROBE_SECONDS
        return False

    def failed(self) -> None:
        """The journal could not be written: believe no earlier probe."""
        self._writable_until = 0.0

    def _on_exception(self, _app: Flask, exception: BaseException, **_: Any) -> None:
        self._note(exception)

    def _note(self, error: BaseException) -> None:
        """Record what nothing caught, once."""
        expected = not isinstance(error, Exception) or isinstance(
            error, (Unavailable, ClientDisconnected)
        )
        if not expected and not was_noted(error):
            self._pipeline.log(web.UnhandledException(), error=error)
            note_unhandled(error)


def serving_once(began: Callable[[], None]) -> Callable[[], None]:
    """Calls ``began`` at the first call in each process."""
    begun: dict[int, object] = {}

    def serving() -> None:
        pid = os.getpid()
        if pid not in begun:
            mine = object()
            if begun.setdefault(pid, mine) is mine:  # atomic: of many threads one begins
                began()

    return serving


def _values(environ: WSGIEnvironment, exchange: Exchange, name: str) -> dict[str, object]:
    client, peer = addresses(environ)
    sent_id = environ.get("HTTP_X_REQUEST_ID", "")
    return {
        "request_id": exchange.request_id,
        "method": exchange.method,
        # As the client wrote it: a mounted application sees the rest of it only.
        "path": _text(f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"),
        "ip_address": client,
        "peer_address": peer,
        "user_agent": _text(environ.get("HTTP_USER_AGENT")),
        "client_request_id": sent_id if _CLIENT_REQUEST_ID.fullmatch(sent_id) else None,
        "app": name,
    }


def _learn_address(_app: Flask, **_: Any) -> None:
    """Where ``ProxyFix`` stands further inside, it has done its work only now."""
    environ = current_request.environ
    if PROXY_FIX_KEY in environ:
        client, peer = addresses(environ)
        add_to_context(ip_address=client, peer_address=peer)


def _unavailable(_error: Unavailable) -> Response:
    return Response(_REFUSAL, 503, {"Retry-After": str(RETRY_SECONDS)}, content_type="text/plain")


def _refusal(start_response: StartResponse) -> Iterable[bytes]:
    headers = [
        ("Content-Type", "text/plain"),
        ("Content-Length", str(len(_REFUSAL))),
        ("Retry-After", str(RETRY_SECONDS)),
    ]
    start_response("503 SERVICE UNAVAILABLE", headers)
    return [_REFUSAL]


def _response(exchange: Exchange) -> web.Response:
    return web.Response(
        outcome=exchange.outcome,
        status=exchange.status,
        duration_ms=exchange.duration_ms,
        bytes_in=exchange.bytes_in,
        bytes_out=exchange.bytes_out,
        aborted=exchange.aborted,
    )


def _text(value: str | None) -> str | None:
    """WSGI hands headers over as Latin-1; browsers write UTF-8 when they leave ASCII."""
    return None if value is None else value.encode("latin-1", "replace").decode("utf-8", "replace")

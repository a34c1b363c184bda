"""``AuditLog``: the audit system as a Flask extension, for any application."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, Literal

import orjson
from flask import Flask, got_request_exception, request

from strongroom.audit.counted import CountedRequests
from strongroom.audit.events import Catalogue, Event, Stream, system, web
from strongroom.audit.exchange import ENVIRON_KEY, Exchange
from strongroom.audit.journal import Journal, StoredRecord, encode
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.audit.pipeline import Pipeline, configure_structlog
from strongroom.audit.pipeline.clock import new_id
from strongroom.audit.pipeline.context import bind_context, clear_context
from strongroom.audit.pipeline.output import SILENT, Output
from strongroom.audit.pipeline.stdlib import PipelineHandler, capture_stdlib, release_stdlib
from strongroom.audit.query import JournalSearch
from strongroom.audit.viewer import viewer_blueprint
from strongroom.errors import Unavailable
from strongroom.store import Store
from strongroom.store.migrate import migrate

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

AuditFailure = Literal["refuse", "continue"]

AUDIT_CATALOGUE: Final = Catalogue.of(web, system)

_CLIENT_REQUEST_ID: Final = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)


class AuditLog:
    """Records every request of a Flask application, and every event it logs.

    Everything is one call away::

        audit = AuditLog(app, database="sqlite:///audit.db", viewer="/logs")
        structlog.get_logger().info("invoice_paid", invoice_id=7)

    Audit events are durable when :meth:`log` returns; everything else is committed at most
    50 ms later. Thread-safe; each worker process has its own writer, started on first use.

    :param app: the application; or call :meth:`init_app` later
    :param database: SQLAlchemy URL of the journal
    :param store: an open store to use instead, so that records commit with its other rows
    :param viewer: path of the viewer; None for no viewer
    :param allow_viewer: called in each viewer request; False answers 403. Without it, only
        programs on this machine see the viewer
    :param viewer_layout: template that the viewer's pages extend
    :param catalogue: the application's own declared events
    :param counted: label for each path prefix whose requests are counted, not recorded
    :param output: where records are printed as well
    :param audit_failure: when the journal cannot be written, ``refuse`` raises
        :class:`~strongroom.errors.Unavailable` from :meth:`log`, ``continue`` only prints
    :param name: recorded as ``app``
    :param version: recorded as ``version``
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        database: str = "sqlite:///audit.db",
        store: Store | None = None,
        viewer: str | None = "/logs",
        allow_viewer: Callable[[], bool] | None = None,
        viewer_layout: str = "viewer/layout.html",
        catalogue: Catalogue | None = None,
        counted: Mapping[str, str] | None = None,
        output: Output = SILENT,
        audit_failure: AuditFailure = "refuse",
        name: str | None = None,
        version: str | None = None,
    ) -> None:
        self.store = store or Store(database)
        self.journal = Journal(self.store)
        self.search = JournalSearch(self.store)
        self.catalogue = AUDIT_CATALOGUE | (catalogue or Catalogue())
        self.pipeline = Pipeline(self._route)
        self.audit_failure = audit_failure
        self._viewer = viewer
        self._allow_viewer = allow_viewer or _from_this_machine
        self._viewer_layout = viewer_layout
        self._output = output
        self._process = {
            "app": name,
            "version": version,
            "host": socket.gethostname(),
        }
        prefixes = dict(counted or {})
        if viewer is not None:
            prefixes[f"{viewer}/static/"] = "static"
        self._counted = CountedRequests(prefixes, self._report_counts)
        self._handler: PipelineHandler | None = None
        self.journal.on_dropped = lambda count: self.log(system.RecordsDropped(count=count))
        self.journal.on_committed = self._print
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Watch this application: bring the database up to date, wrap its WSGI entry.

        :raises SettingsError: when the database cannot be used
        """
        migrate(self.store, AUDIT_SCHEMA)
        self._process["app"] = self._process["app"] or app.name
        app.extensions["strongroom.audit"] = self
        configure_structlog(self.pipeline)
        if self._handler is None:
            self._handler = capture_stdlib(self.pipeline)
        got_request_exception.connect(self._on_exception, app)
        inner = app.wsgi_app

        def watched(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            return self._exchange(inner, environ, start_response)

        # Flask's documented way to wrap an application without changing its type.
        app.wsgi_app = watched  # type: ignore[method-assign]
        if self._viewer is not None:
            app.register_blueprint(
                viewer_blueprint(self, self._allow_viewer, self._viewer_layout),
                url_prefix=self._viewer,
            )

    def log(self, event: Event, *, error: BaseException | None = None) -> None:
        """Log a declared event with the context of the current request.

        Inside ``store.write(unit)`` an audit event commits with the unit. Elsewhere it is
        durable when this returns. Other events are committed at most 50 ms later.

        :param error: the exception to record with it
        :raises Unavailable: for an audit event, when the journal cannot be written and
            ``audit_failure`` is ``refuse``
        """
        self.pipeline.log(event, error=error)

    def close(self) -> None:
        """Commit all that is queued and let go of the database and the logging hooks."""
        self._counted.flush()
        if self._handler is not None:
            release_stdlib(self._handler)
            self._handler = None
        self.store.close()

    # Requests

    def _exchange(
        self, app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        if ENVIRON_KEY in environ:  # an application mounted inside another that is watched already
            return app(environ, start_response)
        exchange = Exchange(environ, new_id())
        self._bind(environ, exchange)
        label = self._counted.label(environ.get("PATH_INFO", ""))
        if label is None:
            self.log(web.Request())

        def finished() -> None:
            try:
                if label is None:
                    self.log(_response(exchange))
                else:
                    self._counted.add(label)
            finally:
                clear_context()

        try:
            body = app(environ, exchange.responder(start_response))
        except BaseException:
            finished()
            raise
        return exchange.body(body, environ, finished)

    def _bind(self, environ: WSGIEnvironment, exchange: Exchange) -> None:
        path = environ.get("PATH_INFO", "")
        sent_id = environ.get("HTTP_X_REQUEST_ID", "")
        bind_context(
            request_id=exchange.request_id,
            method=exchange.method,
            path=path.encode("latin-1", "replace").decode("utf-8", "replace"),
            ip_address=environ.get("REMOTE_ADDR"),
            peer_address=environ.get("REMOTE_ADDR"),
            user_agent=_header_text(environ.get("HTTP_USER_AGENT")),
            client_request_id=sent_id if _CLIENT_REQUEST_ID.fullmatch(sent_id) else None,
        )

    def _on_exception(self, _app: Flask, exception: BaseException, **_: Any) -> None:
        if not isinstance(exception, Unavailable):
            self.log(web.UnhandledException(), error=exception)

    def _report_counts(self, counts: Mapping[str, int]) -> None:
        self.log(web.RequestsCounted(count=sum(counts.values()), extra=counts))

    # Records

    def _route(self, record: dict[str, Any], stream: Stream) -> None:
        """The pipeline's sink: into the journal, and onto the console."""
        record.update(
            {name: value for name, value in self._process.items() if value is not None},
            pid=os.getpid(),
        )
        if stream is Stream.OPS:
            self._output.write(record)
            try:
                self.journal.enqueue(encode(record, stream))
            except (ValueError, orjson.JSONEncodeError, Unavailable):
                return  # printed above; a log call of this stream never raises
            return
        try:
            durable = self.journal.append([encode(record, stream)])
        except Unavailable:
            if self.audit_failure == "refuse":
                raise
            self._output.write(record)
            return
        if durable:
            self._output.write(record)

    def _print(self, records: Sequence[StoredRecord]) -> None:
        for stored in records:
            self._output.write(stored.record)


def _from_this_machine() -> bool:
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _response(exchange: Exchange) -> web.Response:
    return web.Response(
        outcome=exchange.outcome,
        status=exchange.status,
        duration_ms=exchange.duration_ms,
        bytes_in=exchange.bytes_in,
        bytes_out=exchange.bytes_out,
        aborted=exchange.aborted,
    )


def _header_text(value: str | None) -> str | None:
    """WSGI hands headers over as Latin-1; browsers write UTF-8 when they leave ASCII."""
    return None if value is None else value.encode("latin-1", "replace").decode("utf-8", "replace")

"""``AuditLog``: the audit system as a Flask extension, for any application."""

from __future__ import annotations

import atexit
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import Context
from typing import Any, Final, Literal

from flask import Flask

from strongroom.audit.access import from_this_machine
from strongroom.audit.alerting import Alerting, Alerts
from strongroom.audit.counted import CountedRequests
from strongroom.audit.database import create_tables, open_store
from strongroom.audit.events import (
    Catalogue,
    Event,
    Stream,
    alerting,
    ledger,
    shipping,
    system,
    web,
)
from strongroom.audit.journal import Journal, StoredRecord, encode
from strongroom.audit.journal.foreign import ForeignConnection
from strongroom.audit.journal.people import People
from strongroom.audit.journal.transaction import staged, transaction
from strongroom.audit.ledger import Ledger
from strongroom.audit.ledger.keeper import Keeper
from strongroom.audit.ledger.keeping import keeper
from strongroom.audit.ledger.signing import BY_DEFAULT, Signing
from strongroom.audit.metrics import AuditMetrics, Tally
from strongroom.audit.pipeline import Pipeline
from strongroom.audit.pipeline.hooks import PROCESS
from strongroom.audit.pipeline.output import SILENT, Output
from strongroom.audit.pipeline.trouble import described, say_once
from strongroom.audit.query import Page, Search, Window, parse
from strongroom.audit.retention import KEEP_EVERYTHING, Retention, Rules
from strongroom.audit.sealing.thread import SealingThread
from strongroom.audit.shipping import Destination, Shipping
from strongroom.audit.viewer import viewer_blueprint
from strongroom.audit.viewer.source import RelatedPages
from strongroom.audit.watch import Identify, Watcher, serving_once
from strongroom.errors import SettingsError, Unavailable
from strongroom.store import Store

AuditFailure = Literal["refuse", "continue"]

AUDIT_CATALOGUE: Final = Catalogue.of(web, system, ledger, shipping, alerting)

_KEY: Final = "strongroom.audit"
_VIEWER_PATH: Final = re.compile(r"(?:/[\w.~-]+)+")


class AuditLog:
    """Records every request of a Flask application, and every event it logs.

    Everything is one call away::

        audit = AuditLog(app, viewer="/logs")
        structlog.get_logger().info("invoice_paid", invoice_id=7)

    Audit events are durable when :meth:`log` returns; everything else is committed at most
    50 ms later. Thread-safe; each worker process has its own writer, started on first use.

    :param app: the application; or call :meth:`init_app` later, for several if need be
    :param database: SQLAlchemy URL of the journal; a relative path of SQLite is one in the
        ``instance_path`` of the first application
    :param store: an open store to use instead, so that records commit with its other rows
    :param viewer: path of the viewer, ``/logs`` or deeper; None for no viewer
    :param allow_viewer: called in each viewer request; False answers 403. Without it, only
        programs on this machine see the viewer
    :param identify: called with the WSGI environ of each request before anything of it is recorded:
        who sent it, as a mapping with ``user_id`` and, where there are such, ``session_id`` and
        ``token_id`` (UUIDs, never the secrets); None for nobody. Any thread may call it. May be
        set later, as ``audit.identify``
    :param viewer_layout: template that the viewer's pages extend
    :param catalogue: the application's own declared events
    :param counted: label for each path prefix whose requests are counted, not recorded
    :param output: where records are printed as well, in place of what the process prints now.
        Without it the application's own printing stays exactly as it is
    :param audit_failure: when the journal cannot be written, ``refuse`` raises
        :class:`~strongroom.errors.Unavailable` from :meth:`log`, which is answered with 503;
        ``continue`` goes on without the record
    :param probe: with ``refuse``, ask the journal before a request that may change something, and
        answer 503 instead of the handler. Left out: yes, unless a ``store`` is given, whose
        rows fail together with the records
    :param signing: how the ledger over the audit stream is signed; None leaves it unsigned
    :param retention: what is deleted, and when; nothing without it
    :param destinations: other systems that records are sent to
    :param alerts: who is told of critical records at once; nobody without it
    :param name: recorded as ``app``; the application's own name without it
    :param version: recorded as ``version``
    :raises SettingsError: for a path of the viewer that is none, and as :meth:`init_app` does
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        database: str = "sqlite:///audit.db",
        store: Store | None = None,
        viewer: str | None = "/logs",
        allow_viewer: Callable[[], bool] | None = None,
        identify: Identify | None = None,
        viewer_layout: str = "viewer/layout.html",
        catalogue: Catalogue | None = None,
        counted: Mapping[str, str] | None = None,
        output: Output | None = None,
        audit_failure: AuditFailure = "refuse",
        probe: bool | None = None,
        signing: Signing | None = BY_DEFAULT,
        retention: Rules = KEEP_EVERYTHING,
        destinations: Sequence[Destination] = (),
        alerts: Alerts | None = None,
        name: str | None = None,
        version: str | None = None,
    ) -> None:
        self.catalogue = AUDIT_CATALOGUE | (catalogue or Catalogue())
        self.pipeline = Pipeline(self._route, catalogue, AUDIT_CATALOGUE)
        self.audit_failure = audit_failure
        self.identify = identify
        self._database = database
        self._viewer = viewer = _viewer_path(viewer)
        self._allow_viewer = allow_viewer or from_this_machine
        self._viewer_layout = viewer_layout
        self._prints = output is not None
        self._output = SILENT if output is None else output
        given = {"app": name, "version": version, "host": socket.gethostname()}
        self._process = {key: value for key, value in given.items() if value is not None}
        self._first_app: str | None = None
        prefixes = dict(counted or {})
        if viewer is not None:
            prefixes[f"{viewer}/static/"] = "static"
        self._counted = CountedRequests(prefixes, self._report_counts)
        self._serving_in: int | None = None
        self._signing = signing
        self._rules = retention
        self._destinations = tuple(destinations)
        self._alerts = alerts or Alerts()
        self.related_pages: RelatedPages = lambda _record: ()
        """What the viewer links to from a record; called within a request of whoever reads it."""
        self.copy_places = () if signing is None else signing.copies
        self._keeper: Keeper | None = None
        probing = (store is None) if probe is None else probe
        self._watcher = Watcher(
            self.pipeline,
            self._counted,
            serving_once(self._began),
            self._probe if probing and audit_failure == "refuse" else None,
            lambda environ: None if self.identify is None else self.identify(environ),
        )
        if store is not None:
            self._open(store)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Watch this application: bring the database up to date, wrap its WSGI entry.

        Harmless when called again for the same application.

        :raises SettingsError: when the database cannot be used, or another ``AuditLog`` watches
            this application already
        """
        watching = app.extensions.get(_KEY)
        if watching is self:
            return
        if watching is not None:
            raise SettingsError(f"the application {app.name} has an AuditLog already; use that one")
        if not hasattr(self, "store"):
            self._open(open_store(self._database, app.instance_path))
        create_tables(self.store)
        app.extensions[_KEY] = self
        self._first_app = self._first_app or app.name
        PROCESS.join(self.pipeline, prints=self._prints)
        atexit.register(self.close)  # nothing queued is lost at an ordinary exit
        self._watcher.put_around(app)
        if self._viewer is not None:
            app.register_blueprint(
                viewer_blueprint(self, self._allow_viewer, self._viewer_layout),
                url_prefix=self._viewer,
            )

    def log(self, event: Event, *, error: BaseException | None = None) -> None:
        """Log a declared event with the context of the current request.

        Inside ``store.write(unit)`` an audit event commits with the unit, inside
        :meth:`transaction` with that. Elsewhere it is durable when this returns. Other events
        are committed at most 50 ms later.

        :param error: the exception to record with it
        :raises Unavailable: for an audit event, when the journal cannot be written and
            ``audit_failure`` is ``refuse``
        """
        if isinstance(event, (system.ApplicationStarted, system.ApplicationStopped)):
            started = isinstance(event, system.ApplicationStarted)
            self._serving_in = os.getpid() if started else None
            if started and self._keeper is not None:
                self._keeper.start()
            if started:
                self._sealing.start()
                self.shipping.start()
                self._alerting.start()
                self._tally.numbers.share()
        self.pipeline.log(event, error=error)

    @contextmanager
    def transaction(self, connection: ForeignConnection) -> Iterator[None]:
        """Audit events that this block logs commit with the application's rows, or not at all.

        ::

            with engine.begin() as connection, audit.transaction(connection):
                connection.execute(insert(invoice), row)
                audit.log(InvoicePaid(invoice_id=7))

        The records are appended when the block ends, and durable once the application commits.
        When the block raises, its rows and its records are undone both. Every other writer
        waits meanwhile: keep it short, and log no audit event between its end and the commit.

        :param connection: a connection of SQLAlchemy or :mod:`sqlite3` to the *same* SQLite
            database that the journal is in
        :raises ValueError: when it leads to another database, or commits by itself
        :raises Unavailable: when the database cannot be written now; nothing was kept
        """
        with transaction(self.store, self.journal, connection) as records:
            yield
        self._print(records)

    @property
    def metrics(self) -> AuditMetrics:
        """The numbers of this audit log, for a registry of prometheus-client.

        ::

            registry = CollectorRegistry()
            registry.register(audit.metrics)

        They are of all processes of the application, whichever is asked.
        """
        return AuditMetrics(self.store, self._tally)

    def records(self, query: str = "") -> list[dict[str, Any]]:
        """Everything that was logged so far and matches, oldest first: for tests and scripts.

        :param query: in the viewer's language, ``event:invoice_paid``
        :raises QueryError: when the query cannot be understood
        :raises Unavailable: when what is queued cannot be written
        """
        self.store.write(lambda _connection: None)  # what is queued goes with it
        wanted, found, page = parse(query), list[dict[str, Any]](), Page((), next="")
        while page.next is not None:
            page = self.search.page(wanted, Window(), cursor=page.next or None, limit=1_000)
            found.extend(page.records)
        return found[::-1]

    def close(self) -> None:
        """Commit all that is queued and let go of the database and the logging hooks.

        Requests that come afterwards are recorded still, by opening the database again.
        """
        self._counted.flush()
        if self._serving_in == os.getpid():
            self._log_aside(system.ApplicationStopped())
        if hasattr(self, "_sealing"):
            self._alerting.close()
            self._sealing.close()
            self.shipping.close()
        if self._keeper is not None:
            self._keeper.close()
        PROCESS.leave(self.pipeline)
        atexit.unregister(self.close)
        if hasattr(self, "store"):
            self.search.close()
            self.store.close()
            self._tally.numbers.close()

    def _open(self, store: Store) -> None:
        self.store = store
        self.journal = Journal(store)
        self.people = People(store)
        self.search = Search(store)
        self.ledger = Ledger(store)
        if self._signing is not None:
            self._keeper = keeper(store, self._signing, self._log_aside)
        self.shipping = Shipping(store, self._destinations, self.log)
        self._sealing = SealingThread(
            store,
            self.log,
            signed=self._signing is not None,
            afterwards=Retention(
                store, self.log, self._rules, keeps_from=self.shipping.keeps_from
            ).look,
        )
        self._alerting = Alerting(store, self._alerts, self._log_aside)
        numbers = store.path.with_name(f"{store.path.name}.metrics")
        self._tally = Tally(numbers, (event.event_name for event in self.catalogue))
        self._watcher.tally = self._tally
        self.journal.on_dropped = self._lost
        self.journal.on_committed = self._print
        self.journal.on_ended = self._ended

    def _began(self) -> None:
        if self._serving_in != os.getpid():  # else the server has said so
            self._log_aside(system.ApplicationStarted())

    def _log_aside(self, event: Event) -> None:
        """Log what belongs to no request, whatever request this thread is in."""
        Context().run(self.log, event)

    def _probe(self) -> None:
        self.journal.probe()

    def _lost(self, count: int) -> None:
        self._tally.dropped(count)
        self.log(system.RecordsDropped(count=count))

    def _ended(self, seconds: float | None) -> None:
        """A write transaction ended; in how much time it was on disk, if it was."""
        if seconds is None:
            self._tally.commit_failed(self.journal.waiting)
        else:
            self._tally.committed(seconds, self.journal.waiting)

    def _report_counts(self, counts: Mapping[str, int]) -> None:
        self.log(web.RequestsCounted(count=sum(counts.values()), extra=counts))

    # Records

    def _route(self, record: dict[str, Any], stream: Stream) -> None:
        """The pipeline's sink: into the journal, and onto the console."""
        if not hasattr(self, "journal"):
            raise Unavailable("this AuditLog watches no application yet: call init_app first")
        record.update(self._process, pid=os.getpid())
        if self._first_app is not None:
            record.setdefault("app", self._first_app)  # of no request: it had no better one
        if stream is Stream.OPS:
            self._kept(record)
            self.journal.enqueue(encode(record, stream))
            return
        try:
            stored = encode(record, stream)
            durable = not staged(self.journal, [stored]) and self.journal.append([stored])
        except Unavailable:
            self._watcher.failed()
            if self.audit_failure == "refuse":
                raise
            self._show(record)
            return
        if durable:
            self._kept(record)

    def _print(self, records: Sequence[StoredRecord]) -> None:
        for stored in records:
            self._kept(stored.record)

    def _kept(self, record: dict[str, Any]) -> None:
        self._tally.record_kept(record)
        self._show(record)

    def _show(self, record: dict[str, Any]) -> None:
        """Print it. Stored or not, that stays as it is when printing fails."""
        try:
            self._output.write(record)
        except Exception as error:  # noqa: BLE001  # an output of the application's own
            say_once(f"a record could not be printed: {described(error)}")


def _viewer_path(given: str | None) -> str | None:
    """The path without a slash at its end."""
    if given is None:
        return None
    path = given.rstrip("/")
    # At the root it would take over the application's own addresses, and count them as its own.
    if not _VIEWER_PATH.fullmatch(path):
        raise SettingsError(f"viewer: {given!r} is not a path such as /logs or /internal/logs")
    return path

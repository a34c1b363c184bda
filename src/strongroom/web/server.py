"""The production server: gunicorn with worker processes and threads (docs/adr/0001)."""

from __future__ import annotations

import logging
import resource
import signal
import socket
import ssl
import struct
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker

from strongroom.accounts.events import SignInDisabled
from strongroom.audit.events.system import ApplicationStarted, ApplicationStopped
from strongroom.audit.extension import AuditLog
from strongroom.audit.pipeline import Pipeline
from strongroom.audit.pipeline.output import Output
from strongroom.audit.pipeline.stdlib import capture_stdlib, release_stdlib
from strongroom.errors import SettingsError
from strongroom.files.upkeep import Upkeep
from strongroom.settings import Settings
from strongroom.web.tls import tls_context
from strongroom.web.worker import LINE_BYTES, PatientWorker

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

KEEPALIVE_SECONDS: Final = 65
"""Longer than the minute that proxies and browsers keep an idle connection."""

CONNECTIONS: Final = 2_000
"""Of one worker, idle ones included, where the limit on open files allows as many."""

FILES_OF_A_REQUEST: Final = 6
"""Descriptors that one request may hold: its connection, its blob, the database and its WAL."""

FILES_OF_A_PROCESS: Final = 100
FILES_WANTED: Final = 16_384

HEADERS: Final = 100
"""Of one request, the most that are read."""


END_SECONDS: Final = 15
"""How long the workers have to end, once the time for requests is over: break off, flush, sign, close."""


class Server(BaseApplication):
    """Serves until it is told to stop. Each worker builds an application of its own.

    :param output: where the master process prints
    :param build: called in each worker process after the fork
    """

    def __init__(self, settings: Settings, output: Output, build: Callable[[], Flask]) -> None:
        self._settings = settings
        self._build = build
        self._tls = tls_context(settings)
        # What the master process has to say is printed like everything else. It has no journal:
        # a process that forks must not have a writer thread.
        printed = Pipeline(lambda record, _stream: output.write(record))
        self._console = capture_stdlib(printed, logging.WARNING)
        super().__init__()

    def load_config(self) -> None:
        """Translate the settings."""
        settings = self._settings
        options = {
            "bind": str(settings.listen),
            "workers": settings.workers,
            "threads": settings.threads,
            "worker_class": PatientWorker,
            "worker_connections": _connections(settings.threads),
            "keepalive": KEEPALIVE_SECONDS,
            "limit_request_line": LINE_BYTES,
            "limit_request_fields": HEADERS,
            "limit_request_field_size": LINE_BYTES,
            # Of the master, which then kills. Workers stop waiting for requests before: see _started.
            "graceful_timeout": settings.shutdown_timeout + END_SECONDS,
            "logger_class": PropagatingLogger,
            "forwarded_allow_ips": "",
            "secure_scheme_headers": {},
            "control_socket_disable": True,
            "proc_name": "strongroom",
            "when_ready": self._when_ready,
            "post_worker_init": _started,
            "worker_exit": _stopped,
        }
        if settings.has_tls:
            options["certfile"], options["keyfile"] = _expanded(settings)
            options["ssl_context"] = self._offered  # read once, by the master: see _renew
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:  # gunicorn's types want ASGI here as well
        """The application of this worker."""
        app = self._build()
        release_stdlib(self._console)  # inherited from the master; the worker has a journal
        return _Entry(app, self._settings)

    def _offered(self, _conf: Any, _default: Any) -> ssl.SSLContext | None:
        return self._tls

    def _renew(self, arbiter: Arbiter) -> None:
        """SIGHUP: workers with the files' new certificate take over from those with the old one."""
        try:
            self._tls = tls_context(self._settings)
        except SettingsError as error:
            logging.getLogger(__name__).error(
                "the certificate was not renewed, the old one stays in use: %s", error
            )
            return
        arbiter.reload()

    def _when_ready(self, arbiter: Arbiter) -> None:
        # Ctrl-C is how people stop a server in a terminal: requests may finish then too.
        arbiter.handle_int = arbiter.handle_term  # type: ignore[method-assign]  # looked up by name
        arbiter.handle_hup = partial(self._renew, arbiter)  # type: ignore[method-assign]
        # Accepted sockets inherit the time-out: a client that reads nothing holds no thread for ever.
        patience = struct.pack("ll", self._settings.client_timeout, 0)
        for listener in arbiter.LISTENERS:
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)


class _Entry:
    """The WSGI callable: gives up on clients that stall while a request is handled."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self.audit: AuditLog = app.extensions["strongroom.audit"]
        self.upkeep: Upkeep = app.extensions["strongroom.upkeep"]
        self.no_auth = settings.no_auth
        self.shutdown_timeout = settings.shutdown_timeout
        self._app = app
        self._client_timeout = settings.client_timeout

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["gunicorn.socket"].settimeout(self._client_timeout)
        return self._app(environ, start_response)


def _expanded(settings: Settings) -> tuple[str, str]:
    cert, key = Path(settings.tls_cert), Path(settings.tls_key)
    return str(cert.expanduser().absolute()), str(key.expanduser().absolute())


def _connections(threads: int) -> int:
    """How many connections a worker may hold, so that requests find descriptors when they need one.

    Raises the process's own limit as far as it may; worker processes inherit it.

    :raises SettingsError: when the limit does not even allow the threads
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_WANTED if hard == resource.RLIM_INFINITY else min(hard, FILES_WANTED)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    room = soft - FILES_OF_A_PROCESS - threads * FILES_OF_A_REQUEST
    if room <= threads:
        raise SettingsError(
            f"threads: {threads} threads need more open files than the limit of {soft} allows; "
            "raise it with ulimit -n, or use fewer threads"
        )
    return min(CONNECTIONS, room)


class PropagatingLogger(Logger):
    """Hands gunicorn's messages to the root logger, and so to the audit system's pipeline."""

    def setup(self, cfg: Any) -> None:
        """No handlers of its own."""
        self.cfg = cfg
        self.error_log.setLevel(logging.INFO)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Without what a refused client sent: it may be a query string or a header field."""
        if str(msg).startswith("Invalid request from ip="):
            msg, args = "a request was refused before it was understood", ()
        super().warning(msg, *args, **kwargs)


def _started(worker: Worker) -> None:
    worker.cfg.set("graceful_timeout", worker.wsgi.shutdown_timeout)  # type: ignore[attr-defined]  # ours
    # A terminal sends Ctrl-C to every process; only the master decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    entry: Any = worker.wsgi
    entry.audit.log(ApplicationStarted())
    if entry.no_auth:
        entry.audit.log(SignInDisabled())
    entry.upkeep.start()


def _stopped(_arbiter: Arbiter, worker: Worker) -> None:
    # A worker that never came up has no application.
    entry = getattr(worker, "wsgi", None)
    if isinstance(entry, _Entry):
        entry.upkeep.close()
        entry.audit.log(ApplicationStopped())
        entry.audit.close()

"""Puts the halves into one Flask application. What they are made of is decided elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from flask import Flask

from strongroom.accounts import access as account_access
from strongroom.accounts.admin import admin
from strongroom.accounts.pages import pages as account_pages
from strongroom.accounts.service import Accounts
from strongroom.audit.access import from_loopback
from strongroom.audit.extension import AuditLog
from strongroom.audit.ledger.serve import ledger_blueprint
from strongroom.audit.viewer import records_api
from strongroom.files import access
from strongroom.files.access import FileServer
from strongroom.files.api import api as files_api
from strongroom.files.history import history, history_of
from strongroom.files.pages import pages as files_pages
from strongroom.files.tus.routes import tus
from strongroom.permissions import NOBODY_IN_PARTICULAR, Access, Need, Permission
from strongroom.settings import Settings
from strongroom.version import __version__
from strongroom.web.assets import asset_address
from strongroom.web.cookies import SessionCookies
from strongroom.web.errors import register_errors
from strongroom.web.gate import Gate
from strongroom.web.health import health_blueprint
from strongroom.web.identify import Identification
from strongroom.web.metrics import metrics_blueprint
from strongroom.web.proxies import TrustedProxies
from strongroom.web.security import Guard

API = "/api/v1"


AUDIT_NEEDS: Final[Mapping[str, Need]] = {
    "viewer.static": Access.ANYBODY,
    **dict.fromkeys(
        (
            "viewer.list_records",
            "viewer.list_records_too",
            "viewer.histogram",
            "viewer.facets",
            "viewer.complete",
            "viewer.tail",
            "viewer.show_record",
            "viewer.give_proof",
            "viewer.give_bundle",
            "viewer.give_export",
            "records.list_records",
            "records.show_record",
            "records.histogram",
            "records.facets",
            "records.give_proof",
            "records.give_export",
            "ledger.checkpoint",
            "ledger.verifier_keys",
            "ledger.tile",
        ),
        Permission.LOGS_READ,
    ),
}
"""What the routes of the audit system need, which knows nothing of our permissions."""

STATIC_NEEDS: Final = dict.fromkeys(
    ("static", "files.static", "history.static", "accounts.static"), Access.ANYBODY
)


def create_app(
    settings: Settings, audit: AuditLog, files: FileServer, accounts: Accounts | None
) -> Flask:
    """The WSGI application of one worker process.

    :param audit: not yet bound to an application; it is bound to this one
    :param accounts: who may come in; None for everyone on this machine (``no_auth``)
    """
    app = Flask(__package__)
    # A name in an address is data: "a//b" must be refused as it is, not redirected elsewhere.
    app.url_map.merge_slashes = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals |= {"asset": asset_address(app), "version": __version__}
    audit.init_app(app)
    # Outside the audit log, whose records shall have the client's address.
    app.wsgi_app = TrustedProxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]
    access.install(app, files)
    Guard(settings, audit).protect(app)
    everybody = NOBODY_IN_PARTICULAR if accounts is None else None
    Gate(audit, everybody, {**AUDIT_NEEDS, **STATIC_NEEDS}).protect(app)
    register_errors(app)
    app.register_blueprint(health_blueprint(audit))
    app.register_blueprint(metrics_blueprint(settings, audit))
    app.register_blueprint(files_pages)
    app.register_blueprint(history)
    app.register_blueprint(files_api, url_prefix=API)
    app.register_blueprint(tus, url_prefix="/tus")
    audit.related_pages = history_of
    allowed = audit_readers(settings)
    app.register_blueprint(records_api(audit, allowed), url_prefix=API)
    app.register_blueprint(ledger_blueprint(audit, allowed), url_prefix="/ledger")
    if accounts is not None:
        _admit(app, audit, accounts, SessionCookies(settings))
    return app


def audit_readers(settings: Settings) -> Callable[[], bool]:
    """What the audit system asks before it shows records.

    The gate has asked already. Without accounts it lets everybody pass, so it is the machine that
    counts; the Guard has checked the Host header by then.
    """
    return from_loopback if settings.no_auth else lambda: True


def _admit(app: Flask, audit: AuditLog, accounts: Accounts, cookies: SessionCookies) -> None:
    audit.identify = Identification(accounts, cookies)
    account_access.install(app, account_access.AccountServer(accounts, audit, cookies))
    app.register_blueprint(account_pages)
    app.register_blueprint(admin)

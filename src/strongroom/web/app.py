"""Puts the halves into one Flask application. What they are made of is decided elsewhere."""

from __future__ import annotations

from flask import Flask

from strongroom.audit.access import from_loopback
from strongroom.audit.extension import AuditLog
from strongroom.audit.ledger.serve import ledger_blueprint
from strongroom.audit.viewer import records_api
from strongroom.files import access
from strongroom.files.api import api as files_api
from strongroom.files.pages import pages as files_pages
from strongroom.permissions import NOBODY_IN_PARTICULAR
from strongroom.settings import Settings
from strongroom.version import __version__
from strongroom.web.assets import asset_address
from strongroom.web.errors import register_errors
from strongroom.web.health import health_blueprint
from strongroom.web.security import Guard

API = "/api/v1"


def create_app(settings: Settings, audit: AuditLog, server: access.FileServer) -> Flask:
    """The WSGI application of one worker process.

    :param audit: not yet bound to an application; it is bound to this one
    """
    app = Flask(__package__)
    # A name in an address is data: "a//b" must be refused as it is, not redirected elsewhere.
    app.url_map.merge_slashes = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    # Nobody is asked who they are yet: whoever can connect may do everything.
    app.jinja_env.globals |= {
        "asset": asset_address(app),
        "version": __version__,
        "identity": NOBODY_IN_PARTICULAR,
    }
    audit.init_app(app)
    access.install(app, server)
    Guard(settings, audit).protect(app)
    register_errors(app)
    app.register_blueprint(health_blueprint(audit))
    app.register_blueprint(files_pages)
    app.register_blueprint(files_api, url_prefix=API)
    app.register_blueprint(records_api(audit, from_loopback), url_prefix=API)
    app.register_blueprint(ledger_blueprint(audit, from_loopback), url_prefix="/ledger")
    return app
